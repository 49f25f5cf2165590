"""What the command line says after plan, approve, apply and verify: built from ``Text`` only, complete or saying so."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from trueup.reports.escaping import visible
from trueup.reports.sentences import counted, number
from trueup.transforms.history import History
from trueup.transforms.values.labels import label
from trueup.transforms.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from trueup.transforms.history import PriorRun

_ROOM = 200
"""Rows shown on a terminal; what is beyond is said, with where it stands."""
_RESULTS = {"applied": "green", "skipped": "yellow", "failed": "red", "left_out": "dim"}


def terminal_summary(run: PriorRun, history: History | None = None) -> RenderableType:
    """The report of a sealed run on a terminal; with ``history`` it says whether the night was ordinary."""
    from trueup.reports.terminal import render_terminal
    from trueup.reports.view import build_view

    view = build_view(
        run.files,
        run.manifest,
        history if history is not None else History(),
        at=run.manifest.sealed,
        acts=run.acts,
        state=run.state,
    )
    return Group(render_terminal(view), Text(), Text(f"Report: {visible(str(run.files.report_place))}"))


def approval_summary(run: PriorRun, details: Mapping[str, Any]) -> RenderableType:
    """Who approved what until when, everything that is left out with its reason, and what to do next."""
    who = next((act.who for act in reversed(run.acts) if act.act == "approved"), "")
    lines: list[RenderableType] = [
        _line(f"Approved by {who}: run {run.run_id}, fingerprint {run.manifest.fingerprint[:12]}.", "bold green")
    ]
    earlier = [act.at for act in run.acts[:-1] if act.act == "approved" and act.who == who]
    if earlier:
        lines.append(
            _line(
                f"{who} had approved it already, last on {earlier[-1]:%Y-%m-%d %H:%M} UTC: this approval replaces that."
            )
        )
    if details.get("expires"):
        lines.append(_line(f"Valid until {datetime.fromisoformat(details['expires']):%Y-%m-%d %H:%M} UTC."))
    lines += [
        _line(f"Limit {limit} overridden: {reason}", "yellow")
        for limit, reason in dict(details.get("allowed") or {}).items()
    ]
    left_out = list(details.get("left_out") or ())
    if left_out:
        lines.append(_line(f"{counted(len(left_out), 'thing')} left out:"))
        lines.append(_table(("who", "what", "because"), ([r["key"], _what(r), r["because"]] for r in left_out)))
    if act := next((act for act in reversed(run.acts) if act.act == "approved" and act.reason), None):
        lines.append(_line(f"Note: {act.reason}"))
    if notes := list(details.get("notes") or ()):
        lines.append(_table(("who", "note"), ([row["key"], row["note"]] for row in notes)))
    if details.get("not_selected"):
        lines.append(_line(f"{number(details['not_selected'])} not chosen by --only."))
    missing = int(details.get("still_needed") or 0)
    if missing:
        lines.append(
            _line(f"{counted(missing, 'more person', 'more people')} must approve: trueup approve {run.run_id}")
        )
    else:
        lines.append(_line(f"Next: trueup apply {run.run_id}", "cyan"))
    return Group(*lines)


def nothing_to_do(run: PriorRun) -> RenderableType:
    """What approve, apply and verify say of a run that found the target as it should be."""
    told = "nothing to do: nothing was to be approved, nothing was written, and there is nothing to verify."
    return _line(f"{run.run_id} · {told}", "bold")


def applied_summary(run: PriorRun, records: Sequence[Mapping[str, Any]]) -> RenderableType:
    """How many were applied, and everybody who was not, with the reason."""
    if run.manifest.outcome is Outcome.NOTHING_TO_DO:
        return nothing_to_do(run)
    if not records and run.state in {"applied", "verified"}:
        return _line(f"{run.run_id} · nothing was left to do.", "bold")
    people = [record for record in records if record["operation"] != "restore"]
    counts = Counter(str(record["result"]) for record in people)
    sums = Text(f"{visible(run.run_id)} · {visible(run.state.replace('_', ' '))} · ", style="bold")
    shown = [result for result in _RESULTS if counts[result] or result == "applied"]
    for place, result in enumerate(shown):
        sums.append(", " if place else "")
        sums.append(f"{_people(counts[result])} {result.replace('_', ' ')}", style=_RESULTS[result])
    lines: list[RenderableType] = [sums]
    others = [record for record in records if record["result"] != "applied" or record["operation"] == "restore"]
    if others:
        rows = ([r["key"], str(r["operation"]), str(r["result"]), r.get("reason") or ""] for r in others)
        lines.append(_table(("who", "what", "result", "reason"), rows))
    lines.append(_line(f"Next: trueup verify {run.run_id}; to take it back: trueup rollback {run.run_id}", "cyan"))
    return Group(*lines)


def verified_summary(run: PriorRun, document: Mapping[str, Any]) -> RenderableType:
    """Whether the target holds what was written, and every attribute that differs."""
    if run.manifest.outcome is Outcome.NOTHING_TO_DO:
        return nothing_to_do(run)
    if document["converged"]:
        return _line(f"{run.run_id}: the target holds everything that was written.", "bold green")
    rows = (
        [r["key"], label(r["attribute"] or ""), _value(r["expected"]), _value(r["found"]), str(r["class"])]
        for r in document["records"]
    )
    return Group(
        _line(f"{run.run_id}: {counted(document['residual'], 'difference')} left in the target.", "bold yellow"),
        _table(("who", "attribute", "expected", "found", "class"), rows),
    )


def _line(text: str, style: str = "") -> Text:
    return Text(visible(text), style=style)


def _people(count: int) -> str:
    return counted(count, "person", "people")


def _what(row: Mapping[str, Any]) -> str:
    return label(row["attribute"]) if row.get("attribute") else "everything"


def _value(value: Any) -> str:
    return "nothing" if value is None else str(value)


def _table(columns: tuple[str, ...], rows: Any) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    more = 0
    for place, row in enumerate(rows):
        if place < _ROOM:
            table.add_row(*(_line(str(cell)) for cell in row))
        else:
            more += 1
    if not more:
        return table
    return Group(table, _line(f"and {number(more)} more: --json has them all.", "dim"))
