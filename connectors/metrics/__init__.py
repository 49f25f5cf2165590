"""Figures of the last run, left for those who watch. What is not configured is not loaded."""
