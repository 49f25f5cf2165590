"""An archive with a key, with runs of two people in it, and what of them lies on the disk in clear."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from tests.support.archive_runs import Person, applied, approved, sealed_run, settings_in
from trueup.connectors.archive import open_archive, places

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.archive import Archive
    from trueup.transforms.history import PriorRun


PEOPLE = (
    Person("k-ann", changes={"title": ("Clerk of Ann", "Chief of Ann")}, user_name="ann@contoso.example"),
    Person("k-bob", changes={"title": ("Clerk of Bob", "Chief of Bob")}, user_name="bob@contoso.example"),
)


WORDS = (b"k-ann", b"k-bob", b"contoso", b"Clerk of", b"Chief of", b"Chris", b"Ann asked")


def a_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def encrypted(folder: Path, **more: str) -> Archive:
    return open_archive(settings_in(folder, archive={"encryption_key": "env:ARCHIVE_KEY", **more}))


def anew(folder: Path, **more: str) -> Archive:
    """As another process opens it."""
    places._ELSEWHERE.clear()
    return encrypted(folder, **more)


def whole_run(archive: Archive, *, days: float = 0) -> PriorRun:
    run = sealed_run(archive, PEOPLE, days=days)
    run = approved(archive, run, "Chris", exclude=["k-ann"], notes={"k-ann": "Ann asked for it"})
    return applied(archive, run)


def in_clear(folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(word in path.read_bytes() for word in WORDS)]
