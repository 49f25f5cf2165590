"""What earlier outcomes tell of a target that does not keep what it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.database import connect
from trueup.transforms.planning.sql import statement

if TYPE_CHECKING:
    from collections.abc import Sequence

_VALUES = "STRUCT(attribute VARCHAR, value VARCHAR)[]"


def suppressed(rows: Sequence[tuple[str, str, str, str, str, str]]) -> list[tuple[str, ...]]:
    """What is not tried again after ``rows``: key, operation, result, written, found and class of a title each."""
    connection = connect()
    connection.execute(
        f"CREATE TABLE outcomes (age INT, key VARCHAR, operation VARCHAR, result VARCHAR, before {_VALUES}, "
        f"written {_VALUES}, found STRUCT(attribute VARCHAR, value VARCHAR, class VARCHAR)[])"
    )
    connection.executemany(
        "INSERT INTO outcomes VALUES (0, $1, $2, $3, [], [{attribute: 'title', value: $4}], "
        "[{attribute: 'title', value: $5, class: $6}])",
        rows,
    )
    return sorted(connection.execute(statement("suppressed")).fetchall())


def test_a_value_put_back_is_no_proof_that_the_target_keeps_what_is_wanted() -> None:
    """The old value that was put back reads as said; the new one was not kept all the same."""
    rows = [("restore", "null", "null", "kept"), ("update", '"Jones"', "null", "not_kept")]
    told = [(key, of[0], "applied", *of[1:]) for key, both in (("k1", rows), ("k2", rows[::-1])) for of in both]
    assert suppressed(told) == [(key, "title", '"Jones"', "null") for key in ("k1", "k2")]


def test_what_the_target_dropped_of_a_write_that_failed_later_on_is_not_tried_again_either() -> None:
    told = [("k1", "update", "failed", '"Jones"', "null", "not_kept"), ("k2", "update", "failed", '"Boss"', "null", "")]
    assert suppressed(told) == [("k1", "title", '"Jones"', "null")]
