"""The view: read once, put into words once, shown by every renderer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from trueup.reports.attributes import EVENT_WORDS, event_of
from trueup.reports.details import read_details
from trueup.reports.model import (
    AttributeLine,
    CauseLine,
    EventLine,
    Group,
    HoldLine,
    LeftOut,
    LimitLine,
    ReasonLine,
    ReportView,
    Total,
    TrendPoint,
)
from trueup.reports.organisation import organisation
from trueup.reports.past_nights import past_nights
from trueup.reports.people import read_facts
from trueup.reports.sentences import CAUSE_WORDS, LABELS, age, number, share
from trueup.reports.stories import became, ending, names, news, stories, waiting
from trueup.reports.verdict import opening
from trueup.transforms.links import Links
from trueup.transforms.planning.selection import keys_of, not_selected
from trueup.transforms.values.labels import label
from trueup.transforms.vocabulary import WRITING, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from trueup.reports.details import Beside
    from trueup.reports.people import Facts
    from trueup.reports.stories import Aside
    from trueup.transforms.history import History
    from trueup.transforms.manifest import ActRecord, LimitUse, Manifest
    from trueup.transforms.run_files import RunFiles

_TREND_RUNS = 20
_MOVES = 12
"""Moves between departments told one by one; the rest is summed up."""


def build_view(
    files: RunFiles,
    manifest: Manifest,
    history: History,
    *,
    at: datetime,
    acts: tuple[ActRecord, ...] = (),
    state: str = "",
    complete: bool = False,
    beside: Beside | None = None,
) -> ReportView:
    """Everything the report shows of a run, decided and counted.

    Args:
        files: the run; files it did not come to count as empty.
        manifest: as it will be (before the seal) or is.
        history: earlier runs against the same target; later ones are ignored.
        at: ages count up to here.
        acts: of a sealed run.
        state: of a sealed run; none means the outcome.
        complete: list everybody, however many; else what a page can hold, the rest being counted in ``unlisted``.
        beside: what the run's own files do not hold.
    """
    named = None if complete else _named(files, manifest)
    facts = read_facts(files, manifest, history, complete=complete, named=named)
    counts = manifest.counts if named is None else Counter(facts.people["decision"].to_pylist())
    past = past_nights(files, manifest, history)
    is_as_made = not state
    state = state or str(manifest.outcome)
    trend = _trend(manifest, history)
    words = opening(manifest, past, state)
    return ReportView(
        run_id=manifest.run_id,
        kind=str(manifest.kind),
        parent_run=manifest.parent_run,
        outcome=str(manifest.outcome),
        state=state,
        at=at,
        started=manifest.started,
        target=manifest.target,
        fingerprint=manifest.fingerprint,
        baseline_run=manifest.baseline_run,
        only=manifest.only,
        tone=words.tone,
        verdict=words.verdict,
        detail=words.detail,
        ask=words.ask,
        commands=words.commands,
        counts=dict(manifest.counts),
        changes_total=manifest.changes,
        users=manifest.users,
        profiles=manifest.profiles,
        is_as_made=is_as_made,
        stories=stories(facts.told),
        news=news(facts.told, sum(manifest.counts.get(one, 0) for one in WRITING)),
        ending=ending(facts.told),
        waiting=waiting(facts.told),
        became=() if is_as_made else became(acts, state),
        organisation=organisation(facts.told, past),
        totals=tuple(
            Total(decision, name, counts.get(decision, 0), decision in WRITING) for decision, name in LABELS.items()
        ),
        refusals=manifest.refusals,
        notes=(*manifest.notes, *_not_named(files, named)),
        irreversible=_irreversible(manifest, ending(facts.told)),
        limits=tuple(_limit(use) for use in manifest.limits),
        trend=trend,
        attributes=tuple(
            AttributeLine(r["attribute"], label(r["attribute"]), r["changed"], r["filled"], r["emptied"])
            for r in facts.attributes
        ),
        causes=tuple(
            CauseLine(r["cause"], CAUSE_WORDS.get(r["cause"], r["cause"]), r["changes"], r["people"])
            for r in facts.causes
        ),
        events=_events(facts),
        groups=tuple(
            Group(
                r["number"],
                r["attribute"],
                label(r["attribute"]),
                r["before"],
                r["after"],
                tuple(r["causes"]),
                r["people"],
                r["writes"],
            )
            for r in facts.groups
        ),
        holds=_holds(facts, at),
        exclusions=_reasons(facts, "out_of_scope"),
        conflicts=_reasons(facts, "conflict"),
        unmanaged=_reasons(facts, "unmanaged"),
        kept=_reasons(facts, "unchanged"),
        left_out=tuple(LeftOut(r["who"], r["run_id"], r["people"]) for r in facts.left_out),
        findings=facts.information,
        acts=acts,
        people=facts.people,
        changes=facts.changes,
        unlisted=facts.unlisted,
        details=read_details(files, manifest, history, facts.people, beside.verdicts if beside else None),
        links=beside.links if beside else Links(),
        facts=_small_print(manifest),
        extra={"completeness": manifest.completeness, "rollback": manifest.rollback},
    )


def _named(files: RunFiles, manifest: Manifest) -> frozenset[str] | None:
    """Keys of the people a plan is for; None where it is for everybody, or never came to decisions."""
    if manifest.kind is not Kind.RECONCILE or not manifest.only or not files.decisions.exists():
        return None
    return frozenset(key for keys in keys_of(files, manifest.only).values() for key in keys)


def _not_named(files: RunFiles, named: frozenset[str] | None) -> tuple[str, ...]:
    """That others would be written too, were the plan for them."""
    if named is None:
        return ()
    others = not_selected(files)
    return (f"{number(others)} others would be written by a plan for everybody; this one leaves them.",) * bool(others)


def _limit(use: LimitUse) -> LimitLine:
    return LimitLine(
        name=use.name,
        label=_limit_label(use.name),
        used=use.used,
        base=use.base,
        use=f"{number(use.used)} of {number(use.base)} ({share(use.share)})" if use.base else number(use.used),
        limit=share(use.limit) if use.is_share else f"at most {number(use.limit)}",
        filled=_filled(use),
        tripped=use.tripped,
        exempt=f"exempt: {use.exempt}" if use.exempt else "",
    )


def _filled(use: LimitUse) -> float:
    if use.exempt:
        return 0.0
    bound = use.limit * use.base if use.is_share else use.limit
    return min(use.used / bound, 1.0) if bound else float(bool(use.used))


def _limit_label(name: str) -> str:
    what, _, attribute = name.partition(":")
    return f"{what} {label(attribute)}" if attribute else what.replace("_", " ")


def _trend(manifest: Manifest, history: History) -> tuple[TrendPoint, ...]:
    past = [
        _point(run.manifest, run.state)
        for run in history.runs
        if run.run_id < manifest.run_id and run.kind is Kind.RECONCILE and run.manifest.counts and not run.manifest.only
    ]
    recent = sorted(past, key=lambda point: point.run_id)[-_TREND_RUNS:]
    return (*recent, _point(manifest, str(manifest.outcome), is_this=True))


def _point(manifest: Manifest, state: str, *, is_this: bool = False) -> TrendPoint:
    counts = manifest.counts
    return TrendPoint(
        run_id=manifest.run_id,
        day=f"{manifest.started:%Y-%m-%d}",
        state=state,
        created=counts.get("create", 0),
        updated=counts.get("update", 0) + counts.get("reactivate", 0),
        ended=counts.get("deactivate", 0) + counts.get("delete", 0),
        held=counts.get("hold", 0),
        is_this=is_this,
    )


_EVENT_LINES = {
    "joined": "new",
    "left": "left",
    "returned": "returned",
    "deleted": "deleted for good",
    "ended": "no longer in scope",
    "taken_back": "taken back",
    "adopted": "adopted: an existing profile taken over",
    "moved": "moved to another department or unit",
}
_EVENT_ORDER = ("joined", "left", "ended", "deleted", "returned", "taken_back", "adopted", *EVENT_WORDS)


def _events(facts: Facts) -> tuple[EventLine, ...]:
    counts = {row["event"]: row["people"] for row in facts.events}
    lines = []
    for event in _EVENT_ORDER:
        if counts.get(event):
            lines.append(EventLine(event, _EVENT_LINES.get(event, EVENT_WORDS.get(event, event)), counts[event]))
        if event == "moved":
            lines += _moves(facts)
    return tuple(lines)


def _moves(facts: Facts) -> list[EventLine]:
    """Where several people went together from one department to another; the largest first."""
    together = [
        row
        for row in facts.groups
        if event_of(row["attribute"]) == "moved" and row["before"] is not None and row["after"] is not None
    ]
    return [
        EventLine("moved", f"moved from {row['before']} to {row['after']}", row["people"], row["number"])
        for row in together[:_MOVES]
    ]


def _holds(facts: Facts, at: datetime) -> tuple[HoldLine, ...]:
    return tuple(
        HoldLine(
            r["check"] or "held",
            _example(r),
            r["remedy"],
            r["people"],
            age(r["oldest"], at),
        )
        for r in facts.holds
    )


def _example(row: dict[str, Any]) -> str:
    """The reason people share, or one of theirs, said to be an example."""
    reason: str = row["reason"] or ""
    return f"{reason} (one of {number(row['reasons'])} such reasons)" if row["reasons"] > 1 else reason


def _reasons(facts: Facts, decision: str) -> tuple[ReasonLine, ...]:
    return tuple(
        ReasonLine(
            decision,
            r["reason_code"] or "",
            _example(r),
            r["people"],
        )
        for r in facts.reasons
        if r["decision"] == decision
    )


def _irreversible(manifest: Manifest, whom: Mapping[str, Aside]) -> tuple[str, ...]:
    counts, sentences = manifest.counts, []
    if deleted := counts.get("delete", 0):
        sentences.append(
            f"{number(deleted)} to delete{_whom(whom, 'delete')}: a rollback creates the profile anew from the "
            "archive, under a new id; what else hung on it in the target is lost."
        )
    if ended := counts.get("deactivate", 0):
        sentences.append(
            f"{number(ended)} to deactivate{_whom(whom, 'deactivate')}: Trueup can reactivate them, but what the "
            "target itself does to a deactivated profile (team membership, reports, invitations) may not come back."
        )
    sentences += [str(item) for item in manifest.rollback.get("cannot_come_back", ())]
    return tuple(sentences)


def _whom(whom: Mapping[str, Aside], decision: str) -> str:
    one = whom.get(decision)
    return f" ({names(one.persons, one.more)})" if one else ""


def _small_print(manifest: Manifest) -> tuple[tuple[str, str], ...]:
    rows = [
        ("Run", manifest.run_id),
        ("Target", manifest.target),
        ("Compared with", manifest.baseline_run or "no earlier applied run"),
        ("Fingerprint", manifest.fingerprint),
        ("Configuration", manifest.configuration_digest),
        *((name, version) for name, version in sorted(manifest.versions.items())),
    ]
    return tuple((name, value) for name, value in rows if value)
