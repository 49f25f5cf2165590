"""Damage in every text the mapping reads: what PowerShell, spreadsheets and code pages leave in a value's place.

Looked for in SQL over the snapshot, whichever kind of source it is from. What stood there the night before is told
beside it, and lets a text pass that only looks damaged. Letters that are simply gone (“Mller”) show only beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.expectations.patterns import BROKEN, BROKEN_MARK, BROKEN_TEXT, CERTAINLY_BROKEN
from trueup.expectations.people import PACKAGE
from trueup.expectations.relations import columns_of, view_file
from trueup.transforms.damage import NO_VALUE, NO_VALUE_MARK, SPREADSHEET, TYPE_NAME, TYPE_NAME_WITHIN
from trueup.transforms.duck.database import statement
from trueup.transforms.duck.quoting import identifier, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from duckdb import DuckDBPyConnection

    from trueup.transforms.attributes import ManagedAttribute
    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.run_files import RunFiles

CHECKED_AS_NAMES = ("givenName", "surname")
"""Their lost letters are the affair of the suite over the names themselves; here they get what stood there before."""
LOOKED_BACK = 60
"""So many applied runs are looked at for what stood there when somebody held was last taken over."""
_NOWHERE = Path("no such file")
_TEXTS = ("VARCHAR", "VARCHAR[]")


@dataclass(frozen=True, slots=True)
class Damage:
    """How many people one attribute is damaged for in one way."""

    check: str
    attribute: str
    people: int


def find_damage(
    connection: DuckDBPyConnection, files: RunFiles, attributes: tuple[ManagedAttribute, ...], history: History
) -> tuple[Damage, ...]:
    """Make ``damage`` (key, check, attribute, value, before) over everybody in ``people``; says how much there is."""
    used = {column for attribute in attributes for column in attribute.source_columns} - {"id"}
    there = columns_of(connection, files.source)
    texts = {name: kind for name, kind in sorted(there.items()) if name in used and kind in _TEXTS}
    connection.execute(
        'CREATE OR REPLACE TEMP TABLE damage (key VARCHAR, "check" VARCHAR, attribute VARCHAR, value VARCHAR, '
        "before VARCHAR, is_older BOOLEAN)"
    )
    if not texts:
        return ()
    view_file(connection, "mapped", files.source, {"id": "VARCHAR", **texts})
    pairs = _pairs("mapped", texts)
    query = statement("damaged", PACKAGE).replace("$pairs", pairs)
    query = query.replace("$together", ", ".join(_text("mapped", name, kind) for name, kind in texts.items()))
    patterns = {
        "mark": f"{NO_VALUE_MARK}|{BROKEN_MARK}",
        "any": f"{NO_VALUE}|{BROKEN_TEXT}",
        "type": f"{TYPE_NAME}|{TYPE_NAME_WITHIN}",
        "spreadsheet": SPREADSHEET,
    }
    for name, pattern in patterns.items():
        query = query.replace(f"${name}", literal(pattern))
    connection.execute(query)
    _compare(connection, texts, history)
    _find_letters_lost(connection, texts, history)
    rows = connection.execute(
        'SELECT "check", attribute, count(DISTINCT key) FROM damage GROUP BY ALL ORDER BY ALL'
    ).fetchall()
    return tuple(Damage(*row) for row in rows)


def _compare(connection: DuckDBPyConnection, texts: Mapping[str, str], history: History) -> None:
    before = _before(history)
    _view_run(connection, before, texts)
    query = statement("damaged_since", PACKAGE).replace("$pairs", _pairs("mapped_before", texts))
    connection.execute(f"INSERT INTO damage {query.replace('$certain', literal(CERTAINLY_BROKEN))}")


def _before(history: History) -> PriorRun | None:
    before = history.baseline or history.latest_read
    return before if before is not None and before.files.source.exists() else None


def _view_run(connection: DuckDBPyConnection, before: PriorRun | None, texts: Mapping[str, str]) -> None:
    """``mapped_before`` and ``decided_before``: what ``before`` read and decided; empty where there is none."""
    columns = {"id": "VARCHAR", **texts}
    if before is not None:
        view_file(connection, "mapped_before", before.files.source, columns)
    else:
        nothing = ", ".join(f"NULL::{kind} AS {identifier(name)}" for name, kind in columns.items())
        connection.execute(f"CREATE OR REPLACE VIEW mapped_before AS SELECT {nothing} WHERE FALSE")
    # What was held then was taken over by nobody: only an applied run's decisions make a value a known one.
    decided = before.files.decisions if before is not None and before.was_applied else _NOWHERE
    view_file(connection, "decided_before", decided, {"key": "VARCHAR", "decision": "VARCHAR"})


def _find_letters_lost(connection: DuckDBPyConnection, texts: Mapping[str, str], history: History) -> None:
    """Add to ``damage`` what only what stood there before shows to be damaged.

    Whoever is held keeps the damaged text night after night, so that the night before is not evidence any more: of them
    it is what stood there when they were last taken over.
    """
    before = _before(history)
    if before is None:
        return
    connection.execute(statement("known_before", PACKAGE))
    for older in [run for run in history.applied if run is not before][:LOOKED_BACK]:
        waiting = connection.execute("SELECT 1 FROM known_before WHERE is_waiting LIMIT 1").fetchall()
        if not waiting:
            break
        if older.files.source.exists():
            _view_run(connection, older, texts)
            for name in ("known_earlier", "known_now"):
                connection.execute(statement(name, PACKAGE))
    query = statement("letters_lost", PACKAGE)
    for place, relation in (("now", "mapped"), ("then", "known_before")):
        query = query.replace(f"${place}_together", ", ".join(_text(relation, *one) for one in texts.items()))
        query = query.replace(f"${place}", _pairs(relation, texts))
    connection.execute(statement("singled_macro", PACKAGE))
    connection.execute(
        "INSERT INTO damage SELECT key, 'broken_encoding', attribute, value, before, is_older "
        f"FROM ({query}) AS lost ANTI JOIN damage USING (key, attribute)"
    )


def _pairs(relation: str, texts: Mapping[str, str]) -> str:
    return ", ".join(
        f"{{'attribute': {literal(name)}, 'text': {_text(relation, name, kind)}}}" for name, kind in texts.items()
    )


def _text(relation: str, name: str, kind: str) -> str:
    column = f"{relation}.{identifier(name)}"
    return f"array_to_string({column}, chr(10))" if kind.endswith("[]") else column


def tell_damage(
    connection: DuckDBPyConnection, attributes: Iterable[ManagedAttribute], severities: Mapping[str, str]
) -> None:
    """Add what was found to ``failed`` and ``details``.

    Args:
        connection: with ``damage``.
        attributes: of the mapping: where the target requires what is made of a column, its damage holds the person.
        severities: check → severity; a check that is not named is turned off.
    """
    required = sorted({column for attribute in attributes if attribute.required for column in attribute.source_columns})
    listed = f"[{', '.join(map(literal, required))}]::VARCHAR[]"
    for check, severity in severities.items():
        given = literal(severity)
        least = f"CASE WHEN {given} = 'info' AND list_contains({listed}, attribute) THEN 'warning' ELSE {given} END"
        # The suite over names sees what is damaged by itself, not what only the night before shows.
        seen = f"attribute IN {CHECKED_AS_NAMES} AND regexp_matches(value, {literal(BROKEN)})"
        others = f"AND NOT ({seen})" if check == "broken_encoding" else ""
        connection.execute(
            f'INSERT INTO failed SELECT key, "check", attribute, {least} FROM damage '
            f'WHERE "check" = {literal(check)} {others}'
        )
    connection.execute(
        "INSERT INTO details SELECT key, \"check\", concat(attribute, ' is “', left(value, 80), '”', "
        "CASE WHEN before <> value THEN concat(if(is_older, ', when last taken over', ', the night before'), "
        "' it was “', left(before, 80), '”') END) FROM damage"
    )
