"""``plan --only``: names the last run does not know are found before anything is read, where they look misspelt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.flows import screen
from trueup.transforms.errors import Misused
from trueup.transforms.planning.selection import unknown_in

if TYPE_CHECKING:
    from trueup.transforms.history import History


def check_only(history: History, only: tuple[str, ...]) -> None:
    """Return when every name is known to the newest run that read the source, or could be somebody new.

    Raises:
        Misused: a name is unknown there and close to one that is known; the sentence says which. It is for the screen
            of the person who typed the name, and goes nowhere else.
    """
    run = history.latest_read
    if run is None or not (run.files.source.exists() and run.files.decisions.exists()):
        return
    unknown = unknown_in(run.files, only)
    slips = [one for one in unknown if one.is_slip]
    if slips:
        guesses = " ".join(f"{one.name}: did you mean {' or '.join(one.close)}?" for one in slips)
        raise Misused(
            f"--only: run {run.run_id} does not know {len(slips)} of the {len(only)} names given. {guesses}",
            remedy="Correct the name. For somebody who is new since that run, give the object id.",
        )
    for one in unknown:
        guess = f" Or did you mean {' or '.join(one.close)}?" if one.close else ""
        screen.note(f"--only {one.name}: unknown to run {run.run_id}, and looked for in this read.{guess}")
