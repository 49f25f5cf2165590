"""What an approval covers, whether it is valid, and what state a run is in."""
