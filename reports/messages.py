"""Messages about a run, with the report's own sentences: for chats in text, for mails as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.reports.escaping import visible
from trueup.reports.templating import template
from trueup.transforms.messages import Event, Group, Letter, Message
from trueup.transforms.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from trueup.reports.model import ReportView

_NAMED = 25
"""People of one kind that a mail names; the report has them all."""
_EVENTS = {
    Outcome.READY: Event.READY,
    Outcome.REFUSED: Event.REFUSED,
    Outcome.FAILED: Event.FAILED,
    Outcome.NOTHING_TO_DO: Event.RECOVERED,
}
_TITLES = {
    Event.READY: "ready for review",
    Event.REFUSED: "refused",
    Event.FAILED: "failed",
    Event.APPLIED: "applied",
    Event.PARTLY_APPLIED: "only partly applied",
    Event.REMINDER: "a plan still waits",
    Event.SILENCE: "silent",
    Event.RECOVERED: "recovered",
    Event.DIED: "a run died",
    Event.BROKEN_OFF: "a night was broken off",
    Event.TEST: "a test",
}
_KINDS = (
    ("Joining", ("create", "reactivate")),
    ("Leaving", ("deactivate", "delete")),
    ("Held", ("hold",)),
    ("In conflict", ("conflict",)),
)


def titled(event: Event, host: str) -> str:
    """The heading of a message about the target on ``host``."""
    return f"Trueup, {host}: {_TITLES[event]}"


def plan_message(
    view: ReportView, host: str, *, outside: Callable[[str], str], link: str, named: bool, before: tuple[str, ...] = ()
) -> Message:
    """What a sealed plan came to, in the sentences of its report.

    Args:
        view: of the run.
        host: the target's.
        outside: makes a sentence fit to leave the archive: without keys of people, without secrets.
        link: where the report is.
        named: whether a mail may name people.
        before: sentences to say first.
    """
    event = _EVENTS[Outcome(view.outcome)]
    reasons = (refusal.message for refusal in view.refusals)
    sentences = (*before, view.verdict, *reasons, view.detail, view.ask)
    return Message(
        event,
        f"plan:{view.run_id}",
        titled(event, host),
        tuple(outside(said).strip() for said in sentences if said.strip()),
        run_id=view.run_id,
        counts=tuple((word, count) for word, count in view.counts.items() if count),
        commands=view.commands,
        link=link,
        people=_people(view) if named else (),
    )


def _people(view: ReportView) -> tuple[Group, ...]:
    listed = view.people.select(["decision", "name", "user_name"]).to_pylist()
    found = []
    for heading, decisions in _KINDS:
        names = [row["name"] or row["user_name"] or "(no name)" for row in listed if row["decision"] in decisions]
        if names:
            more = sum(view.counts.get(decision, 0) for decision in decisions) - _NAMED
            found.append(Group(heading, tuple(names[:_NAMED]), max(0, more)))
    return tuple(found)


def letter_of(message: Message) -> Letter:
    """``message`` written out; only the page may name people."""
    counts = " · ".join(f"{count:,} {word.replace('_', ' ')}" for word, count in message.counts)
    parts = [*message.sentences, *([f"{counts}."] if counts else [])]
    further = [f"Next: {command}" for command in message.commands]
    if message.link:
        further.append(f"Report: {message.link}")
    return Letter(
        event=message.event,
        title=visible(message.title),
        line=visible(" ".join([f"{message.title}.", *parts])),
        text="\n".join(visible(part) for part in [*parts, *further]),
        page=template("message.html.j2").render(message=message),
        link=message.link,
        run_id=message.run_id,
    )
