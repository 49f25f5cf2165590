"""Entra's mapping language, whole, compiled to DuckDB: target attribute ← expression over source attributes.

    load_mapping → compile_run → run_mapping      for a run
    parse, render                                  for one expression

Pure: no clock, no randomness, no network. What is not per-row pure takes the run's time and a seed.
"""

from __future__ import annotations

from trueup.transforms.mapping.errors import WrongExpression, WrongMapping
from trueup.transforms.mapping.loading import columns_for, load_mapping
from trueup.transforms.mapping.model import Mapping
from trueup.transforms.mapping.parser import parse
from trueup.transforms.mapping.statement import CompiledMapping, compile_run, run_mapping
from trueup.transforms.mapping.tree import Expression, render

__all__ = [
    "CompiledMapping",
    "Expression",
    "Mapping",
    "WrongExpression",
    "WrongMapping",
    "columns_for",
    "compile_run",
    "load_mapping",
    "parse",
    "render",
    "run_mapping",
]
