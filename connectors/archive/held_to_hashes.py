"""Data files of earlier runs, each held against its hash before a plan reads it: a plan rests on what was written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trueup.connectors.archive.atomic_files import sha256_of
from trueup.connectors.archive.people import accepted_records
from trueup.connectors.archive.reading import damaged
from trueup.transforms.history import History
from trueup.transforms.run_files import JOURNAL

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.transforms.history import PriorRun
    from trueup.transforms.manifest import FileRecord

_FIT: dict[Path, tuple[int, int, int]] = {}
"""Inode, size and time of each file that this process has found to be what was written."""


def held_to_hashes(history: History) -> History:
    """The same runs; asking one of them for the path of a data file raises ``Refused`` where the file was changed.

    An archive that is encrypted or lies in a store sees to that by itself, as it opens or fetches the file.
    """
    return History(tuple(_held(run) if run.files.bring is None else run for run in history.runs))


def _held(run: PriorRun) -> PriorRun:
    records = accepted_records(run.manifest, run.acts)
    records.pop(JOURNAL, None)  # it only grows
    return replace(run, files=replace(run.files, bring=_Hashes(run.files.path, records)))


@dataclass(frozen=True, slots=True)
class _Hashes:
    run: Path
    records: dict[str, list[FileRecord]]

    def __call__(self, name: str) -> None:
        """Return where the file is what was written, or gone, which whoever needs it says.

        Raises:
            Refused: it is not (``run_damaged``).
        """
        path = self.run / name
        try:
            facts = path.stat()
        except FileNotFoundError:
            return
        mark = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
        if name not in self.records or _FIT.get(path) == mark:
            return
        # Before and after somebody is erased, and in clear what was copied out of an encrypted archive.
        if sha256_of(path) not in {one for record in self.records[name] for one in (record.sha256, record.said.sha256)}:
            raise damaged(self.run.name, f"{name} is not what was written")
        _FIT[path] = mark
