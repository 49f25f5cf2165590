"""Ctrl-C while DuckDB is at work."""

from __future__ import annotations


def is_ctrl_c(error: BaseException) -> bool:
    """Whether the error is a Ctrl-C: DuckDB 2 takes the signal during a query and raises this in its stead."""
    return type(error) is RuntimeError and str(error) == "Query interrupted"
