"""``trueup erase``: one person's data out of the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.flows import configuration, screen
from trueup.flows.erasing import BEYOND, erase_person
from trueup.reports.sentences import counted
from trueup.transforms.vocabulary import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def erase_command(config: Path, called: Sequence[str], *, reason: str, who: str, as_json: bool) -> int:
    """Erase, and say what was done and what is out of reach."""
    done = erase_person(configuration.load(config), called, reason=reason, who=who)
    named = [
        f"{name} in the archive: take them out of that file, trueup deploy it again, then trueup prune --yes"
        for name in done.named_in
    ]
    beyond = [*BEYOND, *named, *(f"{name} in the archive, which could not be looked into" for name in done.unread)]
    if as_json:
        document = {
            "erasure": done.number,
            "runs": done.runs,
            "files": done.files,
            "rows": done.rows,
            "drafts": done.drafts,
            "not_reached": beyond,
        }
        screen.document(document)
        return Exit.DONE
    screen.say(
        f"Erasure {done.number}: {counted(done.rows, 'row')} taken out, {counted(done.files, 'file')} of "
        f"{counted(done.runs, 'run')} written anew."
    )
    if done.drafts:
        screen.say(f"{counted(done.drafts, 'run')} that never happened removed.")
    screen.say("Out of reach:")
    for one in beyond:
        screen.say(f"  {one}")
    return Exit.DONE
