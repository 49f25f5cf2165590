"""``trueup doctor``: the "Test Connection" of both ends, the mapping, the archive and Prefect."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.text import Text

from trueup.flows import clearance, configuration, run_context, screen
from trueup.reports.sentences import counted
from trueup.transforms.doctor import Line
from trueup.transforms.errors import TrueupError
from trueup.transforms.vocabulary import Exit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trueup.transforms.attributes import ManagedAttribute
    from trueup.transforms.settings import Settings

_MARKS = {"ok": ("ok     ", "green"), "warning": ("warning", "yellow"), "fix": ("fix    ", "bold red")}


def examine(config: Path, *, as_json: bool, schema: Path | None = None, relearn: bool = False) -> int:
    """Look at everything a night needs and show a line for each; 1 with any line to fix.

    With ``schema``, also save there the attribute mapping of the tenant's own provisioning job. With ``relearn``, first
    forget what was learnt of the target.

    Raises:
        Refused: ``relearn`` while an apply is at work.
    """
    settings = configuration.load(config)
    lines = [_forget(settings)] if relearn else []
    lines.extend(look(settings))
    if schema is not None:
        lines.extend(_examined("mapping schema", lambda told: [_saved(told, schema)], settings))
    if as_json:
        screen.document(
            [{"status": one.status, "subject": one.subject, "text": one.text, "remedy": one.remedy} for one in lines]
        )
    else:
        for one in lines:
            mark, style = _MARKS[one.status]
            screen.say(Text.assemble((mark, style), f"  {one.subject}: ", screen.visible(one.text)))
            if one.remedy and (one.status != "ok" or one.subject == "mapping schema"):
                screen.say(Text(f"         → {screen.visible(one.remedy)}"))
    return Exit.FAILED if any(one.status == "fix" for one in lines) else Exit.DONE


def _forget(settings: Settings) -> Line:
    from trueup.connectors.archive import open_archive
    from trueup.connectors.archive.forgetting import forget_target

    forgotten = forget_target(open_archive(settings), settings.target.url, clearance.reviewer(""), at=datetime.now(UTC))
    if forgotten is None:
        return Line("ok", "target, learnt", "Nothing was learnt of this target yet, so there is nothing to forget.")
    forms, lost = forgotten.get("forms") or {}, forgotten.get("not_kept") or ()
    return Line(
        "ok",
        "target, learnt",
        f"Forgotten: how best to write {counted(len(forms), 'attribute')}, and {counted(len(lost), 'attribute')} that "
        "the target did not keep. The next plan has those again, and the next apply tries on one person at a time.",
    )


def _saved(settings: Settings, into: Path) -> Line:
    from trueup.connectors.entra.schema import save_schema

    return save_schema(settings, into)


def look(settings: Settings) -> list[Line]:
    """All lines, in the order a night meets them."""
    from trueup.connectors import archive, scim, source

    lines: list[Line] = []
    for subject, part in (
        ("configuration", _configuration),
        ("source", lambda told: source.examine(told, _columns(told))),
        ("target", lambda told: scim.examine(told, _managed(told))),
        ("archive", archive.examine),
        ("notify", _notify),
    ):
        lines.extend(_examined(subject, part, settings))
    return [*lines, *_kept()]


def _kept() -> list[Line]:
    """A Prefect server that outlives its command is nothing to be surprised by."""
    from trueup.flows import kept_server
    from trueup.flows.commands.server import sentence
    from trueup.flows.kept_server import home_folder

    told, warm = kept_server.living(home_folder()), kept_server.warm_process(home_folder())
    return [Line("ok", "prefect", sentence(told, warm))] if told else []


def _examined(subject: str, part: Callable[[Settings], list[Line]], settings: Settings) -> list[Line]:
    try:
        return part(settings)
    except TrueupError as error:
        return [Line("fix", subject, error.message, error.remedy)]


def _columns(settings: Settings) -> frozenset[str]:
    """What mapping, filters and checks use of the source; nothing where they cannot be read, which has its own line."""
    from trueup.expectations.custom_checks import source_columns
    from trueup.transforms.mapping import columns_for

    try:
        return columns_for(run_context.load_mapping(settings), settings.source) | source_columns(settings)
    except TrueupError:
        return frozenset()


def _managed(settings: Settings) -> tuple[ManagedAttribute, ...]:
    """The target attributes the mapping gives; nothing where it cannot be read, which has its own line."""
    try:
        return tuple(run_context.load_mapping(settings).attributes)
    except TrueupError:
        return ()


def _configuration(settings: Settings) -> list[Line]:
    configuration.require(settings)
    mapping = run_context.load_mapping(settings)
    lines = [Line("ok", "mapping", f"{len(mapping.attributes)} attributes are mapped.")]
    lines.extend(Line("warning", "mapping", note) for note in mapping.notes)
    return lines


def _notify(settings: Settings) -> list[Line]:
    from trueup.connectors import notify
    from trueup.flows.notify import ledger_of

    failing = ledger_of(settings).failing(notify.channel_names(settings))
    return notify.examine(settings, {one.channel: one.why for one in failing})
