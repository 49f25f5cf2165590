"""``trueup server``: whether a temporary Prefect server is kept for the commands that follow, and how to end it."""

from __future__ import annotations

from typing import Any

from trueup.flows import kept_server, screen
from trueup.flows.kept_server import home_folder
from trueup.transforms.vocabulary import Exit


def server_command(*, stop: bool, as_json: bool) -> int:
    """Say what is kept, or end it; returns the exit code: 4 where it is in use and so ends later."""
    home = home_folder()
    told = kept_server.living(home)
    has_ended = kept_server.end(home) if stop else False
    document: dict[str, Any] = {
        "kept": told is not None and not has_ended,
        "pid": told.pid if told else None,
        "port": told.port if told else None,
        "since": told.since if told else None,
        "idle_minutes": kept_server.IDLE_SECONDS / 60,
        "warm": kept_server.warm_process(home),
    }
    if as_json:
        screen.document(document)
    elif stop:
        screen.say(_stopped(told, has_ended=has_ended))
    else:
        screen.say(sentence(told, kept_server.warm_process(home)))
    return Exit.PARTLY if stop and not has_ended else Exit.DONE


def sentence(told: kept_server.Told | None, warm: int | None) -> str:
    """What is kept, in words; ``warm`` is the process that commands start from."""
    if told is None:
        return "No temporary Prefect server is kept."
    beside = f"; they start from process {warm}" if warm else ""
    return (
        f"A temporary Prefect server is kept for the commands that follow: process {told.pid}, on 127.0.0.1, port "
        f"{told.port}, since {told.since}{beside}. It ends {kept_server.IDLE_SECONDS / 60:.0f} minutes after the last "
        "command, or with: trueup server --stop"
    )


def _stopped(told: kept_server.Told | None, *, has_ended: bool) -> str:
    if not has_ended:
        return "The temporary Prefect server is in use by another command; it ends when that has ended."
    return "The temporary Prefect server has ended." if told else "No temporary Prefect server is kept."
