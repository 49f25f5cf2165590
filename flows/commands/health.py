"""``trueup health``: whether the service lives. It reads a file and signs in nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.flows import configuration, screen
from trueup.transforms.vocabulary import Exit

if TYPE_CHECKING:
    from pathlib import Path


def health_command(config: Path, *, as_json: bool = False) -> int:
    """Say whether ``trueup serve`` lives; 1 where it does not."""
    from trueup.connectors.archive.heartbeat import health

    settings = configuration.load(config)
    found = health(settings.archive_root, settings.target.url)
    if as_json:
        screen.document({"alive": found.is_alive, "seconds": found.seconds, "text": found.text})
    else:
        screen.say(found.text)
    return Exit.DONE if found.is_alive else Exit.FAILED
