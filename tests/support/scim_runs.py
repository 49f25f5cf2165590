"""Sealed plans in miniature, as apply finds them, without planning."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.scim_directory import ENTERPRISE, TOKEN, Directory
from trueup.connectors.scim_writer.rate_limit import Pace
from trueup.transforms.run_files import RunFiles
from trueup.transforms.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
WORK_MAIL = 'emails[type eq "work"].value'

Wish = tuple[str, str, str | None, dict[str, tuple[Any, Any]]]
"""key, decision, profile id, attribute → (before, after)"""


def settings_for(directory: Directory, **target: Any) -> Settings:
    """Settings for that directory; its token is in the environment variable the configuration names."""
    os.environ["TRUEUP_TEST_SCIM_TOKEN"] = TOKEN
    limits = target.pop("limits", {})
    quick = {"requests_per_second": 100_000, "timeout_seconds": 5, "concurrency": 4}
    return Settings.model_validate(
        {
            "target": {"url": directory.url, "token": "env:TRUEUP_TEST_SCIM_TOKEN"} | quick | target,
            "limits": limits,
        }
    )


def brisk() -> Pace:
    """A pace that does not dawdle: what is waited for is the server, not the clock."""
    return Pace(100_000, unit=0.01, grace=0.3)


def plan(
    folder: Path, directory: Directory, wishes: Sequence[Wish], *, links: dict[str, str] | None = None
) -> RunFiles:
    """The files of a run that plans ``wishes`` for the directory as it is now."""
    folder.mkdir(parents=True, exist_ok=True)
    files = RunFiles(folder)
    text = pa.string()
    decisions = [
        {"key": key, "profile_id": profile, "decision": decision, "user_name": _name(changes)}
        for key, decision, profile, changes in wishes
    ]
    changes = [
        {"key": key, "attribute": attribute, "before": _json(before), "after": _json(after), "cause": "source_changed"}
        for key, _, _, wanted in wishes
        for attribute, (before, after) in wanted.items()
    ]
    known = {key: profile for key, _, profile, _ in wishes if profile} | (links or {})
    _write(files.decisions, decisions, ["key", "profile_id", "decision", "user_name"])
    _write(files.changes, changes, ["key", "attribute", "before", "after", "cause"])
    _write(files.links, [{"source_id": k, "profile_id": p} for k, p in known.items()], ["source_id", "profile_id"])
    names = ("id", "version", "resource", "externalId", "userName", "active", "title", WORK_MAIL, MANAGER)
    schema = pa.schema([(name, pa.bool_() if name == "active" else text) for name in names])
    rows = [
        {
            "id": user["id"],
            "version": user.get("meta", {}).get("version"),
            "resource": json.dumps(directory.shown(user)),
            "externalId": user.get("externalId"),
            "userName": user.get("userName"),
            "active": user.get("active"),
            "title": user.get("title"),
            WORK_MAIL: next((e["value"] for e in user.get("emails", []) if e.get("type") == "work"), None),
            MANAGER: user.get(ENTERPRISE, {}).get("manager", {}).get("value"),
        }
        for user in sorted(directory.users.values(), key=lambda user: str(user["id"]))
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema), files.target)
    _write(files.actual, [], ["key", "userName", "title", WORK_MAIL, MANAGER])
    return files


def _name(changes: dict[str, tuple[Any, Any]]) -> str | None:
    name = changes.get("userName", (None, None))[1]
    return None if name is None else str(name)


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _write(path: Path, rows: list[dict[str, Any]], names: list[str]) -> None:
    pq.write_table(pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in names])), path)
