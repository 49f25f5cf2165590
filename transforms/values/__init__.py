"""Attribute paths, labels and when two values are equal."""
