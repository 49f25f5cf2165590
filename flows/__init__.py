"""Orchestration and the command line: says when."""
