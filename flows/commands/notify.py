"""``trueup notify``: the channels of ``[notify]``, and whether a message gets through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from trueup.flows import configuration, screen
from trueup.transforms.errors import Misused
from trueup.transforms.vocabulary import Exit

if TYPE_CHECKING:
    from pathlib import Path


def notify_command(config: Path, *, test: bool, as_json: bool = False) -> int:
    """Show every channel, with ``test`` after a message through each; 1 where one does not arrive."""
    from trueup.connectors.archive import open_archive
    from trueup.flows.notify import states

    settings = configuration.load(config)
    open_archive(settings)
    found = states(settings, test=test)
    if not found:
        raise Misused(
            "[notify] names no channel.",
            remedy='Write urls = ["env:NAME"] with an Apprise address in NAME; see docs/serve.md.',
        )
    if as_json:
        screen.document(found)
    else:
        for one in found:
            word, style = ("ok     ", "green") if one["ok"] else ("fix    ", "bold red")
            told = "The message was taken." if test else "Nothing is known against it."
            screen.say(Text.assemble((word, style), f"  {one['channel']}: {screen.visible(one['problem'] or told)}"))
        if not test:
            screen.say("Send a message through each: trueup notify --test")
    return Exit.DONE if all(one["ok"] for one in found) else Exit.FAILED
