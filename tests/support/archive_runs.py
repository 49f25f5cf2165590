"""Small sealed runs for the tests of archive and approval, written as any stage would write them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trueup.connectors.archive import add_act, open_archive, seal
from trueup.connectors.archive.lines import closed_line
from trueup.connectors.archive.places import vault_of
from trueup.transforms.duck.parquet import read_table, write_table
from trueup.transforms.manifest import Manifest
from trueup.transforms.private import write_text
from trueup.transforms.settings import Settings
from trueup.transforms.vocabulary import Act, Decision, Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trueup.connectors.archive import Archive
    from trueup.transforms.errors import Refusal
    from trueup.transforms.history import PriorRun
    from trueup.transforms.run_files import RunFiles

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
TARGET = "https://directory.example/scim/v2"
_VALUES = pa.list_(pa.struct([("attribute", pa.string()), ("value", pa.string())]))
_FOUND = pa.list_(pa.struct([("attribute", pa.string()), ("value", pa.string()), ("class", pa.string())]))
OUTCOME = pa.schema(
    [(name, pa.string()) for name in ("key", "profile_id", "operation", "result", "reason")]
    + [("written", _VALUES), ("found", _FOUND)]
)
FINGERPRINT = "f1" * 32
MAIL = 'emails[type eq "work"].value'
MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"


def settings_in(folder: Path, **sections: Any) -> Settings:
    return Settings.model_validate({"target": {"url": TARGET}, **sections}).placed_in(folder)


def archive_in(folder: Path) -> Archive:
    return open_archive(settings_in(folder))


@dataclass(frozen=True, slots=True)
class Person:
    key: str
    decision: str = "update"
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    user_name: str | None = None
    profile_id: str | None = None
    mail: str | None = None
    holds: str | None = None
    """userName the profile has now."""


def write_people(files: RunFiles, people: Iterable[Person]) -> None:
    everybody = sorted(people, key=lambda one: one.key)
    decisions = [
        {
            "key": one.key,
            "source_id": None if one.key.startswith("profile:") else one.key,
            "profile_id": one.profile_id,
            "user_name": one.user_name,
            "matched_by": None,
            "verdict": "person",
            "decision": one.decision,
            "reason_code": "",
            "reason": f"because of {one.decision}",
        }
        for one in everybody
    ]
    changes = [
        {
            "key": one.key,
            "attribute": attribute,
            "before": None if before is None else json.dumps(before),
            "after": None if after is None else json.dumps(after),
            "cause": "source_changed",
        }
        for one in everybody
        for attribute, (before, after) in sorted(one.changes.items())
    ]
    _write(files.decisions, decisions, list(decisions[0]) if decisions else ["key"])
    _write(files.changes, changes, ["key", "attribute", "before", "after", "cause"])
    desired = [
        {
            "key": one.key,
            "userName": one.changes.get("userName", (None, one.user_name))[1],
            MAIL: one.changes.get(MAIL, (None, one.mail))[1],
        }
        for one in everybody
        if not one.key.startswith("profile:")
    ]
    _write(files.desired, desired, ["key", "userName", MAIL, "title", "left_alone"])
    actual = [{"key": one.key, "userName": one.holds or one.user_name, MAIL: one.mail} for one in everybody]
    _write(files.actual, actual, ["key", "userName", MAIL, "title", "left_alone"])


def _write(path: Path, rows: list[dict[str, Any]], columns: list[str]) -> None:
    schema = pa.schema([(name, pa.list_(pa.string()) if name == "left_alone" else pa.string()) for name in columns])
    write_table(pa.Table.from_pylist(rows, schema=schema), path)


def manifest_of(files: RunFiles, **facts: Any) -> Manifest:
    counts = {decision.value: 0 for decision in Decision}
    return Manifest.model_validate(
        {
            "run_id": files.run_id,
            "kind": Kind.RECONCILE,
            "outcome": Outcome.READY,
            "started": AT,
            "sealed": AT,
            "target": TARGET,
            "fingerprint": FINGERPRINT,
            "counts": counts,
            **facts,
        }
    )


def sealed_run(
    archive: Archive,
    people: Iterable[Person] = (),
    *,
    days: float = 0,
    refusals: tuple[Refusal, ...] = (),
    **facts: Any,
) -> PriorRun:
    """A run of ``days`` after ``AT``, sealed."""
    at = AT + timedelta(days=days)
    files = archive.new_run(facts.get("kind", Kind.RECONCILE), at)
    everybody = tuple(people) or (Person("k-1", changes={"title": ("Clerk", "Chief")}, user_name="ann@x.example"),)
    write_people(files, everybody)
    write_text(files.mapping_sql, "SELECT 1")
    write_text(files.report_md, "# a report")
    outcome = Outcome.REFUSED if refusals else Outcome.READY
    manifest = manifest_of(files, **{"started": at, "sealed": at, "outcome": outcome, "refusals": refusals, **facts})
    seal(files, manifest)
    return archive.load(files.run_id)


def approved(
    archive: Archive, run: PriorRun, who: str = "ann", *, at: datetime | None = None, **details: Any
) -> PriorRun:
    """The run with an approval of its fingerprint as the product would write it."""
    moment = at or run.manifest.sealed
    said = {"only": [], "exclude": [], "left_out": [], "allowed": {}, "auto": False, **details}
    said.setdefault("expires", (moment + timedelta(hours=24)).isoformat())
    add_act(run, Act.APPROVED, who, at=moment, fingerprint=run.manifest.fingerprint, details=said)
    return archive.load(run.run_id)


def applied(
    archive: Archive, run: PriorRun, act: Act = Act.APPLIED, *, result: str = "applied", at: datetime | None = None
) -> PriorRun:
    """The run with a journal, an outcome and the closing act."""
    begin_journal(run)
    rows = [
        {"key": key, "profile_id": f"p-{key}", "operation": "update", "result": result, "reason": ""}
        for key in read_table(run.files.decisions)["key"].to_pylist()
    ]
    changed: dict[str, list[dict[str, str]]] = {}
    for row in read_table(run.files.changes).to_pylist():
        changed.setdefault(row["key"], []).append({"attribute": row["attribute"], "value": row["after"]})
    written = [
        row | {"written": changed.get(row["key"], []) if result == "applied" else [], "found": []} for row in rows
    ]
    write_table(pa.Table.from_pylist(written, schema=OUTCOME), run.files.outcome)
    added = (run.files.journal, run.files.outcome)
    facts = {result: sum(bool(row["written"]) or result != "applied" for row in written)}
    add_act(run, act, "trueup", at=at or run.manifest.sealed, files=added, details=facts)
    return archive.load(run.run_id)


def begin_journal(run: PriorRun, lines: int = 2) -> None:
    cipher = vault_of(run.files.path.parent).cipher(run.run_id)
    with run.files.journal.open("ab") as journal:
        for number in range(lines):
            line = json.dumps({"n": number, "event": "intent"}).encode() + b"\n"
            journal.write(line if cipher is None else closed_line(line, cipher))
