"""The report as Markdown: for a pull request, a chat, or a terminal without a browser. Values are inert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueup.reports.escaping import markdown, visible
from trueup.reports.people import changes_of
from trueup.reports.sentences import CAUSE_WORDS, LABELS, age, counted, listing, number
from trueup.reports.stories import in_text
from trueup.transforms.values.labels import label
from trueup.transforms.vocabulary import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trueup.reports.model import ReportView

PEOPLE_ROOM = 2_000
"""People listed one by one; beyond it the text says how many more there are and where."""
_ASIDE = ("hold", "conflict", "out_of_scope", "unmanaged", "unchanged")


def render_markdown(view: ReportView, *, people: int = PEOPLE_ROOM) -> str:
    """The whole report, most important first; at most ``people`` persons one by one, and it says so."""
    lines = [*_opening(view), *_figures(view), *_events(view), *_groups(view), *_aside(view), *_notes(view)]
    return "\n".join([*lines, *_people(view, people), *_small_print(view), ""])


def _opening(view: ReportView) -> Iterator[str]:
    yield f"# {markdown(view.verdict)}"
    yield ""
    if view.detail:
        yield markdown(view.detail)
        yield ""
    for lead, people, text in in_text(view.stories, view.news, view.waiting):
        yield f"- **{markdown(lead)}{f' ({number(people)})' if people else ''}**: {markdown(text)}"
    if view.stories or view.waiting:
        yield ""
    yield f"**{markdown(view.ask)}**"
    if view.commands:
        yield ""
        yield "```sh"
        yield from (visible(command) for command in view.commands)
        yield "```"
    for heading, sentences in (
        ("Why it is refused", [f"{r.message} {r.remedy}".strip() for r in view.refusals]),
        ("What may not come back", view.irreversible),
    ):
        if sentences:
            yield from ("", f"## {heading}", "")
            yield from (f"- {markdown(sentence)}" for sentence in sentences)


def _figures(view: ReportView) -> Iterator[str]:
    yield from ("", "## Totals", "")
    shown = [total for total in view.totals if total.people or total.writes]
    yield from _table([total.label for total in shown], [[number(total.people) for total in shown]], right=True)
    yield ""
    yield (
        f"{counted(view.changes_total, 'attribute change')}; {counted(view.users, 'user')} and "
        f"{counted(view.profiles, 'profile')}, everyone counted once."
    )
    for left in view.left_out:
        people = counted(left.people, "person", "people")
        yield f"{people} left out by {markdown(left.who)} last time, in `{left.run_id}`."
    if view.limits:
        yield from ("", "## Limits", "")
        yield from _table(
            ["limit", "used", "bound", ""],
            [
                [line.label, line.use, line.limit, "**exceeded**" if line.tripped else markdown(line.exempt)]
                for line in view.limits
            ],
            escaped=(3,),
        )
    if len(view.trend) > 1:
        yield from ("", f"## The last {len(view.trend)} runs", "")
        yield from _table(
            ["day", "created", "updated", "ended", "held", "state"],
            [
                [p.day, number(p.created), number(p.updated), number(p.ended), number(p.held), p.state]
                for p in reversed(view.trend)
            ],
        )
    if view.attributes:
        yield from ("", "## Attributes", "")
        yield from _table(
            ["attribute", "changed", "filled", "emptied"],
            [[a.label, number(a.changed), number(a.filled), number(a.emptied)] for a in view.attributes],
        )
        yield from ("", "## Causes", "")
        for cause in view.causes:
            yield f"- {number(cause.changes)} {markdown(cause.words)} ({counted(cause.people, 'person', 'people')})"


def _events(view: ReportView) -> Iterator[str]:
    if view.events:
        yield from ("", "## What happened", "")
        yield from (f"- {number(line.people)} {markdown(line.words)}" for line in view.events)


def _groups(view: ReportView) -> Iterator[str]:
    if view.groups:
        yield from ("", "## The same change for several people", "")
        yield from (
            f"- {number(group.people)} × {markdown(group.label)}: {_step(group.before, group.after)}"
            for group in view.groups[:PEOPLE_ROOM]
        )
        if len(view.groups) > PEOPLE_ROOM:
            yield f"- and {number(len(view.groups) - PEOPLE_ROOM)} smaller groups"


def _aside(view: ReportView) -> Iterator[str]:
    if view.holds:
        yield from ("", "## Held: set aside until somebody looks", "")
        yield from _table(
            ["people", "why", "what to do", "oldest"],
            [[number(h.people), f"{h.reason} ({h.check})", h.remedy or "—", h.oldest] for h in view.holds],
        )
    for heading, lines in (
        ("In conflict: nothing is written", view.conflicts),
        ("Excluded", view.exclusions),
        ("Unmanaged: never touched", view.unmanaged),
    ):
        if lines:
            yield from ("", f"## {heading}", "")
            yield from (
                f"- {number(line.people)}: {markdown(line.reason)} ({markdown(line.reason_code)})" for line in lines
            )


def _notes(view: ReportView) -> Iterator[str]:
    notes = [
        *(markdown(note) for note in view.notes),
        *(f"{number(count)} × {markdown(check)}, for information" for check, count in view.findings),
        *(
            f"{markdown(str(act.act).replace('_', ' '))} by {markdown(act.who)}, {act.at:%Y-%m-%d %H:%M} UTC"
            + (f": {markdown(act.reason)}" if act.reason else "")
            for act in view.acts
        ),
    ]
    if notes:
        yield from ("", "## To know", "")
        yield from (f"- {note}" for note in notes)


def _people(view: ReportView, room: int) -> Iterator[str]:
    listed = view.people.slice(0, room)
    by_person = changes_of(view, listed)
    heading = ""
    for person in listed.to_pylist():
        if person["decision"] in _not_told(view):
            continue
        if person["decision"] != heading:
            heading = person["decision"]
            yield from (
                "",
                f"## To {LABELS[heading]}" if heading not in _ASIDE else f"## {LABELS[heading].capitalize()}",
                "",
            )
        yield f"- **{markdown(person['name'])}** {_about(person, view)}".rstrip()
        for change in by_person.get(person["person"], []):
            cause = CAUSE_WORDS.get(change["cause"], change["cause"])
            yield (
                f"  - {markdown(label(change['attribute']))}: "
                f"{_step(change['before_shown'], change['after_shown'])} ({markdown(cause)})"
            )
    yield from _not_listed(view, room)


def _not_told(view: ReportView) -> tuple[str, ...]:
    """Whom nobody asked about: of a plan for some everybody it is for is told, also who stays as they are."""
    return () if view.only and view.kind == Kind.RECONCILE else ("unchanged",)


def _about(person: dict[str, Any], view: ReportView) -> str:
    parts = [f"({markdown(person['user_name'] or person['key'] or '')})"]
    if person["event"]:
        parts.append(markdown(person["event"]))
    if person["reason"]:
        parts.append(markdown(person["reason"]))
    if person["remedy"]:
        parts.append(markdown(person["remedy"]))
    if person["decision"] == "hold":
        parts.append(markdown(age(person["held_since"], view.at)))
    if person["left_out_by"]:
        parts.append(f"left out last time by {markdown(person['left_out_by'])}")
    return " · ".join(parts)


def _not_listed(view: ReportView, room: int) -> Iterator[str]:
    untold = _not_told(view)
    rest = [one for one in view.people["decision"].slice(room).to_pylist() if one not in untold]
    missing = {decision: rest.count(decision) for decision in dict.fromkeys(rest)} | {
        decision: people for decision, people in view.unlisted.items() if decision not in untold
    }
    if missing:
        words = listing([f"{number(people)} {LABELS[decision]}" for decision, people in missing.items()])
        yield from ("", f"**Not listed here one by one: {words}.** All are in `report.html` and in")
        yield f"`trueup show {view.run_id} --format csv`."


def _small_print(view: ReportView) -> Iterator[str]:
    yield from ("", "---", "")
    yield " · ".join(f"{markdown(name)} {markdown(value)}" for name, value in view.facts)


def _step(before: str | None, after: str | None) -> str:
    return f"{_value(before)} → {_value(after)}"


def _value(text: str | None) -> str:
    if text is None:
        return "*nothing*"
    return "*empty text*" if text == "" else markdown(text)


def _table(
    head: list[str], rows: Iterable[list[str]], *, right: bool = False, escaped: tuple[int, ...] = ()
) -> Iterator[str]:
    yield f"| {' | '.join(markdown(cell) for cell in head)} |"
    yield f"|{'|'.join(['---:' if right else '---'] * len(head))}|"
    for row in rows:
        cells = (cell if place in escaped else markdown(cell) for place, cell in enumerate(row))
        yield f"| {' | '.join(cells)} |"
