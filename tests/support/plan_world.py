"""Small worlds to plan in: a tenant, a directory, and the files the stages before planning would have written."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from trueup.transforms.attributes import ManagedAttribute, TargetSchema
from trueup.transforms.history import History, PriorRun
from trueup.transforms.manifest import ActRecord, Manifest
from trueup.transforms.planning.plan import make_plan
from trueup.transforms.planning.request import PlanRequest, PlanResult
from trueup.transforms.run_files import RunFiles
from trueup.transforms.settings import Settings
from trueup.transforms.vocabulary import Act, Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

NIGHT = datetime(2026, 11, 23, 1, tzinfo=UTC)
MAIL = 'emails[type eq "work"].value'
DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"

ATTRIBUTES = (
    ManagedAttribute("userName", source_columns=("userPrincipalName",), required=True),
    ManagedAttribute(MAIL, source_columns=("mail",)),
    ManagedAttribute("name.givenName", source_columns=("givenName",), required=True),
    ManagedAttribute("title", source_columns=("jobTitle",)),
    ManagedAttribute(DEPARTMENT, source_columns=("department",)),
    ManagedAttribute(MANAGER, kind="reference", source_columns=("manager",)),
    ManagedAttribute("externalId", source_columns=("id",), case_exact=True),
    ManagedAttribute("active", kind="boolean", source_columns=("accountEnabled", "assigned")),
)
OF = {
    "userName": "userPrincipalName",
    MAIL: "mail",
    "name.givenName": "givenName",
    "title": "jobTitle",
    DEPARTMENT: "department",
    MANAGER: "manager",
    "externalId": "id",
}
LOOSE = dict.fromkeys(
    ("create", "update", "deactivate", "reactivate", "hold", "changed", "emptied", "window_deactivate", "source_drop"),
    "100%",
) | {"delete": 1000}
_SOURCE = pa.schema(
    [
        *((name, pa.string()) for name in ("id", "userPrincipalName", "mail", "givenName", "jobTitle")),
        *((name, pa.string()) for name in ("department", "manager", "employeeId")),
        ("accountEnabled", pa.bool_()),
        ("assigned", pa.bool_()),
    ]
)
_FINDINGS = pa.schema([(name, pa.string()) for name in ("key", "check", "severity", "reason", "remedy")])
_PAIRS = pa.list_(pa.struct([("attribute", pa.string()), ("value", pa.string())]))
_FOUND = pa.list_(pa.struct([("attribute", pa.string()), ("value", pa.string()), ("class", pa.string())]))
OUTCOME = pa.schema(
    [
        *((name, pa.string()) for name in ("key", "profile_id", "operation", "result", "reason")),
        ("attempts", pa.int64()),
        ("before", _PAIRS),
        ("written", _PAIRS),
        ("found", _FOUND),
    ]
)


def user(key: str, **values: Any) -> dict[str, Any]:
    """One user of the source with plausible values; ``scope``, ``verdict`` and ``state`` are the stages' before."""
    plain = {
        "id": key,
        "userPrincipalName": f"{key}@x.example",
        "mail": f"{key}@x.example",
        "givenName": key.title(),
        "jobTitle": "Clerk",
        "department": "Sales",
        "manager": None,
        "employeeId": None,
        "accountEnabled": True,
        "assigned": True,
        "verdict": "person",
    }
    return plain | values


def profile(number: str, key: str = "", **values: Any) -> dict[str, Any]:
    """One profile of the target, by default as the user ``key`` would have it."""
    key = key or number
    plain: dict[str, Any] = {
        "id": number,
        "externalId": key,
        "userName": f"{key}@x.example",
        MAIL: f"{key}@x.example",
        "name.givenName": key.title(),
        "title": "Clerk",
        DEPARTMENT: "Sales",
        MANAGER: None,
        "active": True,
    }
    return plain | values


@dataclass(slots=True)
class World:
    """A tenant and a directory on disk, night after night."""

    folder: Path
    users: list[dict[str, Any]] = field(default_factory=list)
    profiles: list[dict[str, Any]] = field(default_factory=list)
    absent: list[tuple[str, str]] = field(default_factory=list)
    findings: list[tuple[str, str, str]] = field(default_factory=list)
    """key, severity, reason."""
    held: list[tuple[str, str]] = field(default_factory=list)
    left_alone: dict[str, list[str]] = field(default_factory=dict)
    attributes: tuple[ManagedAttribute, ...] = ATTRIBUTES
    mapped: dict[str, Any] = field(default_factory=dict)
    """Target path → function of a user, where the mapping differs from ``OF``."""
    schema: TargetSchema = field(default_factory=TargetSchema)
    settings: Settings = field(default_factory=Settings)
    runs: list[PriorRun] = field(default_factory=list)
    """Newest first."""
    night: int = 0

    @property
    def at(self) -> datetime:
        """When the coming plan is made."""
        return NIGHT + timedelta(days=self.night)

    def set(self, **sections: Any) -> World:
        """Change the configuration section by section."""
        self.settings = Settings.model_validate(
            self.settings.model_dump(by_alias=True, exclude={"folder"}, exclude_defaults=True) | sections
        )
        return self

    def copied(self, folder: Path) -> World:
        """The same world in a folder of its own, to go on from as if it had been lived through there."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        runs = [replace(run, files=RunFiles(folder / run.run_id)) for run in self.runs]
        return replace(deepcopy(replace(self, runs=[])), folder=folder, runs=runs)

    def of(self, key: str) -> dict[str, Any]:
        """The user or profile with this id."""
        return next(row for row in (*self.users, *self.profiles) if row["id"] == key)

    def files(self) -> RunFiles:
        """A fresh run's directory with everything that planning reads."""
        files = RunFiles(self.folder / f"{self.at:%Y%m%dT%H%M%SZ}-0000")
        files.work.mkdir(parents=True, exist_ok=True)
        table(files.source, _SOURCE, [{k: u.get(k) for k in _SOURCE.names} for u in self.users])
        self.write_target(files.target)
        table(files.desired, self._desired_schema(), [self._desire(u) for u in self.users])
        rows = [{"key": k, "check": "given", "severity": s, "reason": r, "remedy": ""} for k, s, r in self.findings]
        table(files.findings, _FINDINGS, rows)
        files.mapping_sql.write_text("SELECT 1\n", encoding="utf-8")
        self._write_work(files)
        return files

    def _write_work(self, files: RunFiles) -> None:
        scope = pa.schema(
            [("key", pa.string()), ("in_scope", pa.bool_()), ("reason_code", pa.string()), ("excluded_by", pa.string())]
        )
        table(
            files.work_scope,
            scope,
            [
                {
                    "key": u["id"],
                    "in_scope": u["assigned"],
                    "reason_code": None if u["assigned"] else u.get("scope", "not_assigned"),
                    "excluded_by": None if u["assigned"] else "not assigned to Pingboard",
                }
                for u in self.users
            ],
        )
        table(
            files.work_verdicts,
            _texts("key", "verdict"),
            [{"key": u["id"], "verdict": u["verdict"]} for u in self.users],
        )
        table(files.work_held, _texts("key", "reason"), [{"key": k, "reason": r} for k, r in self.held])
        table(files.work_absent, _texts("key", "state"), [{"key": k, "state": s} for k, s in self.absent])

    def write_target(self, path: Path) -> None:
        """The directory as ``target.parquet``."""
        names = ["externalId", "userName", *(a.path for a in self.attributes)]
        names = [n for n in dict.fromkeys(names) if n != "active"]
        flags = {a.path for a in self.attributes if a.kind == "boolean"}
        schema = pa.schema(
            [("id", pa.string()), ("version", pa.string()), ("resource", pa.string()), ("active", pa.bool_())]
            + [(n, pa.bool_() if n in flags else pa.string()) for n in names]
        )
        rows = [
            {"id": p["id"], "resource": json.dumps(p.get("resource", {"id": p["id"]})), "active": p["active"]}
            | {n: p.get(n) for n in names}
            for p in self.profiles
        ]
        table(path, schema, rows)

    def _desired_schema(self) -> pa.Schema:
        return pa.schema(
            [("key", pa.string())]
            + [(a.path, pa.bool_() if a.kind == "boolean" else pa.string()) for a in self.attributes]
            + [("left_alone", pa.list_(pa.string()))]
        )

    def _desire(self, one: Mapping[str, Any]) -> dict[str, Any]:
        row: dict[str, Any] = {"key": one["id"], "left_alone": self.left_alone.get(one["id"], [])}
        for attribute in self.attributes:
            if attribute.path in self.mapped:
                row[attribute.path] = self.mapped[attribute.path](one)
            elif attribute.path == "active":
                row["active"] = bool(one["accountEnabled"] and one["assigned"])
            else:
                row[attribute.path] = one.get(OF[attribute.path])
        return row

    def request(self, files: RunFiles, **more: Any) -> PlanRequest:
        """What planning is asked."""
        return PlanRequest(
            files=files,
            attributes=self.attributes,
            schema=self.schema,
            settings=self.settings,
            history=History(tuple(self.runs)),
            at=self.at,
            **more,
        )

    def plan(self, **more: Any) -> Planned:
        """Plan tonight."""
        files = self.files()
        return Planned(files, make_plan(self.request(files, **more)))

    def seal(
        self, planned: Planned, *, kind: Kind = Kind.RECONCILE, acts: Iterable[ActRecord] = (), **facts: Any
    ) -> PriorRun:
        """Make tonight's plan an earlier run, and go on to the next night; ``facts`` are of its manifest."""
        wrote = any(planned.result.counts[w] for w in ("create", "update", "reactivate", "deactivate", "delete"))
        manifest = Manifest(
            run_id=planned.files.run_id,
            kind=kind,
            outcome=Outcome.READY if wrote else Outcome.NOTHING_TO_DO,
            started=self.at,
            sealed=self.at,
            users=planned.result.users,
            profiles=planned.result.profiles,
            limits=planned.result.limits,
            target_state={"digest": self.schema.digest},
            **facts,
        )
        run = PriorRun(planned.files, manifest, tuple(acts), "ready")
        self.runs = sorted([run, *self.runs], key=lambda one: one.run_id, reverse=True)
        self.night += 1
        return run

    def apply(
        self,
        planned: Planned,
        *,
        kind: Kind = Kind.RECONCILE,
        spoil: Mapping[str, Any] | None = None,
        skip: Iterable[str] = (),
        target: Mapping[tuple[str, str], tuple[Any, str]] | None = None,
        **facts: Any,
    ) -> PriorRun:
        """Carry the plan out on ``profiles`` as an obedient directory would, and seal the run.

        ``skip`` names keys whose write fails; ``target`` says what the directory made of (key, attribute).
        """
        from tests.support.plan_apply import carry_out
        from tests.support.plan_suite import oddities

        assert oddities(planned.files) == []
        carry_out(self, planned, skip=frozenset(skip), altered=dict(target or {}))
        act = ActRecord(
            act=Act.APPLIED, number=1, at=self.at, who="tester", previous_sha256="", details=dict(spoil or {})
        )
        return self.seal(planned, kind=kind, acts=(act,), **facts)


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan's files and figures, for looking at."""

    files: RunFiles
    result: PlanResult

    def rows(self, name: str) -> list[dict[str, Any]]:
        """All rows of ``<name>.parquet``."""
        found: list[dict[str, Any]] = pq.read_table(self.files.path / f"{name}.parquet").to_pylist()
        return found

    @property
    def decisions(self) -> dict[str, str]:
        """Key → decision."""
        return {row["key"]: row["decision"] for row in self.rows("decisions")}

    @property
    def codes(self) -> dict[str, str]:
        """Key → reason code."""
        return {row["key"]: row["reason_code"] for row in self.rows("decisions")}

    @property
    def changes(self) -> dict[tuple[str, str], tuple[Any, Any]]:
        """(key, attribute) → before and after as values."""
        return {
            (row["key"], row["attribute"]): (_value(row["before"]), _value(row["after"]))
            for row in self.rows("changes")
        }

    @property
    def findings(self) -> list[tuple[str, str, str, str]]:
        """Of each finding the key, the check, its severity and what it says."""
        return [(row["key"], row["check"], row["severity"], row["reason"]) for row in self.rows("findings")]

    @property
    def causes(self) -> dict[tuple[str, str], str]:
        """(key, attribute) → cause."""
        return {(row["key"], row["attribute"]): row["cause"] for row in self.rows("changes")}


def _texts(*names: str) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in names])


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def table(path: Path, schema: pa.Schema, rows: list[dict[str, Any]]) -> None:
    """Write ``rows`` in the order of their first column."""
    ordered = sorted(rows, key=lambda row: str(row[schema.names[0]]).encode())
    pq.write_table(pa.Table.from_pylist(ordered, schema), path)


def managed(path: str, **changed: Any) -> tuple[ManagedAttribute, ...]:
    """``ATTRIBUTES`` with one of them changed."""
    return tuple(replace(a, **changed) if a.path == path else a for a in ATTRIBUTES)
