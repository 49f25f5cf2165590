"""``outcome.parquet`` and ``target_after.parquet``, from the journal alone: what it does not say did not happen.

Also of an apply that was broken off and never ended, for the way back.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa

from trueup.connectors.archive.journal import read_journal
from trueup.connectors.scim.profiles import version_of
from trueup.transforms.duck.database import connect
from trueup.transforms.duck.parquet import create_file, rows_of, schema_of, write_table
from trueup.transforms.values.equality import as_boolean, canonical
from trueup.transforms.values.paths import get, parse
from trueup.transforms.vocabulary import Decision, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from trueup.transforms.history import PriorRun
    from trueup.transforms.run_files import RunFiles

_VALUES = pa.list_(pa.struct([("attribute", pa.string()), ("value", pa.string())]))
_FOUND = pa.list_(pa.struct([("attribute", pa.string()), ("value", pa.string()), ("class", pa.string())]))
SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("profile_id", pa.string()),
        ("operation", pa.string()),
        ("result", pa.string()),
        ("reason", pa.string()),
        ("attempts", pa.int32()),
        ("before", _VALUES),
        ("written", _VALUES),
        ("found", _FOUND),
    ]
)
RESTORE = "restore"
"""The operation of what our own writes lost and was put back."""
_WORST = (Result.FAILED, Result.SKIPPED, Result.APPLIED, Result.LEFT_OUT)
_IN_PLACE = frozenset({Decision.UPDATE, Decision.REACTIVATE, Decision.DEACTIVATE})
"""What changes a profile that was there before."""
_INSTEAD = {"whole": ("write", "reference"), "write": ("whole",), "reference": ("whole",)}
"""Steps that write the same: the later attempt counts, whichever way it went."""
_BATCH = 5000


def outcome_rows(journal: Path, left_out: Iterable[tuple[str, Decision, str | None]] = ()) -> list[dict[str, Any]]:
    """One row per person the journal settled or the approval left out, by key; the last word on each step counts.

    What our own writes lost and was put back has a row of its own, ``operation`` = ``restore``. The profile's id is the
    last the target gave it.

    Raises:
        Failed: the journal is damaged.
    """
    people: dict[str, dict[str, dict[str, Any]]] = {}
    restored: dict[str, dict[str, dict[str, Any]]] = {}
    now: dict[str, str] = {}
    for record in read_journal(journal):
        if record.get("event") == "settled" and record.get("was"):
            now[str(record["key"])] = str(record["profile_id"])
        if record.get("event") == "settled" and not _is_silent(record):
            record.pop("resource", None)
            whose = restored if record["operation"] == RESTORE else people
            steps = whose.setdefault(str(record["key"]), {})
            for other in _INSTEAD.get(str(record["step"]), ()):
                if other in steps:
                    _take_over(record, steps.pop(other))
            steps[str(record["step"])] = record
    rows = {key: _row(key, list(steps.values())) for key, steps in people.items()}
    for key, operation, profile_id in left_out:
        rows.setdefault(key, _left_out(key, operation, profile_id))
    again = {key: _row(key, list(steps.values())) for key, steps in restored.items()}
    for key in now.keys() & rows.keys():
        rows[key]["profile_id"] = now[key]
    return [row for key in sorted(rows.keys() | again.keys()) for row in (rows.get(key), again.get(key)) if row]


def _take_over(record: dict[str, Any], earlier: Mapping[str, Any]) -> None:
    """What an earlier attempt brought in another step, and the later one found done, stays written."""
    for column in ("before", "written"):
        entries = record.get(column) or []
        said = {entry["attribute"] for entry in entries}
        record[column] = [*(e for e in earlier.get(column) or () if e["attribute"] not in said), *entries]


def _is_silent(record: dict[str, Any]) -> bool:
    """Steps that leave nothing behind: stepping aside, back where that was possible, a reference written once more."""
    step = record.get("step")
    if step == "aside_back" and record.get("result") != Result.APPLIED:
        record["reason"] = f"left with a temporary value, since its old one is taken too ({record.get('reason')})"
        return False
    return step in {"aside", "aside_back"} or (step == "reference_again" and record.get("result") == Result.APPLIED)


def _row(key: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """A person's steps as one row. A profile that was created is created, even when a reference was not to be had."""
    operation = str(steps[0]["operation"])
    results = [Result(step["result"]) for step in steps]
    worst = next(result for result in _WORST if result in results)
    made = operation == Decision.CREATE and any(s["step"] == "create" and s["result"] == Result.APPLIED for s in steps)
    return {
        "key": key,
        "profile_id": next((step["profile_id"] for step in steps if step.get("profile_id")), None),
        "operation": operation,
        "result": (Result.APPLIED if made else worst).value,
        "partial": worst in {Result.FAILED, Result.SKIPPED} or any(step.get("refused") for step in steps),
        "reason": "; ".join(dict.fromkeys(str(step["reason"]) for step in steps if step.get("reason"))),
        "attempts": sum(int(step.get("attempts") or 0) for step in steps),
        "before": [entry for step in steps for entry in step.get("before") or ()],
        "written": [entry for step in steps for entry in step.get("written") or ()],
        "found": [entry for step in steps for entry in step.get("found") or ()],
    }


def _left_out(key: str, operation: Decision, profile_id: str | None) -> dict[str, Any]:
    return {
        "key": key,
        "profile_id": profile_id,
        "operation": str(operation),
        "result": Result.LEFT_OUT.value,
        "reason": "left out at approval",
        "attempts": 0,
        "before": [],
        "written": [],
        "found": [],
    }


def of_broken_off(runs: Iterable[PriorRun], into: Path) -> dict[str, Path]:
    """Run id → a file like ``outcome.parquet``, for each of ``runs`` whose apply was broken off and has none.

    What was sent and never answered is in it as written: whether it was carried out, a look at the profile says.

    Args:
        runs: sealed runs.
        into: an existing folder for the files.

    Raises:
        Failed: a journal is damaged.
    """
    found = {}
    for run in runs:
        if run.was_applied or run.is_pruned or not run.files.journal.exists() or run.files.outcome.exists():
            continue
        if rows := _with_doubts(run.files.journal):
            found[run.run_id] = into / f"outcome-{run.run_id}.parquet"
            write_table(pa.Table.from_pylist(rows, SCHEMA), found[run.run_id], compression="zstd")
    return found


def _with_doubts(journal: Path) -> list[dict[str, Any]]:
    rows = {row["key"]: row for row in outcome_rows(journal) if row["operation"] != RESTORE}
    doubts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for record in read_journal(journal):
        name = (str(record.get("key")), str(record.get("step")))
        if record.get("event") == "settled":
            doubts.pop(name, None)
        elif record.get("event") == "intent" and record.get("operation") in _IN_PLACE:
            doubts.setdefault(name, []).append(record)
    for (key, _), intents in doubts.items():
        row = rows.setdefault(key, _in_doubt(intents[0]))
        for intent in intents:
            for column, said in (("before", "before"), ("written", "after")):
                known = {entry["attribute"] for entry in row[column]}
                row[column] += [entry for entry in intent.get(said) or () if entry["attribute"] not in known]
    return [rows[key] for key in sorted(rows)]


def _in_doubt(intent: Mapping[str, Any]) -> dict[str, Any]:
    return _left_out(str(intent["key"]), Decision(intent["operation"]), intent.get("profile_id")) | {
        "result": Result.FAILED.value,
        "reason": "the apply was broken off before it was answered",
    }


def write_outcome(files: RunFiles, rows: list[dict[str, Any]]) -> None:
    """``outcome.parquet``, whole or not at all."""
    part = files.outcome.with_suffix(".part")
    write_table(pa.Table.from_pylist(rows, SCHEMA), part, compression="zstd")
    _put_in_place(files, part, files.outcome)


def write_target_after(files: RunFiles) -> int:
    """``target_after.parquet``: the touched profiles as last read, same columns as ``target.parquet``; how many."""
    # What everybody had before, somebody may not have now: every column may hold nulls.
    schema = pa.schema([pa.field(column.name, column.type) for column in schema_of(files.target)])
    part, spool = files.target_after.with_suffix(".part"), files.target_after.with_suffix(".spool")
    rows = 0
    try:
        _spool_resources(files.journal, spool)
        with connect() as engine, create_file(part, schema, compression="zstd") as writer:
            engine.execute(
                f"SELECT resource FROM {rows_of(spool)} "
                "QUALIFY row_number() OVER (PARTITION BY id ORDER BY n DESC) = 1 AND resource IS NOT NULL ORDER BY id"
            )
            while batch := engine.fetchmany(_BATCH):
                resources = [orjson.loads(text) for (text,) in batch]
                rows += len(resources)
                writer.write_table(_flattened(resources, schema))
    finally:
        spool.unlink(missing_ok=True)
    _put_in_place(files, part, files.target_after)
    return rows


def _spool_resources(journal: Path, spool: Path) -> None:
    schema = pa.schema([("id", pa.string()), ("n", pa.int64()), ("resource", pa.string())])
    with create_file(spool, schema, compression="zstd") as writer:
        for batch in _batches(journal):
            writer.write_table(pa.Table.from_pylist(batch, schema))


def _batches(journal: Path) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for record in read_journal(journal):
        if record.get("event") != "settled" or not record.get("profile_id"):
            continue
        gone = record.get("result") == Result.APPLIED
        resource = record.get("resource")
        if record.get("was"):
            batch.append({"id": str(record["was"]), "n": record["n"], "resource": None})
        if resource or gone:
            text = orjson.dumps(resource).decode() if resource else None
            batch.append({"id": str(record["profile_id"]), "n": record["n"], "resource": text})
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    yield batch


def _flattened(resources: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    columns = []
    for field in schema:
        values: list[Any]
        if field.name == "id":
            values = [str(resource["id"]) for resource in resources]
        elif field.name == "version":
            values = [version_of(resource) for resource in resources]
        elif field.name == "resource":
            values = [orjson.dumps(resource).decode() for resource in resources]
        else:
            path = parse(field.name)
            values = [get(resource, path) for resource in resources]
            values = [as_boolean(v) for v in values] if pa.types.is_boolean(field.type) else [_text(v) for v in values]
        columns.append(pa.array(values, field.type))
    return pa.table(columns, schema=schema)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return canonical(value)


def _put_in_place(files: RunFiles, part: Path, place: Path) -> None:
    part.chmod(files.journal.stat().st_mode & 0o777)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(place)
