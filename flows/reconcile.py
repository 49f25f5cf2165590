"""The nightly plan."""
