"""Forgetting what was learnt of a target: noted as an act, since nothing sealed is ever changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.connectors.archive.acts import add_act
from trueup.connectors.archive.locks import apply_lock
from trueup.transforms.history import last_learned
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from trueup.connectors.archive.archive import Archive


def forget_target(archive: Archive, target: str, who: str, *, at: datetime) -> Mapping[str, Any] | None:
    """What applies learnt of ``target`` until now is used no more: the newest run of it has an act ``forgotten``.

    Acts that tell what was learnt stay as they are; a reader stops at this one.

    Returns:
        What is forgotten; None where nothing was learnt, and then nothing is written.

    Raises:
        Refused: an apply to this target is at work, or the run is damaged.
        Failed: the disk refuses.
    """
    with apply_lock(archive.path, target, "doctor --relearn"):
        history = archive.history(target)
        learned = last_learned(history)
        if learned is not None:
            add_act(history.runs[0], Act.FORGOTTEN, who, at=at)
        return learned
