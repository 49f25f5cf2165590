"""The report's questions to a run's files."""
