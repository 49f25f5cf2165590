"""The source of a run: a tenant through Microsoft Graph, or a file in its shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.connectors.source_request import SourceRequest, SourceSnapshot
from trueup.transforms.progress import Progress, silent

if TYPE_CHECKING:
    from trueup.transforms.doctor import Line
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings

__all__ = ["SourceRequest", "SourceSnapshot", "examine", "snapshot"]


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
