"""The only place that writes to a directory; only apply can reach it."""
