"""A run's people and changes as the report lists them: columns, straight from the run's Parquet files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from trueup.reports.attributes import EVENT_WORDS, event_of
from trueup.reports.columns import PEOPLE
from trueup.reports.held_since import held_since, left_out_before
from trueup.reports.told import Told, lay_news, tell
from trueup.transforms.duck.database import connect, statement
from trueup.transforms.duck.parquet import described, rows_of
from trueup.transforms.duck.quoting import identifier

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.reports.model import ReportView
    from trueup.transforms.history import History
    from trueup.transforms.manifest import Manifest
    from trueup.transforms.run_files import RunFiles

CHANGES = pa.schema(
    {
        "person": pa.int32(),
        "key": pa.string(),
        "attribute": pa.string(),
        "before": pa.string(),
        "after": pa.string(),
        "before_text": pa.string(),
        "after_text": pa.string(),
        "before_shown": pa.string(),
        "after_shown": pa.string(),
        "cause": pa.string(),
        "grp": pa.int32(),
    }
)
"""Columns of ``ReportView.changes``: ``before`` and ``after`` as in ``changes.parquet`` (JSON text), ``…_text``
decoded, ``…_shown`` with references named; null is absent in all of them. ``grp`` is the group's number or -1."""

_DECISIONS = (
    "key",
    "source_id",
    "profile_id",
    "user_name",
    "matched_by",
    "verdict",
    "decision",
    "reason_code",
    "reason",
)
_QUIET = ("out_of_scope", "unmanaged", "unchanged")
_QUIET_ROOM = 100_000
"""Nothing happens to these people; beyond this many rows the report counts them and says where they are listed."""
_ROOM = 500_000
"""People and changes a page can hold; what is beyond, the least important, is counted and said."""

_EMPTY = {
    "decisions": pa.schema({name: pa.string() for name in _DECISIONS}),
    "changes": pa.schema({name: pa.string() for name in ("key", "attribute", "before", "after", "cause")}),
    "findings": pa.schema({name: pa.string() for name in ("key", "check", "severity", "reason", "remedy")}),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the run's files say, before it is put into words. Rows are dictionaries, tables Arrow."""

    people: pa.Table
    changes: pa.Table
    unlisted: dict[str, int]
    attributes: tuple[dict[str, Any], ...]
    causes: tuple[dict[str, Any], ...]
    events: tuple[dict[str, Any], ...]
    groups: tuple[dict[str, Any], ...]
    holds: tuple[dict[str, Any], ...]
    reasons: tuple[dict[str, Any], ...]
    information: tuple[tuple[str, int], ...]
    left_out: tuple[dict[str, Any], ...]
    told: Told


def read_facts(
    files: RunFiles,
    manifest: Manifest,
    history: History,
    *,
    complete: bool = False,
    named: Collection[str] | None = None,
) -> Facts:
    """Everything the report shows of people; files the run did not come to count as empty.

    Sums are always over everybody, or over the people ``named`` where a plan is for them only; ``people`` and
    ``changes`` are too when ``complete``, else what a page can hold.
    """
    with connect() as db:
        _open(db, files)
        if named is not None:
            _keep(db, named)
        held_since(db, files, history)
        left_out_before(db, history, files.run_id)
        before = lay_news(db, manifest, history)
        for name in ("text_of", "is_reference", "holds", "events", "grouped"):
            db.execute(_sql(name))
        room = None if complete else _ROOM
        db.execute(_sql("people"), {"unlisted": [] if complete else _too_many(db), "room": room})
        db.execute(_sql("changes"))
        return Facts(
            people=db.sql("SELECT * FROM people ORDER BY person").to_arrow_table().cast(PEOPLE),
            changes=db.sql("SELECT * FROM shown ORDER BY person, attribute").to_arrow_table().cast(CHANGES),
            unlisted={row["decision"]: row["people"] for row in _rows(db, "unlisted")},
            attributes=_rows(db, "attributes"),
            causes=_rows(db, "causes"),
            events=_rows(db, "event_lines"),
            groups=_rows(db, "groups"),
            holds=_rows(db, "hold_lines"),
            reasons=_rows(db, "reasons"),
            information=tuple((row["check"], row["findings"]) for row in _rows(db, "information")),
            left_out=_rows(db, "left_out_lines"),
            told=tell(db, files, before),
        )


def changes_of(view: ReportView, people: pa.Table) -> dict[int, list[dict[str, Any]]]:
    """The changes of ``people`` (rows of ``view.people``), by ``person``, in order."""
    chosen = view.changes.filter(pc.is_in(view.changes["person"], people["person"].combine_chunks()))
    found: dict[int, list[dict[str, Any]]] = {}
    for change in chosen.to_pylist():
        found.setdefault(change["person"], []).append(change)
    return found


def _sql(name: str) -> str:
    return statement(name, "trueup.reports.sql")


def _rows(db: DuckDBPyConnection, name: str) -> tuple[dict[str, Any], ...]:
    return tuple(db.sql(_sql(name)).to_arrow_table().to_pylist())


def _open(db: DuckDBPyConnection, files: RunFiles) -> None:
    for name, path in (("decisions", files.decisions), ("changes", files.changes), ("findings", files.findings)):
        if path.exists():
            db.execute(f"CREATE TEMP VIEW {name} AS SELECT * FROM {rows_of(path)}")
        else:
            db.register(name, _EMPTY[name].empty_table())
    db.execute(f"CREATE TEMP TABLE names AS {names_of(db, files)}")
    db.execute(_sql("named"))
    changing = [row[0] for row in db.sql("SELECT DISTINCT attribute FROM changes ORDER BY attribute").fetchall()]
    db.register(
        "event_of",
        pa.table(
            {
                "attribute": pa.array(changing, pa.string()),
                "event": pa.array([event_of(attribute) for attribute in changing], pa.string()),
                "words": pa.array([EVENT_WORDS[event_of(attribute)] for attribute in changing], pa.string()),
                "place": pa.array([list(EVENT_WORDS).index(event_of(a)) for a in changing], pa.int32()),
            }
        ),
    )


def _keep(db: DuckDBPyConnection, named: Collection[str]) -> None:
    """Let the relations of people hold those ``named`` only."""
    db.register("people_named", pa.table({"key": pa.array(sorted(named), pa.string())}))
    for name in ("decisions", "changes", "findings"):
        db.execute(f"CREATE TEMP TABLE kept AS FROM {name} SEMI JOIN people_named USING (key)")
        db.execute(f"DROP VIEW IF EXISTS {name}")
        db.execute(f"ALTER TABLE kept RENAME TO {name}")


def _too_many(db: DuckDBPyConnection) -> list[str]:
    """Decisions that change nothing and have too many people to list."""
    counts = dict(db.sql("SELECT decision, count(*) FROM decisions GROUP BY decision").fetchall())
    room, unlisted = _QUIET_ROOM, []
    for decision in _QUIET:
        people = counts.get(decision, 0)
        if people > room:
            unlisted.append(decision)
        else:
            room -= people
    return unlisted


_NAME_PARTS = ("name.givenName", "name.familyName", "givenName", "surname")


def names_of(db: DuckDBPyConnection, files: RunFiles) -> str:
    """SQL over ``decisions`` giving ``key, name``: as desired, else as it is at the target, else as the source says."""
    ctes: list[str] = []
    for path, key in ((files.desired, "key"), (files.actual, "key"), (files.source, "id")):
        if path.exists() and (expression := _name(_columns(db, path))):
            # Only who has no name yet is looked for in the next file.
            known = "".join(f" ANTI JOIN named_{number} USING (key)" for number in range(len(ctes)))
            ctes.append(
                f"named_{len(ctes)} AS MATERIALIZED (SELECT key, any_value(name) AS name FROM "
                f"(SELECT {identifier(key)} AS key, {expression} AS name FROM {rows_of(path)}) "
                f"SEMI JOIN decisions USING (key){known} WHERE name IS NOT NULL GROUP BY key)"
            )
    if not ctes:
        return "SELECT NULL::VARCHAR AS key, NULL::VARCHAR AS name WHERE FALSE"
    return f"WITH {', '.join(ctes)} {' UNION ALL '.join(f'FROM named_{number}' for number in range(len(ctes)))}"


def _columns(db: DuckDBPyConnection, path: Path) -> set[str]:
    return set(described(db, path))


def _name(columns: set[str]) -> str:
    whole = [f"nullif(trim({identifier(c)}), '')" for c in ("displayName", "name.formatted") if c in columns]
    parts = [identifier(column) for column in _NAME_PARTS if column in columns]
    if parts:
        whole.append(f"nullif(trim(concat_ws(' ', {', '.join(parts)})), '')")
    return f"coalesce({', '.join(whole)}, NULL)" if whole else ""
