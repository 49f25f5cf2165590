"""The verdict on a run, what is asked of the reader, and whether the night was ordinary, in sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.reports.sentences import WRITES, counted, listing, number, write_words
from trueup.transforms.ordinary import ENOUGH, unusual
from trueup.transforms.values.labels import allow_options
from trueup.transforms.vocabulary import Decision, Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trueup.reports.model import Tone
    from trueup.reports.past_nights import PastNights
    from trueup.transforms.manifest import Manifest
    from trueup.transforms.ordinary import Unusual


@dataclass(frozen=True, slots=True)
class Opening:
    """The first thing a reader sees."""

    tone: Tone
    verdict: str
    detail: str
    ask: str
    commands: tuple[str, ...]


def opening(manifest: Manifest, past: PastNights, state: str) -> Opening:
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
        return _refused(manifest, past, state)
    if manifest.outcome is Outcome.NOTHING_TO_DO:
        return _nothing(manifest)
    return _ready(manifest, past, state)


def _refused(manifest: Manifest, past: PastNights, state: str) -> Opening:
    """What changed at the source comes first; the limits stand in the refusals, and how to override them last."""
    count = len(manifest.refusals)
    if count and all(refusal.overridable for refusal in manifest.refusals):
        verdict = f"Refused: the plan goes beyond {counted(count, 'limit')}."
        detail = " ".join(unusual_sentences(past)) if not manifest.only and manifest.kind is Kind.RECONCILE else ""
        if state != Outcome.REFUSED:
            ask = f"This run is {state.replace('_', ' ')} all the same; it holds {write_words(manifest.counts)}."
            return Opening("attention", verdict, detail, ask, ())
        exceeded = [refusal.limit_name for refusal in manifest.refusals]
        allow = f'{allow_options(exceeded, exceeded)} --reason "…"'
        return Opening(
            "stop",
            verdict,
            detail,
            f"{_UNLESS_YOU} If you do not know why, look at the source first.",
            (f"trueup approve {manifest.run_id} --as NAME {allow}", f'trueup reject {manifest.run_id} --reason "…"'),
        )
    return Opening(
        "stop",
        "Refused: this run cannot be approved.",
        "",
        "Nothing can be applied from this run. " + " ".join(dict.fromkeys(r.remedy for r in manifest.refusals)),
        ("trueup plan",),
    )


_AT_REST = "Nothing is asked of you."
_YOU, _REVIEWERS = "You are asked", "Reviewers are asked"
_UNLESS_YOU = "Nothing is written unless you say why this is right."
_UNLESS_REVIEWERS = "Nothing is written unless a reviewer says why this is right."


def asked_of_others(ask: str) -> str:
    """What is asked, as it is told to somebody who may read and not decide."""
    return ask.replace(_YOU, _REVIEWERS).replace(_UNLESS_YOU, _UNLESS_REVIEWERS)


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


def _ready(manifest: Manifest, past: PastNights, state: str) -> Opening:
    counts = manifest.counts
    writes = sum(counts.get(decision, 0) for decision in WRITES)
    tone, verdict, detail = _ordinary(manifest, past, writes)
    held = counts.get("hold", 0) if not manifest.only else 0
    conflicts = counts.get("conflict", 0)
    aside = [f"{number(held)} held"] * bool(held) + [f"{number(conflicts)} in conflict"] * bool(conflicts)
    asks = f"{_YOU} to accept {write_words(counts)}."
    if state != Outcome.READY:
        asks = f"This run is {state.replace('_', ' ')}; it holds {write_words(counts)}."
    if aside:
        asks += f" {listing(aside)} {'is' if held + conflicts == 1 else 'are'} left as they are."
    commands = (f"trueup review {manifest.run_id}", f"trueup approve {manifest.run_id} --as NAME")
    return Opening(tone, verdict, detail, asks, commands if state == Outcome.READY else ())


def _ordinary(manifest: Manifest, past: PastNights, writes: int) -> tuple[Tone, str, str]:
    people = counted(writes, "person changes", "people change")
    of = f"Of {counted(manifest.users, 'user')} and {counted(manifest.profiles, 'profile')}"
    if manifest.kind is Kind.ROLLBACK:
        what = f"run {manifest.parent_run}" if manifest.parent_run else "earlier changes"
        return "attention", f"A rollback: takes back {what} for {counted(writes, 'person', 'people')}.", ""
    if manifest.only:
        return (
            "neutral",
            f"A trial with {counted(len(manifest.only), 'person', 'people')}: {people}.",
            _others(manifest),
        )
    if manifest.first_run:
        return (
            "attention",
            f"The first run: {people}.",
            f"{of}. There is nothing yet to compare it with; read it closely.",
        )
    if deletes := manifest.counts.get(Decision.DELETE, 0):
        detail = " ".join(["A deleted profile comes back only as a new one.", *unusual_sentences(past)])
        return "attention", f"{counted(deletes, 'profile')} would be deleted; {people} in all.", detail
    return _beside(past, people, of)


def _others(manifest: Manifest) -> str:
    """What a plan for some does with everybody else."""
    return "Nobody else was read or is touched." if manifest.partial_read else "Nobody else is touched."


def _beside(past: PastNights, people: str, of: str) -> tuple[Tone, str, str]:
    """The verdict beside earlier nights."""
    nights = len(past.nights)
    if nights < ENOUGH:
        seen = f"only {counted(nights, 'earlier night')} reached the directory" if nights else "no earlier night did"
        return (
            "neutral",
            f"{people[0].upper()}{people[1:]}.",
            f"{of}. No history yet: what is ordinary shows after {ENOUGH} nights that were applied; {seen}.",
        )
    if sentences := unusual_sentences(past):
        return "attention", f"Not an ordinary night: {people}.", " ".join([*sentences, f"{of}."])
    measured = f"{of}; measured against {counted(nights, 'applied night')}."
    return "calm", f"An ordinary night: {people}.", measured


_STORIES = {
    "left": ("{} leaves{}", "{} leave{}", " {}"),
    "joined": ("{} joins{}", "{} join{}", " {}"),
    "returned": ("{} comes back{}", "{} come back{}", " to {}"),
    "moved": ("{} moves{}", "{} move{}", " to {}"),
    "updated": ("{} changes{}", "{} change{}", " in {}"),
    "held": ("{} is held{}", "{} are held{}", " in {}"),
}
"""What happens to one person and to several, and how the department is said."""
_WHERE = {"moved": " to another department", "updated": " in some detail"}
_TOLD = 3
"""Unusual things told one by one; the rest is counted."""


def unusual_sentences(past: PastNights) -> list[str]:
    """What stands out beside earlier nights: three people leave Finance, never more than one before."""
    found = unusual(past.this.counts, [one.counts for one in past.nights])
    # Where a department is all there is of a kind, the kind says nothing more.
    in_departments = {(one.kind, one.now) for one in found if one.is_department}
    found = tuple(one for one in found if one.is_department or (one.kind, one.now) not in in_departments)
    found = tuple(one for one in found if not _is_told_by_moves(one, found))
    sentences = [_unusual(one) for one in found[:_TOLD]]
    if rest := len(found) - _TOLD:
        sentences += [f"{counted(rest, 'more figure')} {'stands' if rest == 1 else 'stand'} out."] * (rest > 0)
    return sentences


def _is_told_by_moves(one: Unusual, found: Iterable[Unusual]) -> bool:
    """Whether many change only because many move."""
    moved = next((other.now for other in found if other.kind == "moved" and not other.is_department), 0)
    return one.kind == "updated" and not one.is_department and moved > 0 and one.now - moved < one.usual.bound


def _unusual(one: Unusual) -> str:
    singular, plural, to = _STORIES[one.kind]
    where = _WHERE.get(one.kind, "")
    if one.is_department:
        where = to.format(one.department) if one.department else ", without a department"
    who = (singular if one.now == 1 else plural).format(counted(one.now, "person", "people"), where)
    usual = one.usual
    if usual.most == 0:
        return f"{who}; never anybody in {counted(usual.nights, 'night')} before."
    if one.is_department or one.now <= usual.most:
        most = f"never more than {number(usual.most)} before" if one.now > usual.most else ""
        often = f"usually {_around(usual.median)}, once {number(usual.most)}"
        return f"{who}; {most or often}."
    return f"{who}; usually {_around(usual.median)}, never more than {number(usual.most)} before."


def _around(median: float) -> str:
    return "nobody" if median == 0 else number(median)
