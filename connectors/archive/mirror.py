"""The cache of an archive in an object store: a folder laid out as the archive, private to this host.

Manifests and acts are here as soon as the store was looked at; a data file comes when its path is asked for, and is
held against the hash that manifest or act states before it is used. What lies here is believed only where it is what
the store shows now: with the store's own mark of the content, and the hash of the bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import secrets
import shutil
import threading
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from trueup.connectors.archive import people, reading
from trueup.connectors.archive.atomic_files import (
    FOLDER,
    REVIEWS,
    access_like,
    folder,
    make_directory,
    on_disk,
    protect,
    replace,
    sha256_of,
)
from trueup.connectors.archive.object_store import Seen, each, tag_of
from trueup.connectors.archive.pending import DECIDED, STATE
from trueup.connectors.archive.places import Kept, LocalPlace
from trueup.connectors.archive.store import LocalStore
from trueup.transforms.erasure.stated import erasures
from trueup.transforms.errors import Failed, Refused
from trueup.transforms.run_files import JOURNAL, RUN_ID, RunFiles
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trueup.connectors.archive.object_store import ObjectStore
    from trueup.connectors.archive.store import Version
    from trueup.connectors.archive.vault import Vault
    from trueup.transforms.manifest import FileRecord

_RECORD = re.compile(
    rf"{RUN_ID.pattern}/(manifest\.json|key\.json|people\.parquet|acts/\d{{3,}}(-[a-z_]+\.json|\.people\.parquet))"
    rf"|{STATE.pattern}"
)
_INDEX = "records.jsonl"
"""For each object the store's mark, and of a record its hash, as it lies here; the last line about one counts."""
_DRAFT = ".bringing"
_FORGOTTEN_SECONDS = 3600


class Mirror:
    """What of the store is here. Held for as long as the process has the archive open."""

    def __init__(self, objects: ObjectStore, vault: Vault) -> None:
        """Bind the store to the folder of ``vault``, which is there."""
        self.objects = objects
        self.vault = vault
        self.root = vault.root
        self.local = LocalStore(vault.root)
        self.listed: dict[str, Seen] = {}
        self.is_thorough = False
        """Whether each file is read from the store once more, though it is here."""
        self._checked: dict[str, str] = {}
        self._unsaid: set[str] = set()
        """What of ``_checked`` the index does not know yet."""
        self._known: dict[str, list[str]] = {}
        """The index, as the last look found it and this process went on."""
        self._records: dict[str, dict[str, list[FileRecord]]] = {}
        self._erasures: dict[str, str] = {}
        self._pruned: dict[str, set[str]] = {}
        self._runs: set[str] = set()
        self._lock = threading.RLock()

    def look(self, listed: dict[str, Seen]) -> None:
        """Have all records here that the store lists, with their side files, and nothing it no longer has."""
        with self._lock:
            self.listed = listed
            self._records.clear()
            self._runs = {run for name in listed if RUN_ID.fullmatch(run := name.partition("/")[0])}
            self._sweep()
            self._known = self._index()
            self._bring_records(listed)
            self._read_erasures()
            self._drop_pruned()

    def run(self, run_id: str) -> RunFiles:
        """The run's files, each brought when its path is asked for."""
        return self.vault.run(run_id, partial(self.bring, run_id))

    def run_ids(self) -> list[str]:
        """Runs in the store, and those this host is making or died over."""
        return sorted({*self._runs, *self.local.list()})

    def contents(self, run_id: str) -> list[Kept]:
        """All objects of a run, and where it is only here its files."""
        return [
            Kept(name.partition("/")[2], seen.size, seen.modified)
            for name, seen in sorted(item for item in self.listed.items() if item[0].startswith(f"{run_id}/"))
        ] or LocalPlace(self.root).contents(run_id)

    def forget(self, run_id: str, names: Iterable[str] | None) -> None:
        """Remove from here what was removed from the store."""
        if names is None:
            shutil.rmtree(self.root / run_id, ignore_errors=True)
            names = [name.partition("/")[2] for name in self.listed if name.startswith(f"{run_id}/")]
        for name in names:
            self.listed.pop(f"{run_id}/{name}", None)
            self._checked.pop(f"{run_id}/{name}", None)
            (self.root / run_id / name).unlink(missing_ok=True)

    def has(self, name: str, seen: Seen) -> None:
        """The store has this object now, as it lies here: it was written by this process."""
        with self._lock:
            self.listed[name] = seen
            self._found_right(name, seen.mark)
            self._runs.add(name.partition("/")[0])
            self._records.pop(name.partition("/")[0], None)

    def take(self, name: str, content: bytes, seen: Version) -> None:
        """The store has this content now; it replaces what lies here of it."""
        if _RECORD.fullmatch(name) or (self.root / name).exists():
            self.keep(name, content)
        self.has(name, Seen(len(content), datetime.now(UTC), tag_of(seen)))

    def erasures(self, state: str) -> frozenset[str]:
        """Numbers of erasures that had come so far when the store was looked at."""
        return frozenset(number for number, found in self._erasures.items() if found == state)

    def forget_changed(self, run_id: str, names: Iterable[str]) -> None:
        """Remove those files from here that are not what manifest and acts state; they are brought anew when used."""
        for name in names:
            place = self.root / run_id / name
            if place.exists() and not self._fits_any(f"{run_id}/{name}", place, self._stated(run_id).get(name, [])):
                place.unlink(missing_ok=True)

    def look_at(self, run_id: str, listed: dict[str, Seen]) -> None:
        """Have all acts of one run here that the store lists."""
        with self._lock:
            own = {name: seen for name, seen in listed.items() if name.startswith(f"{run_id}/")}
            self.listed |= own
            self._records.pop(run_id, None)
            self._bring_records(own)

    def remember(self) -> None:
        """Keep for the next command what was found right, or written, by this one."""
        with self._lock, contextlib.suppress(OSError):  # where it cannot be kept it is found right once more
            fresh = {
                name: [mark, _sha256_here(self.root / name) if _RECORD.fullmatch(name) else ""]
                for name in self._unsaid
                if (mark := self._checked.get(name))
                and name in self.listed
                and self._known.get(name, [""])[0] != mark
                and (self.root / name).exists()  # what a copy sends does not lie here
            }
            self._unsaid.clear()
            self._add_to_index(fresh)

    def keep(self, name: str, content: bytes) -> None:
        """Have a record here, as it is in the store."""
        place = self.root / name
        for parent in (place.parent.parent, place.parent):
            if not parent.is_dir():
                with contextlib.suppress(FileExistsError):
                    make_directory(parent, access_like(self.root))
        replace(place, content, aside=folder(self.root), access=access_like(self.root))
        self._records.pop(name.partition("/")[0], None)

    def bring(self, run_id: str, name: str) -> None:
        """The file lies in the run's directory as manifest or act state it; nothing where none speaks of it.

        Raises:
            Refused: what the store has is not what was written.
            Failed: the store cannot be reached, or the disk is full.
        """
        key = f"{run_id}/{name}"
        with self._lock:
            records = self._stated(run_id).get(name)
            seen = self.listed.get(key)
            if not records:
                return
            place = self.root / run_id / name
            if seen is not None and self._checked.get(key) == seen.mark and not self.is_thorough and place.exists():
                return
            if name == JOURNAL and any(_begins_with(place, record) for record in records):
                return  # it goes on after what the last act states
            if seen is None:
                self._drop_if_gone(key, place)
                return
            is_known = self._known.get(key, [""])[0] == seen.mark
            if not self.is_thorough and is_known and self._fits_any(key, place, records):
                self._checked[key] = seen.mark
                return
            self._fetch(key, place, records)
            self._found_right(key, seen.mark)
            self.remember()

    def _fetch(self, key: str, place: Path, records: list[FileRecord]) -> None:
        run_id, _, name = key.partition("/")
        draft = folder(self.root) / f"{secrets.token_hex(8)}{_DRAFT}"
        with on_disk(f"{name} of run {run_id} cannot be brought into the cache"):
            try:
                try:
                    self.objects.fetch(key, draft)
                except FileNotFoundError:
                    place.unlink(missing_ok=True)
                    return
                protect(draft, access_like(self.root))
                if not self._fits_any(key, draft, records):
                    place.unlink(missing_ok=True)
                    raise reading.damaged(run_id, f"{name} is not what was written")
                draft.replace(place)
            finally:
                draft.unlink(missing_ok=True)

    def _fits_any(self, key: str, place: Path, records: list[FileRecord]) -> bool:
        return any(self.vault.fits(key, place, record) for record in records)

    def _drop_if_gone(self, key: str, place: Path) -> None:
        """Somebody else of this host may have sent it since the store was listed; else it was removed there."""
        if not place.exists():
            return
        if not self.objects.version(key).mark:
            place.unlink(missing_ok=True)

    def _stated(self, run_id: str) -> dict[str, list[FileRecord]]:
        """What manifest and acts state of each file; nothing of a run that is not sealed.

        Each file has one record, but while an erasure goes on in the run all it ever had.
        """
        found = self._records.get(run_id)
        if found is None:
            files = RunFiles(self.root / run_id)
            found = {}
            if files.manifest.exists():
                try:
                    manifest, sha256 = reading.read_manifest(files)
                    acts = reading.read_acts(files, sha256)
                    said = [act for act in acts if act.act is Act.PRUNED and not act.details.get("snapshots")]
                    if said:
                        self._pruned[run_id] = {name for act in said for name in act.details.get("files", ())}
                    goes_on = {str(act.details.get("number")) for act in erasures(acts)} & self.erasures(DECIDED)
                    found = {
                        name: records if goes_on else records[-1:]
                        for name, records in people.accepted_records(manifest, acts).items()
                    }
                except Refused:
                    found = {}  # reading the run says why
            self._records[run_id] = found
        return found

    def _found_right(self, name: str, mark: str) -> None:
        self._checked[name] = mark
        self._unsaid.add(name)

    def _bring_records(self, names: Iterable[str]) -> None:
        """Each manifest and act among ``names``, where what lies here is not that very content."""
        wanted = []
        for name in names:
            if _RECORD.fullmatch(name):
                known = self._known.get(name, ["", ""])
                if known[0] != self.listed[name].mark or known[1] != _sha256_here(self.root / name):
                    wanted.append(name)

        def one(name: str) -> tuple[str, str] | None:
            try:
                content = self.objects.read(name)
            except FileNotFoundError:
                return None
            self.keep(name, content)
            return name, hashlib.sha256(content).hexdigest()

        if not wanted:
            return
        with on_disk("Manifests and acts cannot be brought into the cache"):
            brought = [found for found in each(one, wanted) if found is not None]
            self._add_to_index({name: [self.listed[name].mark, sha256] for name, sha256 in brought})

    def _sweep(self) -> None:
        """Remove what the store no longer has, and what was left half brought."""
        for draft in (self.root / FOLDER).glob(f"*{_DRAFT}"):
            with contextlib.suppress(OSError):
                if time.time() - draft.stat().st_mtime > _FORGOTTEN_SECONDS:  # another command may be bringing it
                    draft.unlink()
        here = [run for run in self.local.list() if RUN_ID.fullmatch(run)]
        here = [run for run in here if (self.root / run / "manifest.json").exists()]
        if here and not self._runs:
            raise Failed(
                f"The archive {self.objects.name} holds no run, while this host's cache has {len(here)} of it.",
                remedy="Restore the bucket, or correct [archive] path. Where the runs are gone for good, remove the "
                f"folder {self.root}: what is in it is the last that is left of them.",
            )
        for run_id in here:
            files = RunFiles(self.root / run_id)
            for place in (files.manifest, *reading.act_paths(files)):
                name = place.relative_to(self.root).as_posix()
                if name not in self.listed:
                    self._drop_if_gone(name, place)
            if not files.manifest.exists():
                shutil.rmtree(files.path, ignore_errors=True)
                continue
            for name in self._stated(run_id):
                if name != JOURNAL and f"{run_id}/{name}" not in self.listed:
                    self._drop_if_gone(f"{run_id}/{name}", files.path / name)
        self._records.clear()

    def _read_erasures(self) -> None:
        self._erasures.clear()
        for name in self.listed:
            if fits := STATE.fullmatch(name):
                with contextlib.suppress(FileNotFoundError):
                    self._erasures[fits.group(1)] = str(json.loads(self.local.read(name))["state"])

    def _drop_pruned(self) -> None:
        """A journal, which here may go on, and reviews go with the run's data, once the act that says so is here."""
        for run_id in self._runs:
            if not any((self.root / run_id / "acts").glob(f"*-{Act.PRUNED}.json")):
                continue
            name = JOURNAL if (self.root / run_id / JOURNAL).exists() else ""
            reviews = list((self.root / REVIEWS).glob(f"{run_id}.*"))
            if not (name or reviews) or not self._stated(run_id) or run_id not in self._pruned:
                continue
            for path in reviews:
                path.unlink(missing_ok=True)
            if name in self._pruned[run_id] and f"{run_id}/{name}" not in self.listed:
                self._drop_if_gone(f"{run_id}/{name}", self.root / run_id / name)

    def _index(self) -> dict[str, list[str]]:
        """What is known of what lies here; written anew where half of it speaks of what is there no longer."""
        try:
            lines = (folder(self.root) / _INDEX).read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            return {}
        found: dict[str, list[str]] = {}
        for line in lines:
            with contextlib.suppress(ValueError, TypeError):  # cut short by a crash
                name, mark, sha256 = json.loads(line)
                if name in self.listed:
                    found[name] = [mark, sha256]
        if len(lines) > 2 * len(found):
            with contextlib.suppress(OSError):
                aside = folder(self.root)
                replace(aside / _INDEX, _lines(found), aside=aside, access=access_like(self.root))
        return found

    def _add_to_index(self, fresh: dict[str, list[str]]) -> None:
        """One line each, so that bringing a thousand files does not write a thousand indexes."""
        if fresh:
            self._known |= fresh
            place = folder(self.root) / _INDEX
            with place.open("ab") as file:
                file.write(_lines(fresh))
            protect(place, access_like(self.root))


def _lines(index: dict[str, list[str]]) -> bytes:
    return b"".join(json.dumps([name, *said]).encode() + b"\n" for name, said in index.items())


def _begins_with(path: Path, record: FileRecord) -> bool:
    try:
        return path.stat().st_size >= record.bytes and sha256_of(path, record.bytes) == record.sha256
    except OSError:
        return False


def _sha256_here(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError:
        return "absent"
