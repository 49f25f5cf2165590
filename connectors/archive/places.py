"""Where an archive is: a folder of runs; or an object store with a cache, which is such a folder.

Whoever reads runs reads the folder. What differs is how something gets there for all to see, which each place knows:
a place is found by the folder.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

from trueup.connectors.archive.atomic_files import access_like, folder, make_directory, replace, sync_directory
from trueup.connectors.archive.store import LocalStore, Store
from trueup.connectors.archive.vault import SealedStore, Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from trueup.connectors.archive.holder import Holder
    from trueup.transforms.manifest import ActRecord, FileRecord
    from trueup.transforms.run_files import RunFiles

ERASING = ".erasing"
"""Where what an erasure prepares lies, by its number."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One file of a run, wherever it is kept."""

    name: str
    """Relative to the run's directory."""
    bytes: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class SideFile:
    """What an act says of people, which lies beside it."""

    name: str
    """Relative to the run's directory."""
    content: bytes
    record: FileRecord


@dataclass(frozen=True, slots=True)
class Drafted:
    """An act as it is to be added."""

    name: str
    """Relative to the run's directory."""
    content: bytes
    record: ActRecord
    side: SideFile | None


class Place(Protocol):
    """What the folder of an archive stands for."""

    @property
    def store(self) -> Store:
        """Where records of runs are read."""
        ...

    @property
    def shared(self) -> Store:
        """Where records of the archive itself lie, which all hosts see as they are now."""
        ...

    @property
    def vault(self) -> Vault:
        """What opens encrypted files."""
        ...

    def run(self, run_id: str) -> RunFiles:
        """The run's files, wherever they are kept."""
        ...

    def begin_encrypting(self, run_id: str) -> None:
        """A run that is to be written has its key file where all see it, if a key is configured."""
        ...

    def look_again(self) -> None:
        """See what others have done since."""
        ...

    def run_ids(self) -> list[str]:
        """Names of everything at the top of the archive, runs among them, sorted."""
        ...

    def contents(self, run_id: str) -> list[Kept]:
        """All files of a run, also those not here."""
        ...

    def remove(self, run_id: str, names: Iterable[str] | None) -> None:
        """Remove files of a run; None removes all of a run that never happened. For prune alone."""
        ...

    def send(self, run: RunFiles, name: str, path: Path) -> bool:
        """Put a file an act will vouch for where all see it; False where another one has the name."""
        ...

    def send_again(self, run: RunFiles, path: Path) -> None:
        """The same for a file the holder of the target may write anew: no act vouches for what it replaces."""
        ...

    def closing(self, run: RunFiles) -> dict[str, object]:
        """What a closing act says of where the journal was joined from."""
        ...

    def append(self, run: RunFiles, make: Callable[[], Drafted]) -> ActRecord:
        """Add the act that ``make`` gives, with its side file; made again where another was quicker."""
        ...

    def publish(self, run: RunFiles, make: Callable[[str | None], bytes], newest: Callable[[], str | None]) -> bytes:
        """Add the manifest that ``make`` gives for the hash of the one before it (``newest``: what the runs say)."""
        ...

    def alone(self, name: str, holder: Holder, *, patience: float) -> AbstractContextManager[object]:
        """Nobody else on any host holds ``name`` inside; what this host's own locks do not see."""
        ...

    def leased(self, name: str, holder: Holder) -> AbstractContextManager[object]:
        """Nobody else on any host holds ``name`` inside, which no announcement is tied to: only work is kept apart."""
        ...

    def holder(self, name: str) -> Holder | None:
        """Who holds ``name`` on any host, as far as is known; None where nobody does."""
        ...

    def announcing(self, run: RunFiles) -> Callable[[bytes], None] | None:
        """Where lines of the run's journal go before they are written here; None where here is where all see them."""
        ...

    def erasing(self) -> frozenset[str]:
        """Numbers of erasures that have not come to their end: until then files may be as before or as after them."""
        ...

    def look_thoroughly(self) -> None:
        """From now on each file is read where it is kept, though there be a copy here that was found right before."""
        ...


@dataclass(frozen=True, slots=True)
class LocalPlace(Place):
    """A folder that all who use the archive can reach; kernel locks keep them apart."""

    root: Path
    keys: Vault | None = None

    @property
    @override
    def vault(self) -> Vault:
        """See :class:`Place`."""
        return self.keys or Vault(self.root, None)

    @override
    def begin_encrypting(self, run_id: str) -> None:
        """See :class:`Place`."""
        self.vault.begin(run_id, LocalStore(self.root).create_if_absent)

    @property
    @override
    def store(self) -> SealedStore:
        """See :class:`Place`."""
        return SealedStore(LocalStore(self.root), self.vault)

    @property
    @override
    def shared(self) -> LocalStore:
        """See :class:`Place`."""
        return LocalStore(self.root)

    @override
    def run(self, run_id: str) -> RunFiles:
        """See :class:`Place`."""
        return self.vault.run(run_id)

    @override
    def look_again(self) -> None:
        """See :class:`Place`; a folder shows what is there."""

    @override
    def run_ids(self) -> list[str]:
        """See :class:`Place`."""
        return self.store.list()

    @override
    def contents(self, run_id: str) -> list[Kept]:
        """See :class:`Place`."""
        found = []
        for path in sorted((self.root / run_id).rglob("*")):
            with suppress(FileNotFoundError):
                facts = path.lstat()
                at = datetime.fromtimestamp(facts.st_mtime, UTC)
                if not path.is_dir():
                    found.append(Kept(path.relative_to(self.root / run_id).as_posix(), facts.st_size, at))
        return found

    @override
    def remove(self, run_id: str, names: Iterable[str] | None) -> None:
        """See :class:`Place`."""
        self.vault.forget(run_id)
        if names is None:
            shutil.rmtree(self.root / run_id)
            return
        for name in names:
            (self.root / run_id / name).unlink(missing_ok=True)

    @override
    def send(self, run: RunFiles, name: str, path: Path) -> bool:
        """See :class:`Place`."""
        return True

    @override
    def send_again(self, run: RunFiles, path: Path) -> None:
        """See :class:`Place`; it lies there already."""

    @override
    def closing(self, run: RunFiles) -> dict[str, object]:
        """See :class:`Place`."""
        return {}

    @override
    def append(self, run: RunFiles, make: Callable[[], Drafted]) -> ActRecord:
        """See :class:`Place`; the caller is alone in the archive.

        As with the other files of an act, the side file gets its name once the act that vouches for it is there.
        """
        act = make()
        part = lay_aside(run, act.side) if act.side else None
        self.store.create_if_absent(f"{run.run_id}/{act.name}", act.content)
        if part is not None and act.side is not None:
            part.rename(run.path / act.side.name)
            sync_directory(part.parent)
        return act.record

    @override
    def publish(self, run: RunFiles, make: Callable[[str | None], bytes], newest: Callable[[], str | None]) -> bytes:
        """See :class:`Place`; the caller is alone in the archive."""
        content = make(newest())
        self.store.create_if_absent(f"{run.run_id}/{run.manifest.name}", content)
        return content

    @override
    def alone(self, name: str, holder: Holder, *, patience: float) -> AbstractContextManager[object]:
        """See :class:`Place`."""
        return nullcontext()

    @override
    def leased(self, name: str, holder: Holder) -> AbstractContextManager[object]:
        """See :class:`Place`."""
        return nullcontext()

    @override
    def holder(self, name: str) -> Holder | None:
        """See :class:`Place`."""
        return None

    @override
    def announcing(self, run: RunFiles) -> Callable[[bytes], None] | None:
        """See :class:`Place`."""
        return None

    @override
    def erasing(self) -> frozenset[str]:
        """See :class:`Place`."""
        return frozenset(path.name for path in (self.root / ERASING).glob("*"))

    @override
    def look_thoroughly(self) -> None:
        """See :class:`Place`; there is no copy."""


def lay_aside(run: RunFiles, side: SideFile) -> Path:
    """Write the side file as ``.part``, until the act is there; returns where it lies."""
    part = (run.path / side.name).with_suffix(".part")
    if not part.parent.is_dir():
        make_directory(part.parent, access_like(run.path))
    replace(part, side.content, aside=folder(run.path.parent), access=access_like(run.path))
    sync_directory(part.parent)
    return part


def read_private(root: Path, path: Path) -> bytes:
    """What a private file in the archive says."""
    return vault_of(root).open(path.relative_to(root).as_posix(), path.read_bytes())


def as_kept(root: Path, path: Path, content: bytes) -> bytes:
    """``content`` as it is to be kept in a private file of the archive."""
    return vault_of(root).close(path.relative_to(root).as_posix(), content)


@contextmanager
def drafts(root: Path, prefix: str) -> Iterator[Path]:
    """A folder for drafts that hold people, gone at the end; encrypted where the archive is."""
    opened = vault_of(root).opened
    with TemporaryDirectory(prefix=prefix, dir=opened) as place:
        yield Path(place)


_ELSEWHERE: dict[Path, Place] = {}
"""Folders that are caches of an object store, as this process opened them."""


def place_of(root: Path) -> Place:
    """What the archive's folder stands for."""
    if not _ELSEWHERE:  # asked for each record of each run: where a folder really lies is not asked in vain
        return LocalPlace(root)
    return _ELSEWHERE.get(root) or _ELSEWHERE.get(root.resolve()) or LocalPlace(root)


def store_of(root: Path) -> Store:
    """Where records of the runs in ``root`` are read."""
    return place_of(root).store


def vault_of(root: Path) -> Vault:
    """What opens encrypted files of the archive in ``root``."""
    return place_of(root).vault


def aside(root: Path) -> Path:
    """Where drafts that hold people lie: beside the locks, or where an encrypted archive lies open."""
    opened = vault_of(root).opened
    return folder(root) if opened is None else opened


def attach(root: Path, place: Place) -> None:
    """From now on ``root`` stands for ``place`` in this process."""
    _ELSEWHERE[root.resolve()] = place
