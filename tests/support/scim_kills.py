"""Applies of a miniature plan, and journals as a kill in the middle would have left them."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from tests.support.scim_runs import brisk, settings_for
from trueup.connectors.scim_writer.applying import apply_run
from trueup.transforms.work import plan_work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.scim_directory import Directory
    from trueup.connectors.scim_writer.result import ApplyResult
    from trueup.transforms.run_files import RunFiles


def applied(
    directory: Directory, files: RunFiles, learned: Mapping[str, Any] | None = None, **target: Any
) -> ApplyResult:
    """Apply, or go on with an apply, knowing of the target what an earlier run noted."""
    work = plan_work(files)
    try:
        settings = settings_for(directory, **target)
        return apply_run(settings, files, work, stop=threading.Event(), pace=brisk(), learned=learned)
    finally:
        work.close()


def killed_after_intent(files: RunFiles, number: int) -> None:
    """Leave of the journal what a kill right after its intent with this number would have left."""
    kept, seen = [], 0
    for line in files.journal.read_bytes().splitlines(keepends=True):
        kept.append(line)
        seen += json.loads(line).get("event") == "intent"
        if seen == number:
            break
    assert seen == number
    files.journal.write_bytes(b"".join(kept))
    files.outcome.unlink()
    files.target_after.unlink()


def outcome_of(files: RunFiles) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows of the outcome by key and operation; values by attribute."""
    rows = {}
    for row in pq.read_table(files.outcome).to_pylist():
        for column in ("before", "written"):
            row[column] = {entry["attribute"]: json.loads(entry["value"] or "null") for entry in row[column]}
        row["found"] = {entry["attribute"]: entry["class"] for entry in row["found"]}
        rows[row["key"], row["operation"]] = row
    return rows
