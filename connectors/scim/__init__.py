"""Any SCIM 2.0 directory, read only.

Light to import: what needs Arrow or the network is loaded when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.progress import silent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from trueup.connectors.scim.profiles import TargetSnapshot
    from trueup.transforms.attributes import ManagedAttribute
    from trueup.transforms.doctor import Line
    from trueup.transforms.progress import Progress
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings


def snapshot(
    settings: Settings,
    paths: Sequence[ManagedAttribute],
    extra_paths: Sequence[str],
    files: RunFiles,
    *,
    known: Path | None,
    sought: Sequence[str] = (),
    named: Sequence[str] | None = None,
    progress: Progress = silent,
) -> TargetSnapshot:
    """``files.target`` holds every profile of the target when this returns; an incomplete read never does.

    Args:
        settings: where the target is.
        paths: managed attributes; they, ``extra_paths`` (matching) and the three fixed columns are flattened.
        extra_paths: further SCIM paths, e.g. those matching looks at.
        files: the run being made.
        known: Parquet file of the last run (``links`` or ``target``): none of its profiles may be missing unless the
            target says by id that it is gone.
        sought: user names the last run could not create: an inactive profile that has one belongs to the snapshot even
            if only a filter finds it.
        named: ids of the only profiles wanted: each is asked for by id, nobody else is read.
        progress: told of every page.

    Raises:
        Failed: unreachable, token refused, not SCIM, or the target gave up in the middle.
        Refused: ``target_incomplete`` when completeness cannot be proven.
    """
    from trueup.connectors.scim.profiles import take_snapshot

    return take_snapshot(
        settings, paths, extra_paths, files, known=known, sought=sought, named=named, progress=progress
    )


def examine(settings: Settings, managed: Iterable[ManagedAttribute] = ()) -> list[Line]:
    """Doctor's lines about the target: reached, token, list, discovery, filters, what its schema makes of ``managed``.

    Never raises for its state.
    """
    from trueup.connectors.scim.doctor import examine_target

    return examine_target(settings, {attribute.path: attribute.kind for attribute in managed})
