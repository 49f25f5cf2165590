"""The source of a run: a tenant through Microsoft Graph, or a file in its shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.connectors.source_request import NotAlone, SourceRequest, SourceSnapshot
from trueup.transforms.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trueup.transforms.doctor import Line
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings

__all__ = ["NotAlone", "SourceRequest", "SourceSnapshot", "examine", "leavers", "snapshot"]


def snapshot(
    settings: Settings, request: SourceRequest, files: RunFiles, *, progress: Progress = silent
) -> SourceSnapshot:
    """Every user of the source in ``source.parquet``, proven complete.

    Also writes ``.work/absent`` (managed people missing from the read, each proven deleted or gone) and
    ``.work/problems`` (values of a wrong type).

    Raises:
        Refused: the read is not proven complete, the tenant is empty, nobody is in scope, or somebody missing
            is found alive.
        Failed: the source cannot be reached, signed in to, or the app lacks a permission.
        Misused: the configuration names what does not exist.
    """
    if settings.source.kind == "file":
        from trueup.connectors.files import read_file

        return read_file(settings, request, files, progress=progress)
    import asyncio

    from trueup.connectors.entra.tenant import read_tenant

    return asyncio.run(read_tenant(settings, request, files, progress=progress))


def leavers(
    settings: Settings, request: SourceRequest, files: RunFiles, named: Mapping[str, Sequence[str]]
) -> SourceSnapshot:
    """The people named in ``source.parquet``, without anybody else: those who are disabled, the others proven absent.

    Also writes ``.work/absent`` and ``.work/problems``.

    Args:
        settings: the configuration.
        request: what one run needs of the source.
        files: of the run.
        named: each name given → the object ids it meant in the last whole read.

    Raises:
        NotAlone: not all of them are leavers, or the source cannot tell; then everything must be read.
        Refused: no clear answer about somebody. Failed: the source cannot be reached or does not let this app ask.
    """
    if settings.source.kind == "file":
        raise NotAlone("a file is read as a whole")
    import asyncio

    from trueup.connectors.entra.leavers import read_leavers

    return asyncio.run(read_leavers(settings, request, files, named))


def examine(settings: Settings, columns: frozenset[str] = frozenset()) -> list[Line]:
    """Whether the source can be reached, signed in to and read as configured: a line each, nothing raised.

    Args:
        settings: the configuration.
        columns: of ``source.parquet`` that mapping, filters and checks use; some need permissions of their own.
    """
    if settings.source.kind == "file":
        from trueup.connectors.files import examine_file

        return examine_file(settings)
    import asyncio

    from trueup.connectors.entra.doctor import examine_tenant

    return asyncio.run(examine_tenant(settings, columns=columns))
