"""A copy of an archive in another place: folder or object store, each file held against its hash on the way.

A copy is for reading: two archives that both grow would be two chains. With ``move`` the copy is the archive from then
on, and the place it came from is closed. What is half copied is closed too, and copying again goes on with it.
"""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.connectors.archive import reading
from trueup.connectors.archive.acts import finish_names
from trueup.connectors.archive.archive import Archive, open_archive
from trueup.connectors.archive.atomic_files import access_like, folder, on_disk, write_new
from trueup.connectors.archive.cipher import KEY_FILE
from trueup.connectors.archive.closed import closed_state, mark, refuse_closed
from trueup.connectors.archive.erasing import catch_up, finish_pending
from trueup.connectors.archive.integrity import check_archive
from trueup.connectors.archive.locks import apply_lock, sealing
from trueup.connectors.archive.pending import is_any_pending
from trueup.connectors.archive.places import LocalPlace, place_of, vault_of
from trueup.transforms.archive_url import is_url
from trueup.transforms.errors import Failed, Misused, Refusal, Refused
from trueup.transforms.history import by_target
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from trueup.transforms.history import PriorRun
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy came to."""

    runs: int
    files: int
    bytes: int


def copy_archive(settings: Settings, source: str, to: str, *, move: bool, decrypt: bool = False) -> Copied:
    """All runs of ``source`` are in ``to``, whole; with ``move`` work goes on there, and ``source`` is closed.

    Args:
        settings: credentials of object stores, the cache.
        source: a folder or an address.
        to: likewise; empty, or what an earlier copy of ``source`` that was broken off left.
        move: the archive is ``to`` from then on.
        decrypt: the copy is in clear, though a key is configured; for reading by hand.

    Raises:
        Misused: both are the same place.
        Refused: a run is damaged or its apply is open; ``to`` holds something else.
        Failed: a place cannot be read or written; copying again goes on.
    """
    source, to = _spelt(source), _spelt(to)
    if move and decrypt:
        raise Misused("An archive is not moved in clear: what came later would be encrypted.", remedy="Copy it.")
    if source == to:
        raise Misused("An archive is not copied onto itself.", remedy="Give two places.")
    here = open_archive(_at(settings, source), writable=is_url(source) or Path(source).is_dir(), closed_too=True)
    if not here.path.is_dir():
        raise Misused(f"No archive lies at {source}.", remedy="Give the folder with the runs, or its address.")
    if not (move and closed_state(here.path) == {"why": "moved", "place": to}):
        refuse_closed(here.path)
    there = open_archive(_at(_in_clear(settings) if decrypt else settings, to), closed_too=True)
    _refuse_occupied(there, source)
    with ExitStack() as stack:
        for target in by_target(here.runs()):
            stack.enter_context(apply_lock(here.path, target, f"copy the archive to {to}", closed_too=True))
        finish_pending(here.path)
        catch_up(here.path)  # a journal here may still say what another host took out of it
        for files in reading.sealed(here.path):
            with sealing(here.path):
                finish_names(files, reading.read_acts(files, reading.read_manifest(files)[1]))
        _refuse_open(here)
        mark(there.path, "copying", source)
        done = _copy(here, there)
        _refuse_incomplete(here, there)
        if move:
            mark(here.path, "moved", to)
        mark(there.path, "open" if move else "copy", source)
    return done


def _copy(here: Archive, there: Archive) -> Copied:
    files = size = 0
    for run in reversed(here.runs()):
        kept = _names(here, run)
        put = _Put(here, there, run.files)
        put.begin()
        for name in sorted(kept, key=_in_order):
            put.file(name)
        files, size = files + len(kept), size + sum(kept.values())
    return Copied(len(here.runs()), files, size)


def _names(archive: Archive, run: PriorRun) -> dict[str, int]:
    """Files of a run that are copied, and how long each is: manifest, acts, and what they vouch for."""
    records = {*run.manifest.files, *(name for act in run.acts for name in act.files), run.files.manifest.name}
    kept = place_of(archive.path).contents(run.run_id)
    return {
        one.name: one.bytes for one in kept if one.name in records or one.name.startswith(f"{run.files.acts.name}/")
    }


def _refuse_incomplete(here: Archive, there: Archive) -> None:
    """Return where everything is there, as it was: read again from where it is now."""
    place_of(there.path).look_again()
    lacking = [
        f"{run.run_id} {name}: {name} is missing."
        for run in here.runs()
        for name in sorted(_names(here, run).keys() - {one.name for one in place_of(there.path).contents(run.run_id)})
    ]
    if found := [*lacking, *(f"{one.run_id} {one}" for one in check_archive(there.path))]:
        raise Failed(f"The copy is not whole: {found[0]}", remedy="Copy again: it goes on.")


def _in_order(name: str) -> tuple[int, str]:
    """Data first, then the manifest, then acts by number: so that what is half there never happened."""
    return (2 if name.startswith("acts/") else 1 if name == "manifest.json" else 0), name


@dataclass(frozen=True, slots=True)
class _Put:
    """One run on its way: byte by byte, but for what is in clear here and encrypted there, or the other way round."""

    here: Archive
    there: Archive
    run: RunFiles

    def begin(self) -> None:
        """The run is as encrypted there as it is to be, before the first of its files."""
        run_id, keys = self.run.run_id, vault_of(self.there.path).keys
        own = vault_of(self.here.path).cipher(run_id)
        if keys is None:
            return
        if own is None:
            self._folder(run_id)
            place_of(self.there.path).begin_encrypting(run_id)
        else:
            self._send(KEY_FILE, self.run.path / KEY_FILE)

    def file(self, name: str) -> None:
        """The file is there."""
        self.run.bring_kept(name)
        source, key = self.run.path / name, f"{self.run.run_id}/{name}"
        here, there = vault_of(self.here.path), vault_of(self.there.path)
        if (here.cipher(self.run.run_id) is None) == (there.cipher(self.run.run_id) is None):
            self._send(name, source)
            return
        said = here.said(key, source.read_bytes())
        if self._is_there(key, said):
            return
        draft = folder(self.there.path) / f"{secrets.token_hex(8)}.copying"
        try:
            write_new(
                draft, there.unsaid(key, said), aside=folder(self.there.path), access=access_like(self.there.path)
            )
            self._send(name, draft)
        finally:
            draft.unlink(missing_ok=True)

    def _is_there(self, key: str, said: bytes) -> bool:
        """Whether a copy that was broken off had put it there: what is encrypted twice is not the same twice."""
        try:
            kept = place_of(self.there.path).shared.read(key)
        except FileNotFoundError:
            return False
        return vault_of(self.there.path).said(key, kept) == said

    def _send(self, name: str, source: Path) -> None:
        place, run_id = place_of(self.there.path), self.run.run_id
        if not isinstance(place, LocalPlace):
            if not place.send(self.run, name, source):
                raise _other(name, run_id)
            return
        with on_disk(f"{name} of run {run_id} cannot be copied"):
            into = self._folder(run_id) / name
            into.parent.mkdir(mode=access_like(self.there.path).directory, exist_ok=True)
            try:
                write_new(into, source.read_bytes(), aside=folder(self.there.path), access=access_like(self.there.path))
            except FileExistsError:
                if into.read_bytes() != source.read_bytes():
                    raise _other(name, run_id) from None

    def _folder(self, run_id: str) -> Path:
        place = self.there.path / run_id
        if isinstance(place_of(self.there.path), LocalPlace):
            place.mkdir(mode=access_like(self.there.path).directory, exist_ok=True)
        return place


def _in_clear(settings: Settings) -> Settings:
    archive = settings.archive.model_copy(update={"encryption_key": "", "encryption_key_previous": ""})
    return settings.model_copy(update={"archive": archive})


def _other(name: str, run_id: str) -> Failed:
    return Failed(
        f"Where the copy goes, {name} of run {run_id} is there with another content.", remedy="Copy elsewhere."
    )


def _refuse_open(here: Archive) -> None:
    """The segments of an apply that was not closed belong to one place."""
    interrupted = [run for run in here.runs() if run.state == Act.INTERRUPTED and reading.is_open(run.files, run.acts)]
    damages = check_archive(here.path)
    refusals = [_open(run) for run in interrupted]
    if is_any_pending(here.path):
        text = "An erasure is under way in the archive; a copy made now would hold what it takes out."
        refusals.append(Refusal("erasure_under_way", text, remedy="Wait until it has ended. Then copy."))
    refusals += [
        Refusal("run_damaged", f"Run {one.run_id} is damaged: {one.text}", remedy="See: trueup verify --archive")
        for one in damages
    ]
    if refusals:
        raise Refused(refusals)


def _open(run: PriorRun) -> Refusal:
    return Refusal(
        "run_open",
        f"The apply of run {run.run_id} was broken off and is still open.",
        remedy=f"Resume it: trueup apply {run.run_id}. Or give it up: trueup reject {run.run_id}. Then copy.",
    )


def _refuse_occupied(there: Archive, source: str) -> None:
    state = closed_state(there.path)
    if state.get("place") == source or not (state or there.runs()):
        return
    raise Refused(
        Refusal(
            "place_occupied",
            "Where the copy is to go there is another archive already.",
            remedy="Give an empty folder or a prefix of its own.",
        )
    )


def _at(settings: Settings, place: str) -> Settings:
    return settings.model_copy(update={"archive": settings.archive.model_copy(update={"path": place})})


def _spelt(place: str) -> str:
    return place.rstrip("/") if is_url(place) else str(Path(place).expanduser().resolve())
