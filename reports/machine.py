"""The report for machines: CSV, NDJSON, Parquet and JSON, complete and in a stable order.

Parquet holds values exactly as ``changes.parquet`` does (JSON text, null is absent). JSON and NDJSON hold them as
JSON values and escape what a terminal would obey. CSV is for people with a spreadsheet: no cell is a formula, and
what is invisible is spelt out.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trueup.reports.columns import IN_MACHINE_FORMATS
from trueup.reports.escaping import cell, json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trueup.reports.model import ReportView

_CHANGE = ("attribute", "before", "after", "cause")


def rows(view: ReportView) -> pa.Table:
    """One row per change, and one with null ``attribute`` for each listed person without any; people in order."""
    people = view.people.select(["person", *IN_MACHINE_FORMATS])
    changes = view.changes.select(["person", *_CHANGE])
    changes = changes.append_column("n", pa.array(range(changes.num_rows), pa.int64()))
    joined = people.join(changes, "person", join_type="left outer")
    return joined.sort_by([("person", "ascending"), ("n", "ascending")]).select([*IN_MACHINE_FORMATS, *_CHANGE])


def parquet(view: ReportView) -> bytes:
    """``rows`` as a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(rows(view), sink, compression="zstd")
    return sink.getvalue()


def csv_text(view: ReportView) -> bytes:
    """``rows`` as CSV (RFC 4180 but for plain line feeds, UTF-8); values decoded, inert."""
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\n")
    table = rows(view)
    writer.writerow(table.column_names)
    columns = [_cells(table[name], decode=name in ("before", "after")) for name in table.column_names]
    writer.writerows(zip(*columns, strict=True))
    return sink.getvalue().encode()


def _cells(column: pa.ChunkedArray, *, decode: bool) -> list[str]:
    texts = column.cast(pa.string()).combine_chunks().dictionary_encode()
    shown = [cell(plain(text) if decode else text) for text in texts.dictionary.to_pylist()]
    taken = pa.array(shown, pa.string()).take(texts.indices)
    return pc.fill_null(taken, "").to_pylist()  # type: ignore[no-any-return] # pyarrow is untyped


def plain(text: str) -> str:
    """JSON text as a person writes it: a string without its quotes, everything else as it is."""
    value = _value(text)
    return value if isinstance(value, str) else text


def _value(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def ndjson(view: ReportView) -> bytes:
    """``rows`` as one JSON object a line."""
    return "".join(f"{line}\n" for line in _lines(view)).encode()


def _lines(view: ReportView) -> Iterator[str]:
    for batch in rows(view).to_batches(max_chunksize=50_000):
        for row in batch.to_pylist():
            yield _json(row | {"before": _value(row["before"]), "after": _value(row["after"])})


def document(view: ReportView) -> bytes:
    """One JSON document: run, state, acts, verdict, counts, limits, sums, people with their changes."""
    people = view.people.drop_columns(["person"]).to_pylist()
    for person in people:
        person["changes"] = []
    for change in view.changes.to_pylist():
        people[change["person"]]["changes"].append(
            {
                "attribute": change["attribute"],
                "before": _value(change["before"]),
                "after": _value(change["after"]),
                "cause": change["cause"],
            }
        )
    return f"{_json(_summary(view) | {'people': people})}\n".encode()


def _summary(view: ReportView) -> dict[str, Any]:
    return {
        "run_id": view.run_id,
        "kind": view.kind,
        "parent_run": view.parent_run,
        "state": view.state,
        "outcome": view.outcome,
        "acts": [act.model_dump(mode="json") for act in view.acts],
        "started": view.started,
        "target": view.target,
        "fingerprint": view.fingerprint,
        "verdict": view.verdict,
        "detail": view.detail,
        "ask": view.ask,
        "refusals": [refusal.as_json() for refusal in view.refusals],
        "counts": view.counts,
        "changes": view.changes_total,
        "users": view.users,
        "profiles": view.profiles,
        "limits": [
            {"name": one.name, "used": one.used, "base": one.base, "limit": one.limit, "tripped": one.tripped}
            for one in view.limits
        ],
        "attributes": [
            {"attribute": one.attribute, "changed": one.changed, "filled": one.filled, "emptied": one.emptied}
            for one in view.attributes
        ],
        "causes": [{"cause": one.cause, "changes": one.changes, "people": one.people} for one in view.causes],
        "events": [{"event": one.event, "words": one.words, "people": one.people} for one in view.events],
        "notes": view.notes,
        "irreversible": view.irreversible,
        "unlisted": view.unlisted,
    }


def _json(value: Any) -> str:
    return json_text(json.dumps(value, ensure_ascii=False, default=_plainly))


def _plainly(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


RENDERERS: dict[str, Callable[[ReportView], bytes]] = {
    "csv": csv_text,
    "ndjson": ndjson,
    "parquet": parquet,
    "json": document,
}
"""Format → bytes."""
