"""The report on a terminal: built from ``Text`` only, so that no value is markup or an escape sequence."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from trueup.reports.difference import parted
from trueup.reports.escaping import visible
from trueup.reports.keys import with_names, words_of
from trueup.reports.people import changes_of
from trueup.reports.sentences import LABELS, counted, number
from trueup.reports.stories import in_text
from trueup.transforms.values.labels import label
from trueup.transforms.vocabulary import WRITING, Kind

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderableType, RenderResult

    from trueup.reports.model import LimitLine, ReportView
    from trueup.transforms.errors import Refusal

_TONES = {"calm": "green", "neutral": "", "attention": "yellow", "stop": "red"}
_COLOURS = {"deactivate": "red", "delete": "red", "create": "green", "reactivate": "green", "hold": "yellow"}
_GAUGE = 16
_USUAL = 70


def render_terminal(view: ReportView, *, people: int = 20) -> RenderableType:
    """The summary and the first ``people`` persons who are written; it says how many more there are."""
    counted_any = any(total.people for total in view.totals)
    parts: list[RenderableType] = [*_opening(view), *([_totals(view)] if counted_any else [])]
    for title, body in (
        ("Limits", _Roomy(_limits(view, gauges=True), _limits(view, gauges=False)) if view.limits else None),
        ("What happened", _events(view)),
        ("Attributes", _attributes(view)),
        ("The same change for several people", _groups(view)),
        ("Held", _holds(view)),
        ("Set aside", _aside(view)),
        ("To know", _notes(view)),
        ("People", _people(view, people)),
    ):
        if body is not None:
            parts += [Text(), Text(title, style="bold"), Padding(body, (0, 0, 0, 2))]
    if view.commands:
        parts += [Text(), *(Padding(_text(command, "cyan"), (0, 0, 0, 2)) for command in view.commands)]
    return Group(*parts)


def plain_text(view: ReportView, *, width: int = 120) -> str:
    """The same without colours, for a pipe or a file; no control characters but line ends."""
    console = Console(width=width, file=io.StringIO(), no_color=True, highlight=False, force_terminal=False)
    with console.capture() as capture:
        console.print(render_terminal(view))
    return "".join(f"{line.rstrip()}\n" for line in capture.get().split("\n")).rstrip("\n") + "\n"


def _text(text: str, style: str = "") -> Text:
    return Text(visible(text), style=style)


def _opening(view: ReportView) -> list[RenderableType]:
    state = f"{view.run_id} · {view.kind} · {view.state.replace('_', ' ')}"
    lines: list[RenderableType] = [_text(state, "dim"), _text(view.verdict, f"bold {_TONES[view.tone]}")]
    if view.detail:
        lines.append(_text(view.detail))
    told = in_text(view.stories, view.news, view.waiting)
    lines += [_story(lead, people, text) for lead, people, text in told]
    lines += [
        _text(f"! {_named(refusal.message, view)} {_remedy(refusal, view)}".rstrip(), "red")
        for refusal in view.refusals
    ]
    lines.append(_text(view.ask))
    lines += [_text(f"! {sentence}", "yellow") for sentence in view.irreversible]
    return lines


def _story(lead: str, people: int, text: str) -> Text:
    return Text.assemble(_text(f"{lead}{f' ({number(people)})' if people else ''}:", "bold"), " ", _text(text))


def _named(message: str, view: ReportView) -> str:
    """``message`` with a person's name before each key: refusals go to logs too, and name people by key only."""
    meant = view.people.filter(pc.is_in(view.people["key"], pa.array(sorted(words_of(message)), pa.string())))
    return with_names(message, {row["key"]: row["name"] for row in meant.select(["key", "name"]).to_pylist()})


def _remedy(refusal: Refusal, view: ReportView) -> str:
    return "" if refusal.remedy in view.ask else refusal.remedy


def _totals(view: ReportView) -> Text:
    line = Text("\n")
    shown = [total for total in view.totals if total.people]
    for place, total in enumerate(shown):
        line.append("   " if place else "")
        line.append(number(total.people), style=f"bold {_COLOURS.get(total.decision, '')}".strip())
        line.append(f" {total.label}")
    line.append(f"\n{counted(view.changes_total, 'attribute change')}", style="dim")
    return line


def _grid(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, justify="right" if column in _RIGHT else "left", overflow="fold")
    return table


_RIGHT = ("people", "changed", "filled", "emptied")


@dataclass(frozen=True, slots=True)
class _Roomy:
    """Shows one thing on a screen of the usual width and another on a narrow one."""

    wide: RenderableType
    narrow: RenderableType

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.wide if options.max_width >= _USUAL else self.narrow


def _limits(view: ReportView, *, gauges: bool) -> Group:
    table = _grid("limit", "used", *([""] if gauges else []), "bound")
    for line in view.limits:
        if line.is_prominent:
            table.add_row(_text(line.label), _text(line.use), *([_gauge(line)] if gauges else []), _bound(line))
    rest = sum(not line.is_prominent for line in view.limits)
    more = f"and {counted(rest, 'limit')} on attributes, none of them half used"
    return Group(table, *([_text(more, "dim")] if rest else []))


def _gauge(line: LimitLine) -> Text:
    full = round(line.filled * _GAUGE)
    style = "red" if line.tripped else "green"
    return Text("━" * full, style=style) + Text("─" * (_GAUGE - full), style="dim")


def _bound(line: LimitLine) -> Text:
    if line.tripped:
        return _text(f"{line.limit} exceeded", "bold red")
    return _text(f"{line.limit} ({line.exempt})" if line.exempt else line.limit)


def _events(view: ReportView) -> Group | None:
    lines = [_text(f"{number(line.people)} {line.words}") for line in view.events]
    return Group(*lines) if lines else None


def _attributes(view: ReportView) -> Group | None:
    if not view.attributes:
        return None
    table = _grid("attribute", "changed", "filled", "emptied")
    for line in view.attributes:
        table.add_row(_text(line.label), number(line.changed), number(line.filled), number(line.emptied))
    causes = [_text(f"{number(cause.changes)} {cause.words}", "dim") for cause in view.causes]
    return Group(table, *causes)


_GROUPS = 12


def _groups(view: ReportView) -> Group | None:
    if not view.groups:
        return None
    table = _grid("people", "attribute", "change")
    for group in view.groups[:_GROUPS]:
        table.add_row(number(group.people), _text(group.label), _step(group.before, group.after))
    more = len(view.groups) - _GROUPS
    return Group(table, *([_text(f"and {counted(more, 'smaller group')}", "dim")] if more > 0 else []))


def _holds(view: ReportView) -> Table | None:
    table = _grid("people", "why", "what to do", "oldest")
    for line in view.holds:
        table.add_row(number(line.people), _text(line.reason), _text(line.remedy), _text(line.oldest))
    return table if view.holds else None


def _aside(view: ReportView) -> Table | None:
    table = _grid("people", "decision", "why")
    for line in (*view.conflicts, *view.exclusions, *view.unmanaged):
        table.add_row(number(line.people), LABELS[line.decision], _text(line.reason))
    return table if table.row_count else None


def _notes(view: ReportView) -> Group | None:
    notes = [*view.notes]
    notes += [f"{number(left.people)} left out by {left.who} last time ({left.run_id})" for left in view.left_out]
    notes += [
        f"{str(act.act).replace('_', ' ')} by {act.who}, {act.at:%Y-%m-%d %H:%M} UTC"
        + (f": {act.reason}" if act.reason else "")
        for act in view.acts
    ]
    return Group(*(_text(note) for note in notes)) if notes else None


def _people(view: ReportView, room: int) -> Group | None:
    table = _grid("person", "what", "changes")
    is_for_some = bool(view.only) and view.kind == Kind.RECONCILE
    written = pc.is_in(view.people["decision"], pa.array([str(d) for d in WRITING]))
    # Of a plan for some everybody it is for is shown, also who is left as they are.
    everybody = view.people if is_for_some else view.people.filter(written)
    listed = everybody.slice(0, room)
    changes = changes_of(view, listed)
    for row in listed.to_pylist():
        decision = row["decision"]
        table.add_row(
            _person(row["name"], row["key"]),
            Text(LABELS[decision], style=_COLOURS.get(decision, "")),
            Text("\n").join(_change(change) for change in changes.get(row["person"], []))
            or _text(row["reason"] if is_for_some else ""),
        )
    if not listed.num_rows:
        return None
    more = (everybody.num_rows if is_for_some else view.writes) - listed.num_rows
    rest = f"and {counted(more, 'person', 'people')} more: trueup show {view.run_id} --format html|md|xlsx|csv"
    return Group(table, *([_text(rest, "dim")] if more > 0 else []))


def _person(name: str, key: str) -> Text:
    return _text(name) if name == key else Text("\n").join([_text(name), _text(key, "dim")])


def _change(change: dict[str, Any]) -> Text:
    name = Text(f"{visible(label(change['attribute']))}: ", style="dim")
    return name + _step(change["before_shown"], change["after_shown"])


def _step(before: str | None, after: str | None) -> Text:
    if before and after:
        one, two = parted(visible(before), visible(after))
        return (
            Text.assemble(one.head, (one.differs, "red"), one.tail)
            + Text(" → ")
            + Text.assemble(two.head, (two.differs, "green"), two.tail)
        )
    return _value(before) + Text(" → ") + _value(after)


def _value(text: str | None) -> Text:
    if text is None:
        return Text("nothing", style="dim italic")
    return Text("empty text", style="dim italic") if text == "" else Text(visible(text))
