"""Runs as the report meets them: small Parquet files with the schema of ``docs/architecture.md``, and manifests.

Everything is a function of its arguments: the same case gives the same bytes of report.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from trueup.transforms.history import History, PriorRun
from trueup.transforms.manifest import ActRecord, LimitUse, Manifest
from trueup.transforms.run_files import RunFiles
from trueup.transforms.summary import write_plan_summary
from trueup.transforms.vocabulary import Act, Decision, Kind, Outcome

if TYPE_CHECKING:
    from trueup.transforms.errors import Refusal

DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
MAIL = 'emails[type eq "work"].value'
PHONE = 'phoneNumbers[type eq "mobile"].value'
MANAGED = ("userName", "displayName", "name.givenName", "name.familyName", MAIL, "title", PHONE, DEPARTMENT, MANAGER)
AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
RUN_ID = "20261123T010000Z-7f3a"
FIRST = ("Ada", "Björn", "Chloé", "Dmitri", "Eun-ji", "Fatima", "Goran", "Hanne", "Ivo", "Jūratė", "Kofi", "Leïla")
DEPARTMENTS = ("Sales", "Engineering", "Finance", "Support")
LAST = ("Lovelace", "Ångström", "Novák", "O’Neill", "Petrov", "Quispe", "Rossi", "Šimić", "Tanaka", "Usman")

Change = tuple[str, Any, Any, str]
"""attribute, before, after (plain values, null is absent), cause."""


@dataclass(frozen=True, slots=True)
class Someone:
    """One row of ``decisions.parquet`` with what hangs on it."""

    key: str
    user_name: str | None
    name: str
    decision: str
    changes: tuple[Change, ...] = ()
    reason_code: str = "in_scope"
    reason: str = "In scope, a person, nothing found."
    verdict: str | None = "person"
    matched_by: str | None = "link"
    findings: tuple[tuple[str, str, str, str], ...] = ()
    """check, severity, reason, remedy."""


@dataclass(frozen=True, slots=True)
class Case:
    """A run to be written and shown."""

    people: tuple[Someone, ...]
    outcome: Outcome = Outcome.READY
    kind: Kind = Kind.RECONCILE
    refusals: tuple[Refusal, ...] = ()
    first_run: bool = False
    notes: tuple[str, ...] = ()
    limits: tuple[LimitUse, ...] = ()
    history: bool = True
    manifest: dict[str, Any] = field(default_factory=dict)


def key_of(number: int) -> str:
    """An object id."""
    return f"5eed0000-0000-4000-8000-{number:012d}"


def someone(number: int, decision: str, *changes: Change, **more: Any) -> Someone:
    """A person with a name of their own."""
    first, last = FIRST[number % len(FIRST)], LAST[number // len(FIRST) % len(LAST)]
    row: dict[str, Any] = {
        "key": key_of(number),
        "user_name": f"user{number:04d}@contoso.example",
        "name": f"{first} {last}",
    }
    return Someone(decision=decision, changes=changes, **{**row, **more})


def write_run(folder: Path, case: Case, *, run_id: str = RUN_ID, started: datetime = AT) -> tuple[RunFiles, Manifest]:
    """The run's files under ``folder/run_id`` and its manifest as it will be."""
    files = RunFiles(folder / run_id)
    files.path.mkdir(parents=True)
    people = case.people
    _write(
        files.decisions,
        ("key", "source_id", "profile_id", "user_name", "matched_by", "verdict", "decision", "reason_code", "reason"),
        [
            {
                "key": p.key,
                "source_id": None if p.key.startswith("profile:") else p.key,
                "profile_id": None if p.decision in ("create", "out_of_scope") else f"p-{p.key[-6:]}",
                "user_name": p.user_name,
                "matched_by": None if p.decision in ("create", "out_of_scope", "unmanaged") else p.matched_by,
                "verdict": p.verdict,
                "decision": p.decision,
                "reason_code": p.reason_code,
                "reason": p.reason,
            }
            for p in people
        ],
    )
    _write(
        files.changes,
        ("key", "attribute", "before", "after", "cause"),
        [
            {"key": p.key, "attribute": a, "before": _json(before), "after": _json(after), "cause": cause}
            for p in people
            for a, before, after, cause in p.changes
        ],
    )
    _write(
        files.findings,
        ("key", "check", "severity", "reason", "remedy"),
        [
            {"key": p.key, "check": check, "severity": severity, "reason": reason, "remedy": remedy}
            for p in people
            for check, severity, reason, remedy in p.findings
        ],
    )
    names = [{"key": p.key, "displayName": p.name} for p in people]
    _write(files.desired, ("key", "displayName"), [r for r in names if not r["key"].startswith("profile:")])
    _write(
        files.actual, ("key", "displayName", DEPARTMENT, MANAGER, "active"), [_standing(p) for p in people if _has(p)]
    )
    write_plan_summary(files, files.summary)
    return files, manifest_of(case, run_id=run_id, started=started)


def _has(person: Someone) -> bool:
    return person.decision not in ("create", "out_of_scope")


def _standing(person: Someone) -> dict[str, str | None]:
    """How the target has somebody: as their changes say it was, else by the last digits of their key."""
    before = {attribute: value for attribute, value, _, _ in person.changes}
    number = int(person.key[-2:]) if person.key[-2:].isdigit() else 0
    manager = key_of(40 + number % 3)
    return {
        "key": person.key,
        "displayName": person.name,
        DEPARTMENT: before.get(DEPARTMENT, DEPARTMENTS[number % len(DEPARTMENTS)]),
        MANAGER: before.get(MANAGER, None if manager == person.key else manager),
        "active": str(before.get("active", True)).lower(),
    }


def manifest_of(case: Case, *, run_id: str = RUN_ID, started: datetime = AT) -> Manifest:
    """What the manifest says of a case: counts from its people."""
    people = case.people
    counts = {str(decision): sum(p.decision == decision for p in people) for decision in Decision}
    facts: dict[str, Any] = {
        "run_id": run_id,
        "kind": case.kind,
        "outcome": case.outcome,
        "refusals": case.refusals,
        "started": started,
        "sealed": started + timedelta(seconds=9),
        "counts": counts,
        "changes": sum(len(p.changes) for p in people),
        "users": sum(not p.key.startswith("profile:") for p in people),
        "profiles": sum(p.decision not in ("create", "out_of_scope") for p in people),
        "limits": case.limits,
        "first_run": case.first_run,
        "notes": case.notes,
        "baseline_run": None if case.first_run else "20261122T010000Z-0b1c",
        "target": "https://contoso.pingboard.example/scim/v2",
        "versions": {"trueup": "0.1.0", "duckdb": "2.0.0"},
        "configuration_digest": "c0ffee" * 10 + "c0ff",
        "fingerprint": "4f1d" * 16,
    }
    return Manifest.model_validate({**facts, **case.manifest})


def history_of(folder: Path, *, days: int = 12, held: tuple[int, ...] = ()) -> History:
    """Earlier applied runs, one a night, each with a dozen writes; ``held`` people are held in the last five.

    They are written once and copied after that.
    """
    template, runs = _written(days, held)
    for run in runs:
        shutil.copytree(Path(template.name) / run.run_id, folder / run.run_id)
    return History(tuple(replace(run, files=RunFiles(folder / run.run_id)) for run in runs))


@cache
def _written(days: int, held: tuple[int, ...]) -> tuple[TemporaryDirectory[str], tuple[PriorRun, ...]]:
    folder = TemporaryDirectory()
    return folder, tuple(_night(Path(folder.name), day, held if day <= 5 else ()) for day in range(1, days + 1))


def _night(folder: Path, day: int, held: tuple[int, ...]) -> PriorRun:
    started = AT - timedelta(days=day)
    people = (
        *(someone(900 + n, "update", ("title", "a", "b", "source_changed")) for n in range(6 + day % 5)),
        *(someone(950 + n, "create") for n in range(day % 3)),
        *(someone(970 + n, "deactivate", ("active", True, False, "source_changed")) for n in range(day % 4 == 0)),
        *(someone(n, "hold", reason_code="finding") for n in (*held, 980, 981, 982)),
        *(someone(n, "unchanged") for n in range(100, 145 - day)),
    )
    run_id = f"{started:%Y%m%dT%H%M%SZ}-{day:04x}"
    files, manifest = write_run(folder, Case(people), run_id=run_id, started=started)
    approved = ActRecord(
        act=Act.APPROVED,
        number=1,
        at=started + timedelta(hours=7),
        who="Maja Novak",
        previous_sha256="0" * 64,
        fingerprint=manifest.fingerprint,
        details={"left_out": [{"key": key_of(3), "attribute": None, "because": "left out by name"}]},
    )
    applied = approved.model_copy(update={"act": Act.APPLIED, "number": 2, "details": {}})
    return PriorRun(files, manifest, (approved, applied), "applied")


def limit(name: str, used: int, base: int, share: float, *, exempt: str = "") -> LimitUse:
    """A share of a base; trips above it."""
    use = used / base if base else 0.0
    return LimitUse(
        name=name,
        used=used,
        base=base,
        share=use,
        limit=share,
        is_share=True,
        tripped=not exempt and use > share,
        exempt=exempt,
    )


def usual_limits(**used: int) -> tuple[LimitUse, ...]:
    """The limits of the default configuration over 400 active profiles."""
    bounds = {"create": 0.2, "update": 0.3, "deactivate": 0.05, "reactivate": 0.05, "hold": 0.1}
    deleted = used.get("delete", 0)
    count = LimitUse(
        name="delete",
        used=deleted,
        base=400,
        share=deleted / 400,
        limit=5 if deleted else 0,
        is_share=False,
        tripped=False,
    )
    return (*(limit(name, used.get(name, 0), 400, bound) for name, bound in bounds.items()), count)


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _write(path: Path, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    schema = pa.schema([(column, pa.string()) for column in columns])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
