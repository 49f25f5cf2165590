"""An archive in an object store.

What two hosts must agree upon is decided by one write each. A manifest has happened once ``head`` holds it, which is
replaced by if-match: so the chain never forks. An act has happened once its number is claimed, by an object created
if absent that holds it. Whoever looks and finds a manifest or an act not yet in its own place puts it there.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import secrets
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trueup.connectors.archive import reading, segments, settling
from trueup.connectors.archive.lease import Lease, Leases
from trueup.connectors.archive.mirror import Mirror
from trueup.connectors.archive.object_store import ObjectStore, Seen, tag_of
from trueup.connectors.archive.pending import DECIDED
from trueup.connectors.archive.settling import CLAIM, CLAIMS, HEAD
from trueup.connectors.archive.store import ABSENT, Changed, Version
from trueup.connectors.archive.vault import SealedStore
from trueup.transforms.run_files import JOURNAL, RUN_ID
from trueup.transforms.targets import target_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from trueup.connectors.archive.holder import Holder
    from trueup.connectors.archive.places import Drafted, Kept
    from trueup.connectors.archive.vault import Vault
    from trueup.transforms.history import PriorRun
    from trueup.transforms.manifest import ActRecord
    from trueup.transforms.run_files import RunFiles

LEASES = "leases"
_ACT = re.compile(rf"({RUN_ID.pattern})/acts/(\d{{3,}})-[a-z_]+\.json")


class RemotePlace:
    """See :class:`~trueup.connectors.archive.places.Place`."""

    def __init__(self, objects: ObjectStore, vault: Vault, *, lease_seconds: float, request_seconds: float) -> None:
        """Bind a store to its cache.

        Args:
            objects: the archive.
            vault: of the archive's folder in the cache.
            lease_seconds: a term of a lease.
            request_seconds: after so long any request to a target has ended.
        """
        self.objects = objects
        self.vault = vault
        self.mirror = Mirror(objects, vault)
        self._request_seconds = request_seconds
        self._leases = Leases(objects, lease_seconds)
        self._sequences: dict[str, segments.Sequence] = {}
        self._head = (ABSENT, dict[str, Any]())

    @property
    def store(self) -> SealedStore:
        """See :class:`Place`: records are read from the cache, which has them all."""
        return SealedStore(self.mirror.local, self.vault)

    @property
    def shared(self) -> ObjectStore:
        """See :class:`Place`."""
        return self.objects

    def run(self, run_id: str) -> RunFiles:
        """See :class:`Place`."""
        return self.mirror.run(run_id)

    def begin_encrypting(self, run_id: str) -> None:
        """See :class:`Place`."""
        self.vault.begin(run_id, self._put_in_place)

    def look_again(self) -> None:
        """See :class:`Place`."""
        listed = self.objects.every()
        if self._complete(listed):
            listed = self.objects.every()
        self.mirror.look(listed)
        segments.join(self.mirror, self._runs())

    def run_ids(self) -> list[str]:
        """See :class:`Place`."""
        return self.mirror.run_ids()

    def contents(self, run_id: str) -> list[Kept]:
        """See :class:`Place`."""
        return self.mirror.contents(run_id)

    def remove(self, run_id: str, names: Iterable[str] | None) -> None:
        """See :class:`Place`. What is pruned is in no claim and no segment any more either.

        Those first: while files are left to remove, a prune that was killed is known to be unfinished.
        """
        every = [one.name for one in self.contents(run_id)] if names is None else list(names)
        if names is not None:
            settling.settle_claims(self.objects, self.objects.every(f"{CLAIMS}/{run_id}"))
        if names is not None and JOURNAL in every:
            run = reading.read_run(self.run(run_id))
            settling.empty_segments(self.objects, segments.joined_of(self.mirror, run), run_id)
            segments.forget(self.mirror.root)
        self.vault.forget(run_id)
        self.objects.remove(f"{run_id}/{name}" for name in every)
        self.mirror.forget(run_id, names)

    def send(self, run: RunFiles, name: str, path: Path) -> bool:
        """See :class:`Place`; what is there already with the same content was sent by a try before this one."""
        key = f"{run.run_id}/{name}"
        try:
            self.objects.create_if_absent(key, path)
        except FileExistsError:
            if self.objects.read(key) != path.read_bytes():
                return False
        self._has(key, path)
        return True

    def send_again(self, run: RunFiles, path: Path) -> None:
        """See :class:`Place`; the journal grows, and what was left by a killed apply is made anew."""
        key, content = f"{run.run_id}/{path.name}", path.read_bytes()
        while True:
            try:
                there, seen = self.objects.get(key)
            except FileNotFoundError:
                there, seen = b"", ABSENT
            if seen != ABSENT and there == content:
                break
            self.require_leases()  # after the look: whoever took the target over meanwhile has changed what was seen
            with contextlib.suppress(Changed):
                self.objects.replace_if_match(key, content, seen)
                break
        self._has(key, path)

    def closing(self, run: RunFiles) -> dict[str, object]:
        """See :class:`Place`."""
        prior = reading.read_run(self.run(run.run_id))
        digest = target_digest(prior.manifest.target)
        sequence = self._sequences.get(digest)
        if sequence is None:
            return {}
        sequence.lease.require()
        journal = prior.files.path / JOURNAL
        stated = max((act.files[JOURNAL].bytes for act in prior.acts if JOURNAL in act.files), default=0)
        here = journal.stat().st_size if journal.exists() else 0
        if here < stated + sequence.announced.get(run.run_id, 0):
            self.look_again()  # what left and is not in the journal here is put together before it is called joined
        return segments.joined(self.mirror, digest, prior, self._runs(), sequence.last)

    def append(self, run: RunFiles, make: Callable[[], Drafted]) -> ActRecord:
        """See :class:`Place`; the claim holds the side file too, as its writer may die before it has sent it."""
        while True:
            self._look_at(run.run_id)
            act = make()
            if act.record.act in reading.CLOSING:
                self.require_leases()  # after the look, likewise
            kept = self.vault.close(f"{run.run_id}/{act.name}", act.content)
            claim = {"fresh": secrets.token_hex(16), "name": act.name, "act": kept.decode()}
            if act.side:
                claim |= {"side": act.side.name, "people": base64.b64encode(act.side.content).decode()}
            with contextlib.suppress(FileExistsError):
                self.objects.create_if_absent(_claim(run.run_id, act.record.number), json.dumps(claim).encode())
                if act.side:
                    self._put_in_place(f"{run.run_id}/{act.side.name}", act.side.content)
                self._put_in_place(f"{run.run_id}/{act.name}", kept)
                self.mirror.remember()
                return act.record

    def publish(self, run: RunFiles, make: Callable[[str | None], bytes], newest: Callable[[], str | None]) -> bytes:
        """See :class:`Place`."""
        key = f"{run.run_id}/{run.manifest.name}"
        while True:
            seen, said = self._read_head()
            if said:
                self._create(f"{said['run_id']}/{run.manifest.name}", said["manifest"].encode())
            content = make(said["sha256"] if said else newest())
            kept = self.vault.close(key, content)
            head = {
                "fresh": secrets.token_hex(16),
                "number": int(said.get("number", 0)) + 1,
                "run_id": run.run_id,
                "sha256": hashlib.sha256(content).hexdigest(),
                "manifest": kept.decode(),
            }
            try:
                self.objects.replace_if_match(HEAD, json.dumps(head).encode(), seen)
            except Changed:
                # An answer may have been lost: the next host that sealed has put our manifest in its place.
                if not self._is(key, kept):
                    continue
            self._put_in_place(key, kept)
            self.mirror.remember()
            return content

    @contextmanager
    def alone(self, name: str, holder: Holder, *, patience: float) -> Iterator[Lease]:
        """See :class:`Place`. A taker claims the next announcement before it looks at what was announced."""
        with self._leases.held(f"{LEASES}/{name}.json", holder, patience=patience) as lease:
            digest = name.partition("-")[2]
            last = segments.last_number(self.objects.every(f"{segments.FOLDER}/{digest}"), digest)
            last = max(last, segments.last_joined(self._runs(), digest))
            sequence = segments.Sequence(self.objects, digest, lease, last)
            if lease.was_taken_over or holder.kind == "apply":
                sequence.claim()
            if lease.was_taken_over:
                time.sleep(self._request_seconds)
            self.look_again()
            self._sequences[digest] = sequence
            try:
                yield lease
            finally:
                del self._sequences[digest]

    @contextmanager
    def leased(self, name: str, holder: Holder) -> Iterator[object]:
        """See :class:`Place`."""
        with self._leases.held(f"{LEASES}/{name}.json", holder, patience=0.0) as lease:
            yield lease

    def holder(self, name: str) -> Holder | None:
        """See :class:`Place`."""
        return self._leases.holder(f"{LEASES}/{name}.json")

    def announcing(self, run: RunFiles) -> Callable[[bytes], None] | None:
        """See :class:`Place`."""
        digest = target_digest(reading.read_manifest(run)[0].target)
        sequence = self._sequences[digest]
        return lambda group: sequence.announce(run.run_id, group)

    def require_leases(self) -> None:
        """Return while all targets that are held here are still ours; raises ``Failed`` as :meth:`Lease.require`."""
        for sequence in self._sequences.values():
            sequence.lease.require()

    def erasing(self) -> frozenset[str]:
        """See :class:`Place`."""
        return self.mirror.erasures(DECIDED)

    def store_has(self, key: str) -> bool:
        """Whether the store has the object right now."""
        return self.objects.version(key) != ABSENT

    def look_thoroughly(self) -> None:
        """See :class:`Place`."""
        self.mirror.is_thorough = True

    def _runs(self) -> tuple[PriorRun, ...]:
        return reading.readable(self.mirror.root)[0]

    def _has(self, key: str, path: Path) -> None:
        mark = tag_of(self.objects.version(key))
        self.mirror.has(key, Seen(path.stat().st_size, datetime.now(UTC), mark))

    def _put_in_place(self, key: str, content: bytes) -> None:
        self._create(key, content)
        self.mirror.keep(key, content)
        self.mirror.has(key, Seen(len(content), datetime.now(UTC), tag_of(self.objects.version(key))))

    def _create(self, key: str, content: bytes) -> None:
        with contextlib.suppress(FileExistsError):  # somebody put the very same there
            self.objects.create_if_absent(key, content)

    def _is(self, key: str, content: bytes) -> bool:
        try:
            return self.objects.read(key) == content
        except FileNotFoundError:
            return False

    def _read_head(self) -> tuple[Version, dict[str, Any]]:
        try:
            content, seen = self.objects.get(HEAD)
        except FileNotFoundError:
            return ABSENT, {}
        return seen, json.loads(content)

    def _look_at(self, run_id: str) -> None:
        """See what acts the run has by now."""
        listed = self.objects.every(f"{run_id}/acts") | self.objects.every(f"{CLAIMS}/{run_id}")
        if self._complete_acts(listed):
            listed = self.objects.every(f"{run_id}/acts")
        self.mirror.look_at(run_id, listed)

    def _complete(self, listed: dict[str, Seen]) -> bool:
        """Put in its place what was decided and whose writer did not come to it; whether there was anything."""
        done = self._complete_acts(listed)
        if HEAD in listed and listed[HEAD].mark != tag_of(self._head[0]):
            self._head = self._read_head()
            key = f"{self._head[1].get('run_id')}/manifest.json"
            if self._head[1] and key not in listed:
                self._create(key, self._head[1]["manifest"].encode())
                done = True
        return done

    def _complete_acts(self, listed: dict[str, Seen]) -> bool:
        acts = {(fits.group(1), int(fits.group(4))) for name in listed if (fits := _ACT.fullmatch(name))}
        open_ones = [
            (fits.group(1), name)
            for name in sorted(listed)
            if (fits := CLAIM.fullmatch(name)) and (fits.group(1), int(fits.group(4))) not in acts
        ]
        for run_id, name in open_ones:
            claim = json.loads(self.objects.read(name))
            if "side" in claim:
                self._complete_side(run_id, name, claim)
            self._create(f"{run_id}/{claim['name']}", claim["act"].encode())
        return bool(open_ones)

    def _complete_side(self, run_id: str, name: str, claim: dict[str, Any]) -> None:
        """Whoever stood still here for long may bring back what was pruned meanwhile: then it goes again."""
        key = f"{run_id}/{claim['side']}"
        try:
            self.objects.create_if_absent(key, base64.b64decode(claim["people"]))
        except FileExistsError:
            return
        if "side" not in json.loads(self.objects.read(name)):
            self.objects.remove([key])


def _claim(run_id: str, number: int) -> str:
    return f"{CLAIMS}/{run_id}/{number:03d}.json"
