"""The verdict, what is asked of the reader, and how figures are said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.transforms.values.labels import allow_options
from trueup.transforms.vocabulary import Decision, Kind, Outcome

if TYPE_CHECKING:
    from datetime import datetime

    from trueup.reports.model import Tone, TrendPoint
    from trueup.transforms.manifest import Manifest

LABELS = {
    "create": "create",
    "update": "update",
    "reactivate": "reactivate",
    "deactivate": "deactivate",
    "delete": "delete",
    "hold": "held",
    "conflict": "conflict",
    "out_of_scope": "excluded",
    "unmanaged": "unmanaged",
    "unchanged": "unchanged",
}
"""Decision → the word under a figure; in the order the report uses."""

CAUSE_WORDS = {
    "source_changed": "changed at the source",
    "edited_in_target": "edited in the target",
    "mapping_changed": "by the changed mapping",
    "scope_changed": "by a change of scope",
    "first_adoption": "by adopting a profile",
    "rollback": "taken back",
}
CAUSE_REMEDIES = {
    "edited_in_target": "Somebody edits these in the target; they go back to what the source says.",
    "mapping_changed": "The configuration changed, not the people.",
    "first_adoption": "Profiles that were there before Trueup and are taken over now.",
}

_ENOUGH_RUNS = 3


@dataclass(frozen=True, slots=True)
class Opening:
    """The first thing a reader sees."""

    tone: Tone
    verdict: str
    detail: str
    ask: str
    commands: tuple[str, ...]


def number(value: float) -> str:
    """``3104`` as ``3,104``; fractions with one digit."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def counted(value: int, one: str, many: str = "") -> str:
    """``1 person``, ``2 people``."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def share(value: float) -> str:
    """``0.068`` as ``6.8 %``."""
    return f"{value * 100:.1f}".removesuffix(".0") + " %"


def age(since: datetime | None, at: datetime) -> str:
    """``for 12 days``, ``since yesterday``; ``new`` where nothing earlier is known."""
    if since is None:
        return "new"
    days = (at - since).days
    if days < 1:
        return "since today"
    return "since yesterday" if days == 1 else f"for {days} days"


def listing(parts: list[str]) -> str:
    """``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


_WRITES = {
    "create": "creation",
    "update": "update",
    "reactivate": "reactivation",
    "deactivate": "deactivation",
    "delete": "deletion",
}


def write_words(counts: dict[str, int]) -> str:
    """``35 updates``, or ``13 writes: 12 creations and 1 deactivation``."""
    parts = [counted(counts[decision], noun) for decision, noun in _WRITES.items() if counts.get(decision)]
    if len(parts) == 1:
        return parts[0]
    return f"{counted(sum(counts.get(decision, 0) for decision in _WRITES), 'write')}: {listing(parts)}"


def opening(manifest: Manifest, trend: tuple[TrendPoint, ...], state: str) -> Opening:
    """Verdict and ask of a run, whatever its outcome."""
    if manifest.outcome is Outcome.FAILED:
        return Opening(
            "stop",
            "The run failed before there was a plan.",
            manifest.error,
            "Nothing can be applied from this run. Mend the cause and plan again.",
            ("trueup doctor", "trueup plan"),
        )
    if manifest.outcome is Outcome.REFUSED:
        return _refused(manifest)
    if manifest.outcome is Outcome.NOTHING_TO_DO:
        return _nothing(manifest)
    return _ready(manifest, trend, state)


def _refused(manifest: Manifest) -> Opening:
    count = len(manifest.refusals)
    reasons = " ".join(refusal.message for refusal in manifest.refusals)
    if count and all(refusal.overridable for refusal in manifest.refusals):
        exceeded = [refusal.limit_name for refusal in manifest.refusals]
        allow = f'{allow_options(exceeded, exceeded)} --reason "…"'
        return Opening(
            "stop",
            f"Refused: the plan goes beyond {counted(count, 'limit')}.",
            reasons,
            "Nothing is written unless you say why this is right. If you do not know why, look at the source first.",
            (f"trueup approve {manifest.run_id} --as NAME {allow}", f'trueup reject {manifest.run_id} --reason "…"'),
        )
    return Opening(
        "stop",
        "Refused: this run cannot be approved.",
        reasons,
        "Nothing can be applied from this run. " + " ".join(dict.fromkeys(r.remedy for r in manifest.refusals)),
        ("trueup plan",),
    )


_AT_REST = "Nothing is asked of you."


def _nothing(manifest: Manifest) -> Opening:
    held = manifest.counts.get("hold", 0)
    aside = f", but {counted(held, 'person is', 'people are')} held: see below" if held else ""
    if manifest.only:
        named = counted(len(manifest.only), "person", "people")
        return Opening("calm", f"Nothing to do for the {named} named.", _others(manifest), _AT_REST, ())
    back = manifest.kind is Kind.ROLLBACK
    return Opening(
        "calm",
        "Nothing to take back." if back else "Nothing to do: the target is true to the source.",
        f"{counted(manifest.profiles, 'profile')} compared with {counted(manifest.users, 'user')}.",
        f"Nothing is asked of you{aside}.",
        (),
    )


def _ready(manifest: Manifest, trend: tuple[TrendPoint, ...], state: str) -> Opening:
    counts = manifest.counts
    writes = sum(counts.get(decision, 0) for decision in _WRITES)
    tone, verdict, detail = _ordinary(manifest, trend, writes)
    held = counts.get("hold", 0) if not manifest.only else 0
    conflicts = counts.get("conflict", 0)
    aside = [f"{number(held)} held"] * bool(held) + [f"{number(conflicts)} in conflict"] * bool(conflicts)
    asks = f"You are asked to accept {write_words(counts)}."
    if state != Outcome.READY:
        asks = f"This run is {state.replace('_', ' ')}; it holds {write_words(counts)}."
    if aside:
        asks += f" {listing(aside)} {'is' if held + conflicts == 1 else 'are'} left as they are."
    commands = (f"trueup review {manifest.run_id}", f"trueup approve {manifest.run_id} --as NAME")
    return Opening(tone, verdict, detail, asks, commands if state == Outcome.READY else ())


def _ordinary(manifest: Manifest, trend: tuple[TrendPoint, ...], writes: int) -> tuple[Tone, str, str]:
    people = counted(writes, "person changes", "people change")
    of = f"of {counted(manifest.users, 'user')} and {counted(manifest.profiles, 'profile')}"
    if manifest.kind is Kind.ROLLBACK:
        what = f"run {manifest.parent_run}" if manifest.parent_run else "earlier changes"
        return "attention", f"A way back: takes back {what} for {counted(writes, 'person', 'people')}.", ""
    if manifest.only:
        return (
            "calm",
            f"A trial with {counted(len(manifest.only), 'person', 'people')}: {people}.",
            _others(manifest),
        )
    if manifest.first_run:
        return (
            "attention",
            f"The first run: {people}, {of}.",
            "There is nothing yet to compare it with; read it closely.",
        )
    if deletes := manifest.counts.get(Decision.DELETE, 0):
        detail = "A deleted profile comes back only as a new one."
        return "attention", f"{counted(deletes, 'profile')} would be deleted; {people} in all.", detail
    return _beside(trend, people, of)


def _others(manifest: Manifest) -> str:
    """What a plan for some does with everybody else."""
    return "Nobody else was read or is touched." if manifest.partial_read else "Nobody else is touched."


def _beside(trend: tuple[TrendPoint, ...], people: str, of: str) -> tuple[Tone, str, str]:
    """The verdict beside earlier runs."""
    past = [point for point in trend if not point.is_this]
    if len(past) < _ENOUGH_RUNS:
        return "calm", f"{people[0].upper()}{people[1:]}, {of}.", "Too few runs yet to say what is ordinary here."
    unusual = _unusual(next(point for point in trend if point.is_this), past)
    if unusual:
        return "attention", f"More than usual: {people}, {of}.", unusual
    return "calm", f"An ordinary night: {people}, {of}.", f"Within what the last {len(past)} runs did."


def _unusual(this: TrendPoint, past: list[TrendPoint]) -> str:
    """In words what exceeds everything seen before by half again (and by more than five); empty if nothing does."""
    sentences = []
    for words, field in (
        ("created", "created"),
        ("updated", "updated"),
        ("deactivated or deleted", "ended"),
        ("held", "held"),
    ):
        now, most = getattr(this, field), max(getattr(point, field) for point in past)
        if now > most * 1.5 + 5:
            sentences.append(f"{number(now)} {words}; the most in the last {len(past)} runs was {number(most)}.")
    return " ".join(sentences)
