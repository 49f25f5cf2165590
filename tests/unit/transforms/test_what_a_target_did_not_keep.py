"""What earlier outcomes tell of a target that does not keep what it is given."""

from __future__ import annotations

from trueup.transforms.duck.database import connect
from trueup.transforms.planning.sql import statement

_VALUES = "STRUCT(attribute VARCHAR, value VARCHAR)[]"


def test_a_value_put_back_is_no_proof_that_the_target_keeps_what_is_wanted() -> None:
    """The old value that was put back reads as said; the new one was not kept all the same."""
    connection = connect()
    connection.execute(
        f"CREATE TABLE outcomes (age INT, key VARCHAR, operation VARCHAR, result VARCHAR, before {_VALUES}, "
        f"written {_VALUES}, found STRUCT(attribute VARCHAR, value VARCHAR, class VARCHAR)[])"
    )
    rows = [("restore", "null", "null", "kept"), ("update", '"Jones"', "null", "not_kept")]
    for key, of_one in (("k1", rows), ("k2", rows[::-1])):
        for operation, written, found, kind in of_one:
            connection.execute(
                "INSERT INTO outcomes VALUES (0, $key, $op, 'applied', [], [{attribute: 'title', value: $w}], "
                "[{attribute: 'title', value: $f, class: $c}])",
                {"key": key, "op": operation, "w": written, "f": found, "c": kind},
            )
    suppressed = connection.execute(statement("suppressed")).fetchall()
    assert sorted(suppressed) == [(key, "title", '"Jones"', "null") for key in ("k1", "k2")]
