"""The page on the mapping says what is so."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from trueup.transforms.mapping.cases import check, read_cases
from trueup.transforms.mapping.explaining import explained
from trueup.transforms.mapping.filters import OPERATORS, parse_clause
from trueup.transforms.mapping.functions.catalogue import FUNCTIONS

NOW = datetime(2026, 11, 23, tzinfo=UTC)
PAGE = (Path(__file__).parents[4] / "docs" / "mapping.md").read_text(encoding="utf-8")


def test_every_example_by_task_compiles() -> None:
    part = PAGE.split("## By task")[1].split("## ")[0]
    examples = re.findall(r"^\| [^|]* \| `(.*)` \|$", part, re.MULTILINE)
    assert len(examples) == 15
    for example in examples:
        assert explained(example, at=NOW).sql


def test_every_function_is_listed() -> None:
    part = PAGE.split("**Functions**, all 56: ")[1].split(".\n")[0]
    assert sorted(re.split(r",\s+", part)) == sorted(FUNCTIONS)


def test_the_cases_shown_pass() -> None:
    shown = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0]
    assert json.loads(shown)
    assert all(result.ok for result in check(read_cases(shown, "docs"), now=NOW))


def test_the_filters_shown_are_read_and_every_operator_is_described() -> None:
    shown = next(block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "filters" in block)
    for one in tomllib.loads(shown)["source"]["filters"]:
        for clause in one:
            assert parse_clause(clause).operator in OPERATORS
    table = re.findall(r"^\| (`.*?) \|", PAGE.split("## Scoping filters")[1], re.MULTILINE)
    named = {name.replace("_", " ").upper() for cell in table for name in re.findall(r"`([^`]+)`", cell)}
    assert set(OPERATORS) == named
