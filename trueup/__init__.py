"""Keeps a people directory true to Microsoft Entra ID.

The archive as data, read-only:

    >>> import trueup
    >>> with trueup.open("trueup.toml") as archive:  # doctest: +SKIP
    ...     archive.people(at="2026-11-23").filter("department = 'Sales'").df()
    ...     archive.connection().sql("SELECT night, count(*) FROM moves GROUP BY night").show()

What is named in ``__all__`` is stable; all other modules are the product's own.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from os import PathLike

    from trueup.connectors.analysis.archive import Archive, Connection
    from trueup.connectors.analysis.result import Result
    from trueup.transforms.settings import Settings

__all__ = ["Archive", "Connection", "Result", "open"]
_PLACES = {
    "Archive": "trueup.connectors.analysis.archive",
    "Connection": "trueup.connectors.analysis.archive",
    "Result": "trueup.connectors.analysis.result",
}
_S3 = {
    "endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
}
"""Option → where the environment says it; the first that is set counts."""


def open(  # noqa: A001 - ``trueup.open`` reads as it should; nobody imports it bare
    path_or_config: str | PathLike[str], *, target: str | None = None, timezone: str | None = None
) -> Archive:
    """The archive as data: a folder of runs, its address in an object store, or a configuration file that names one.

    Acts and manifests are checked now, each data file before its first use. What is damaged, unfinished or pruned is
    left out and stands in ``left_out``.

    Args:
        path_or_config: where the runs are, or what says so.
        target: whose runs; needed for a folder with runs of several targets. A configuration says it itself.
        timezone: says whose night an older run is; a configuration says it itself, else UTC.

    Raises:
        Misused: there is no archive; it holds several targets.
        Refused: a run has a newer format than this version reads.
    """
    from pathlib import Path

    from trueup.connectors.analysis.archive import Archive

    place = Path(path_or_config).expanduser()
    if place.is_dir():
        return Archive(place, target=target, timezone=timezone or "UTC")
    from trueup.connectors.archive import open_archive
    from trueup.flows import configuration
    from trueup.transforms.archive_url import is_url

    settings = _in_the_usual_way(str(path_or_config)) if is_url(str(path_or_config)) else configuration.load(place)
    return Archive(
        open_archive(settings, writable=False).path,
        target=target or settings.target.url or None,
        timezone=timezone or settings.schedule.timezone,
    )


def _in_the_usual_way(address: str) -> Settings:
    """An archive in an object store without a configuration: credentials from the environment, cache in the home.

    Where S3 answers elsewhere than at Amazon the environment says it as it does for other tools; http only on loopback.
    """
    import os
    from pathlib import Path

    from trueup.transforms.service_settings import ArchiveSettings
    from trueup.transforms.settings import Settings

    said = {key: next((os.environ[one] for one in names if os.environ.get(one)), "") for key, names in _S3.items()}
    options = {key: value for key, value in said.items() if value} if address.startswith("s3:") else {}
    cache = str(Path.home() / ".cache" / "trueup")
    return Settings(archive=ArchiveSettings(path=address, cache=cache, options=options))


def __getattr__(name: str) -> Any:
    """The classes of the package, imported when they are asked for, so that ``import trueup`` costs nothing."""
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    message = f"module 'trueup' has no attribute {name!r}"
    raise AttributeError(message)
