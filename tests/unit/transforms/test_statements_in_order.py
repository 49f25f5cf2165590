"""Statements run in the order of their headers, and a header says what its statement reads."""

from __future__ import annotations

import re
from graphlib import CycleError
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from trueup.transforms.duck.database import connect
from trueup.transforms.duck.runner import Statement, in_order, make, remember, statement
from trueup.transforms.errors import Failed
from trueup.transforms.planning.sql import PACKAGE as PLANNING
from trueup.transforms.rollback.sql import PACKAGE as ROLLBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
ROOMS = {PLANNING: ROOT / "transforms/planning/sql", ROLLBACK: ROOT / "transforms/rollback/sql"}
FILES = [(package, path.stem) for package, folder in ROOMS.items() for path in sorted(folder.glob("*.sql"))]
READS = re.compile(r"\b(?:FROM|JOIN|(?<=IN \()FROM)\s+([a-z_]+|\"left\")\b")
OWN = re.compile(r"(?:WITH|,)\s*([a-z_]+) AS \(")


def read_by(text: str) -> Iterator[str]:
    body = re.sub(r"--.*|'[^']*'", "", text)
    body = re.sub(r"\b(EXTRACT|DISTINCT) FROM\b", "", body)
    own = set(OWN.findall(body))
    target = re.search(r"\b(?:INSERT INTO|DELETE FROM) ([a-z_]+)", body)
    for name in READS.findall(body):
        if name not in own and not (target and name == target[1]):
            yield name.strip('"')


@pytest.mark.parametrize(("package", "name"), FILES, ids=lambda value: value.rpartition(".")[2])
def test_a_header_names_every_relation_its_statement_reads(package: str, name: str) -> None:
    one = statement(name, package)
    changed = re.search(r"\b(?:INSERT INTO|DELETE FROM) ([a-z_]+)", one.text)
    assert set(one.reads) - {changed[1] if changed else ""} == set(read_by(one.text))


def test_each_statement_comes_after_what_it_reads() -> None:
    chain = [Statement("c", "", ("b", "a"), frozenset()), Statement("a", "", ("ground",), frozenset())]
    chain.append(Statement("b", "", ("a",), frozenset()))
    assert [one.name for one in in_order(chain, {"ground"})] == ["a", "b", "c"]


def test_a_statement_whose_input_nobody_makes_is_refused() -> None:
    with pytest.raises(Failed, match=r"c\.sql reads b, which nothing has made"):
        in_order([Statement("c", "", ("a", "b"), frozenset())], {"a"})


def test_statements_that_read_one_another_are_refused() -> None:
    with pytest.raises(CycleError):
        in_order([Statement("a", "", ("b",), frozenset()), Statement("b", "", ("a",), frozenset())], ())


def test_planning_makes_what_it_lacks_in_any_order_and_says_what_is_missing() -> None:
    with connect(threads=1) as connection, pytest.raises(Failed, match=r"confirmed_links\.sql reads by_hand, linked"):
        make(connection, PLANNING, tables=("confirmed_links",))


def test_values_are_parameters_and_no_text_breaks_a_statement() -> None:
    hostile = "'; DROP TABLE outcome_linked; --"
    with connect(threads=1) as connection:
        connection.execute(
            "CREATE TABLE outcome_linked AS SELECT 'k' AS key, 'p' AS profile_id, 'create' AS operation, "
            "'applied' AS result"
        )
        make(connection, PLANNING, tables=("made_then",), parameters={"run": hostile})
        remember(connection, "links_run", hostile)
        assert connection.execute("SELECT since, getvariable('links_run') FROM made_then").fetchall() == [
            (hostile, hostile)
        ]
        make(connection, PLANNING, tables=("made_then",), parameters={"run": "x"}, nobody=("made_then",))
        assert connection.execute("FROM made_then").fetchall() == []
