"""The pages about all runs: what waits and what was done, the archive's health, the limits."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trueup.connectors.archive import reading
from trueup.connectors.archive.integrity import check_chain
from trueup.connectors.archive.places import place_of
from trueup.connectors.archive.unfinished import died
from trueup.flows.review.standing import at_work, standing
from trueup.reports.sentences import counted, number
from trueup.reports.stories import results
from trueup.reports.team.model import (
    ArchivePage,
    ArchiveRun,
    HealthLine,
    LimitRow,
    LimitsPage,
    NightsPage,
    RunLine,
    TargetNights,
)
from trueup.transforms.setting_values import ERRORS_AT_LEAST, Bound
from trueup.transforms.targets import same_target
from trueup.transforms.values.labels import label
from trueup.transforms.vocabulary import WRITING, Act, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.flows.review.reading import Seen
    from trueup.flows.review.standing import Standing
    from trueup.reports.nights import NightsView
    from trueup.transforms.history import PriorRun
    from trueup.transforms.manifest import LimitUse
    from trueup.transforms.settings import Settings

_DONE = 30
"""Runs told one by one."""
_LITTLE = 2 * 1024**3


def front(seen: Seen, nights: NightsView, settings: Settings) -> NightsPage:
    """What waits and what was done, newest first."""
    target, at = settings.target.url, datetime.now(UTC)
    history = seen.history(target)
    if not history.runs and not nights.nights and not nights.left_out:
        return NightsPage(())
    told = [(run, standing(run, history, settings, at=at)) for run in history.runs[: 3 * _DONE]]
    now = at_work(settings.archive_root, target)
    waiting = [_line(run, how, now) for run, how in told if _waits(run, how)]
    done = [_line(run, how, now) for run, how in told if not _waits(run, how)][:_DONE]
    return NightsPage((TargetNights(same_target(target), tuple(waiting), tuple(done), nights),))


def _waits(run: PriorRun, how: Standing) -> bool:
    """Whether somebody can do something about it: accept, apply, or resume."""
    over = {Act.APPLIED, Act.PARTIALLY_APPLIED, Act.VERIFIED}
    return how.is_open and run.state not in over


def _line(run: PriorRun, how: Standing, now: str) -> RunLine:
    counts = run.manifest.counts
    writes = sum(counts.get(one, 0) for one in WRITING)
    decided = [act.who for act in run.acts if act.act in {Act.APPROVED, Act.REJECTED}]
    return RunLine(
        run_id=run.run_id,
        kind=str(run.kind),
        started=run.manifest.started,
        state=str(run.state),
        counts=counts,
        writes=writes,
        came=f"Being applied now: {counted(writes, 'write')}" if run.run_id == now else _came(run, how, writes),
        by=tuple(dict.fromkeys(decided)),
        is_for_some=run.is_for_some,
    )


def _came(run: PriorRun, how: Standing, writes: int) -> str:
    """How a run ended, or what it waits for."""
    state, of = run.state, counted(writes, "write")
    if _waits(run, how):
        if state == Act.INTERRUPTED:
            return f"Interrupted while it was applied: resume it or give it up ({of})"
        if how.is_ready:
            return f"{of} accepted, to be applied"
        if how.accepted:
            return f"{of}, {number(how.still_needed)} more must accept"
        if run.manifest.outcome is Outcome.REFUSED:
            return f"Refused at {counted(len(run.manifest.refusals), 'limit')}: {of}, if it is right all the same"
        return f"{of} to accept or reject"
    words = {
        str(Act.APPLIED): f"Applied{_written(run)}",
        str(Act.VERIFIED): f"Applied and verified{_written(run)}",
        str(Act.PARTIALLY_APPLIED): f"Applied in part{_written(run)}",
        str(Act.REJECTED): "Rejected",
        str(Act.SUPERSEDED): "A newer plan replaced it",
        str(Outcome.NOTHING_TO_DO): "Nothing to do",
        str(Outcome.FAILED): f"Failed: {run.manifest.error}",
        str(Outcome.REFUSED): f"Refused: {'; '.join(one.message for one in run.manifest.refusals)}",
    }
    return words.get(state, how.why_closed or state.replace("_", " ").capitalize())


def _written(run: PriorRun) -> str:
    closing = next((act for act in reversed(run.acts) if act.act in {Act.APPLIED, Act.PARTIALLY_APPLIED}), None)
    came = results(closing.details) if closing else ""
    return f": {came}" if came else ""


def health(seen: Seen, root: Path, settings: Settings) -> ArchivePage:
    """What the archive holds, and what is wrong with it; data files are not read here."""
    bad = dict(seen.bad)
    runs = []
    for files in reading.directories(root):
        run = next((one for one in seen.good if one.run_id == files.run_id), None)
        every = place_of(root).contents(files.run_id)
        text, state = "", "unfinished"
        if files.run_id in bad:
            text, state = bad[files.run_id].message.split("\n")[0], "damaged"
        elif run is not None:
            state = str(run.state)
            text = "Pruned: its figures stay, its people are gone." if run.is_pruned else ""
        elif not files.manifest.exists():
            text = "Never finished: it has no manifest."
        started = run.manifest.started if run is not None else None
        runs.append(ArchiveRun(files.run_id, started, state, sum(one.bytes for one in every), len(every), text))
    return ArchivePage(
        lines=tuple(_lines(seen, root, settings, runs)),
        runs=tuple(runs),
        bytes=sum(one.bytes for one in runs),
        checked_at=datetime.now(UTC),
    )


def _lines(seen: Seen, root: Path, settings: Settings, runs: list[ArchiveRun]) -> list[HealthLine]:
    lines = [HealthLine("fix", "damaged run", refused.message, refused.remedy) for _, refused in seen.bad]
    lines += [HealthLine("warning", "unfinished run", one.text, one.remedy) for one in died(root)]
    lines += [
        HealthLine("warning", "interrupted run", f"{run.run_id} was interrupted while it was applied.",
                   f"Resume it: trueup apply {run.run_id}. Or give it up: reject it.")
        for run in seen.good if run.state == Act.INTERRUPTED
    ]  # fmt: skip
    lines += _chain(seen, root)
    if newest := next(iter(seen.history(settings.target.url).applied), None):
        text = f"{newest.run_id}, planned {newest.manifest.started:%A, %-d %B %Y}."
        lines.append(HealthLine("ok", "last good run", text))
    else:
        lines.append(HealthLine("warning", "last good run", "None yet for this target.", "Make a first plan."))
    pruned = sum(1 for run in seen.good if run.is_pruned)
    lines.append(
        HealthLine(
            "ok", "kept for", f"{number(settings.archive.keep_days)} days; {counted(pruned, 'run')} pruned so far."
        )
    )
    free = shutil.disk_usage(root).free if root.is_dir() else 0
    little = free < max(_LITTLE, 10 * (runs[0].bytes if runs else 0))
    room = f"{free / 1024**3:.1f} GiB are free."
    lines.append(
        HealthLine("warning" if little else "ok", "room", room, "Make room, or prune old runs." if little else "")
    )
    return lines


def _chain(seen: Seen, root: Path) -> list[HealthLine]:
    """Each manifest names the one before it; not said while a manifest cannot be believed."""
    if seen.bad:
        return []
    if broken := check_chain(root):
        return [
            HealthLine("fix", "chain", f"Run {one.run_id}: {one.text}", "Restore what is missing from your backup.")
            for one in broken
        ]
    text = f"{counted(len(seen.good), 'run')} whole; each names the one before it." if seen.good else "No runs yet."
    return [HealthLine("ok", "chain", text)]


def limits(seen: Seen, nights: NightsView, settings: Settings) -> LimitsPage:
    """Each limit as configured, and how the nights used it."""
    runs = [run for run in seen.history(settings.target.url).runs if run.manifest.limits and not run.manifest.only]
    newest = {use.name: use for use in runs[0].manifest.limits} if runs else {}
    every: dict[str, list[tuple[PriorRun, LimitUse]]] = {}
    for run in runs:
        for use in run.manifest.limits:
            every.setdefault(use.name, []).append((run, use))
    configured = settings.limits

    def row(name: str, shown: str, bound: Bound | None) -> LimitRow:
        uses = [(_part(use), run) for run, use in every.get(name, ()) if not use.exempt]
        most, on = max(uses, key=lambda one: one[0]) if uses else (None, None)
        last = newest.get(name)
        return LimitRow(
            name=shown,
            bound=_bound(bound, ERRORS_AT_LEAST if name == "apply_errors" else configured.at_least),
            last=None if last is None or last.exempt else _part(last),
            most=most,
            most_on=None if on is None else (on.manifest.night or on.manifest.started.date()),
            exceeded=sum(1 for run, use in every.get(name, ()) if use.tripped),
        )

    bounds = {name: bound for name, bound in configured if isinstance(bound, Bound)}
    families = tuple(row(name, name.replace("_", " "), bound) for name, bound in bounds.items())
    singles = [(name, *name.split(":", 1)) for name in sorted(every) if ":" in name]
    attributes = tuple(row(name, f"{family} {label(path)}", bounds.get(family)) for name, family, path in singles)
    used = tuple(one for one in attributes if one.most)
    approval = settings.approval
    return LimitsPage(
        families, used, len(nights.nights), approval.approvers, approval.valid_hours, required=approval.required
    )


def _part(use: LimitUse) -> float:
    used = use.share if use.is_share else use.used
    return float(used / use.limit) if use.limit else float(bool(use.used))


def _bound(bound: Bound | None, at_least: int) -> str:
    if bound is None:
        return ""
    if bound.is_share:
        return f"{bound}, never below {at_least} rows"
    return f"at most {bound}" if bound.amount else "none"
