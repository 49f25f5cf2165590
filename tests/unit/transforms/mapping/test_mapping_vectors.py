"""Every documented and derived example of Entra's functions, run through parser, compiler and DuckDB."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from trueup.transforms.duck.database import connect
from trueup.transforms.mapping import parse, render
from trueup.transforms.mapping.cases import Case, alike, evaluate, read_cases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection

_TEXT = (Path(__file__).parent / "vectors.json").read_text(encoding="utf-8")
_AMBIGUOUS = {row["id"] for row in json.loads(_TEXT) if row.get("ambiguous")}
_CASES = [case for case in read_cases(_TEXT, "vectors.json") if case.id not in _AMBIGUOUS]
_NOW = datetime(2025, 7, 30, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def connection() -> Iterator[DuckDBPyConnection]:
    with connect(threads=1) as connection:
        yield connection


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.id)
def test_a_documented_example_gives_what_it_should(case: Case, connection: DuckDBPyConnection) -> None:
    answer = evaluate(connection, case, now=case.now or _NOW)
    assert answer.error is None
    assert answer.flow == case.flow
    assert case.flow != "value" or alike(answer.value, case.output), answer.value


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.id)
def test_a_documented_example_survives_printing_and_parsing(case: Case) -> None:
    tree = parse(case.expression)
    assert parse(render(tree)) == tree
