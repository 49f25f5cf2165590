"""Runs on disk: layout, seals, acts, locks, journal."""
