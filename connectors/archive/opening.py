"""Opening an archive to write in it: what an erasure that was killed left to do is done first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.connectors.archive import archive, erasing

if TYPE_CHECKING:
    from trueup.connectors.archive.archive import Archive
    from trueup.transforms.settings import Settings


def open_archive(settings: Settings, *, writable: bool = True) -> Archive:
    """The archive of the configuration; see :func:`trueup.connectors.archive.archive.open_archive`.

    Raises:
        Failed: it cannot be made or written.
        Misused: there is no such group.
    """
    opened = archive.open_archive(settings, writable=writable)
    if writable:
        erasing.finish_pending(opened.path)
    erasing.catch_up(opened.path)
    return opened
