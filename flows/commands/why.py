"""``trueup why``: everything a run knows and decided about one person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from trueup.flows import configuration, screen
from trueup.flows.names import named
from trueup.flows.runs import shown_run
from trueup.flows.story import story
from trueup.transforms.vocabulary import Exit

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rich.console import RenderableType


def tell_why(config: Path, key: str, *, run: str, as_json: bool) -> int:
    """Show everything the archive knows of one person in the run; 0 when there is something to show.

    Raises:
        Misused: there is no such run; nobody, or several people, have this key or name.
    """
    from trueup.connectors.archive import open_archive

    settings = configuration.load(config)
    archive = open_archive(settings, writable=False)
    shown = shown_run(archive, run)
    with named(lambda: [shown.files]):
        told = story(shown, archive.history(settings.target.url), key)
    if as_json:
        screen.document(told)
    else:
        screen.say(as_text(told))
    return Exit.DONE


def as_text(told: dict[str, Any]) -> RenderableType:
    """The story for a terminal: the answer first, then what it rests on."""
    decision = told["decision"] or {}
    parts: list[RenderableType] = [_headline(told, decision)]
    if told["held_since"] and told["held_since"] != told["run_id"]:
        parts.append(_line(f"Held since run {told['held_since']}."))
    parts += _section("Findings", _findings(told["findings"]))
    parts += _section("What the account is", _verdict(told["verdict"]))
    parts += _section("Scope", _scope(told["scope"]))
    parts += _section("Profile", _match(told["match"]))
    parts += _section("Changes", _changes(told["changes"]))
    parts += _section("Limits it counts against", _limits(told["limits"]))
    parts += _section("Why the run was refused", [_line(refusal["message"]) for refusal in told["refusals"]])
    parts += _section("What happened at apply", _apply(told))
    parts += _section("What the source said", _values(told["source"], told["not_readable"]))
    parts += _section("What the profile should be", _values(told["desired"], told["left_alone"], "left alone"))
    parts += _section("Other runs", _others(told["other_runs"]))
    return Group(*parts)


def _headline(told: dict[str, Any], decision: dict[str, Any]) -> Text:
    word = str(decision.get("decision") or "no decision").replace("_", " ")
    reason = str(decision.get("reason") or "The run ended before it decided.")
    return Text.assemble(
        (_shown(told["key"]), "bold"), f" in run {told['run_id']} ({told['state'].replace('_', ' ')}): ",
        (word, "bold"), f"\n{_shown(reason)}",
    )  # fmt: skip


def _section(title: str, lines: Iterable[RenderableType]) -> list[RenderableType]:
    shown = list(lines)
    return [Text(f"\n{title}", style="bold"), *shown] if shown else []


def _findings(findings: Iterable[dict[str, Any]]) -> list[RenderableType]:
    return [
        Text.assemble(
            (f"  {found['severity']:8} ", "yellow" if found["severity"] == "warning" else "dim"),
            f"{_shown(found['reason'])} ",
            (_shown(found["remedy"]), "dim"),
        )
        for found in findings
    ]


def _verdict(verdict: dict[str, Any] | None) -> list[RenderableType]:
    if verdict is None:
        return []
    lines: list[RenderableType] = [_line(str(verdict["verdict"]).replace("_", " "))]
    if verdict["overridden_by"]:
        lines.append(_line(f"because [people] says {verdict['overridden_by']}"))
    return [*lines, *(_line(f"- {signal}") for signal in verdict["signals"])]


def _scope(scope: dict[str, Any]) -> list[RenderableType]:
    lines: list[RenderableType] = []
    if scope["rule"]:
        named = scope["enterprise_app"] if scope["rule"] == "assigned" else ", ".join(scope["groups"] or ())
        lines.append(_line(f"scope = {scope['rule']}" + (f" ({named})" if named and scope["rule"] != "all" else "")))
    if scope["assigned"] is not None:
        through = ", ".join(scope["assigned_by"] or ())
        lines.append(
            _line(("assigned" if scope["assigned"] else "not assigned") + (f" through {through}" if through else ""))
        )
    lines += _clauses(scope["clauses"])
    if scope["excluded_by"]:
        lines.append(_line(f"out of scope: {scope['excluded_by']}"))
    return lines


def _clauses(clauses: list[dict[str, Any]]) -> list[RenderableType]:
    """Filter by filter, what each clause saw: all of a filter must hold, and one filter is enough."""
    lines: list[RenderableType] = []
    for number in dict.fromkeys(one["filter"] for one in clauses):
        of_one = [one for one in clauses if one["filter"] == number]
        lets_in = all(one["holds"] for one in of_one)
        lines.append(_line(f"filter {number} {'lets the account in' if lets_in else 'does not let the account in'}:"))
        for one in of_one:
            word = {True: "holds", False: "fails", None: "not readable"}[one["holds"]]
            seen = "" if one["holds"] is None else f": it is “{one['value']}”" if one["value"] else ": it is empty"
            lines.append(_line(f"  {word}: {one['clause']}{seen}"))
    return lines


def _match(match: dict[str, Any]) -> list[RenderableType]:
    if not match["profile_id"]:
        return [_line("none")]
    since = f", since run {match['since']}" if match["since"] else ""
    return [_line(f"{match['profile_id']}, known by {match['matched_by'] or 'nothing'}{since}")]


def _changes(changes: list[dict[str, Any]]) -> list[RenderableType]:
    if not changes:
        return []
    table = Table("attribute", "before", "after", "cause", box=None, pad_edge=False)
    for change in changes:
        cells = (change["attribute"], _plain(change["before"]), _plain(change["after"]), change.get("cause") or "")
        table.add_row(*(Text(_shown(cell)) for cell in cells))
    return [table]


def _limits(limits: Iterable[dict[str, Any]]) -> list[RenderableType]:
    return [
        _line(
            f"{use['name']}: {use['used']} of {use['base']} ({use['share']:.1%}), the limit is "
            f"{_bound(use)}{' - exceeded' if use['tripped'] else ''}"
        )
        for use in limits
    ]


def _bound(use: dict[str, Any]) -> str:
    return f"{use['limit']:.0%}" if use["is_share"] else f"{use['limit']:g}"


def _apply(told: dict[str, Any]) -> list[RenderableType]:
    lines: list[RenderableType] = [
        _line(f"{act['at']} {act['act'].replace('_', ' ')} by {act['who']}") for act in told["acts"]
    ]
    done = told["apply"]
    if done:
        reason = f": {done['reason']}" if done["reason"] else ""
        lines.append(_line(f"{done['operation']}: {done['result']}{reason} ({done['attempts']} attempts)"))
        lines += [
            _line(f"{found['attribute']}: {found['class'].replace('_', ' ')}")
            for found in done["found"] or ()
            if found["class"] != "kept"
        ]
    return lines


def _values(values: dict[str, Any] | None, aside: list[str], word: str = "not readable") -> list[RenderableType]:
    if values is None:
        return []
    lines: list[RenderableType] = [_line(f"{name}: {_plain(value)}") for name, value in values.items()]
    return [*lines, _line(f"{word}: {', '.join(aside)}")] if aside else lines


def _others(runs: Iterable[dict[str, Any]]) -> list[RenderableType]:
    return [
        _line(
            f"{other['run_id']} ({other['state'].replace('_', ' ')}): {other['decision'].replace('_', ' ')}, "
            f"{other['changes']} changes{', ' + other['result'] if other['result'] else ''}. {other['reason']}"
        )
        for other in runs
    ]


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _line(text: str) -> Text:
    return Text(f"  {_shown(text)}")


def _shown(text: Any) -> str:
    return screen.visible(str(text)).replace("\n", "\\u000a").replace("\t", "\\u0009")
