"""The journal of a running apply, in segments: one sequence of objects over all runs of a target.

``journals/<target digest>/NNNNNNNN.jsonl`` is created if absent, and leaves before the requests it announces. So the
number decides who may send: a holder that was taken over finds its next number taken. The first line of a segment
names its run; the closing act joins a run's segments into ``journal.jsonl`` and says through which number.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
from typing import TYPE_CHECKING

from trueup.connectors.archive import reading
from trueup.connectors.archive.atomic_files import access_like, folder, make_directory, on_disk, replace
from trueup.connectors.archive.object_store import each
from trueup.transforms.errors import Failed
from trueup.transforms.run_files import JOURNAL
from trueup.transforms.targets import target_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from trueup.connectors.archive.lease import Lease
    from trueup.connectors.archive.mirror import Mirror
    from trueup.connectors.archive.object_store import ObjectStore
    from trueup.transforms.history import PriorRun

FOLDER = "journals"
DETAIL = "segments"
"""Of a closing act: through which number its run's segments are in its journal, and whether all other runs' were."""
NAME = re.compile(rf"{FOLDER}/([0-9a-f]+)/(\d{{8}})\.jsonl")


class Sequence:
    """The target's announcements; held with its lease."""

    def __init__(self, objects: ObjectStore, digest: str, lease: Lease, last: int) -> None:
        """``last`` is the highest number seen."""
        self._objects = objects
        self._digest = digest
        self.lease = lease
        self.last = last
        self.announced: dict[str, int] = {}
        """Run → bytes of its journal that left under this lease."""

    def claim(self) -> None:
        """Take the next number, so that the holder before us cannot announce anything any more."""
        while True:
            self.last += 1
            with contextlib.suppress(FileExistsError):
                self._objects.create_if_absent(self._name(), self._head(""))
                return

    def announce(self, run_id: str, group: bytes) -> None:
        """``group`` is in the store under the next number, and the target is still ours.

        Raises:
            Failed: somebody else has the number, or may have the target: what it announces must not be sent.
        """
        self.lease.require()
        self.last += 1
        try:
            self._objects.create_if_absent(self._name(), self._head(run_id) + group)
        except FileExistsError:
            self.lease.lost = True
            raise Failed(
                "Another host has taken the target over; what was about to be sent was not sent.",
                remedy=f"See who: trueup runs. Then apply the run again: trueup apply {run_id}",
            ) from None
        self.announced[run_id] = self.announced.get(run_id, 0) + len(group)
        self.lease.require()

    def _name(self) -> str:
        return f"{FOLDER}/{self._digest}/{self.last:08d}.jsonl"

    def _head(self, run_id: str) -> bytes:
        said = {"segment": self.last, "run": run_id, "fresh": secrets.token_hex(16)}
        return json.dumps(said).encode() + b"\n"


def last_number(listed: Iterable[str], digest: str) -> int:
    """The highest number of a target's sequence; 0 where there is none."""
    return max((number for number, _ in _numbers(listed, digest)), default=0)


def last_joined(runs: Iterable[PriorRun], digest: str) -> int:
    """The highest number a closing act speaks of: of an archive that was copied, the objects stayed where it was."""
    own = (run for run in runs if target_digest(run.manifest.target) == digest)
    return max(
        (int(act.details[DETAIL]["through"]) for run in own for act in run.acts if DETAIL in act.details), default=0
    )


def join(mirror: Mirror, runs: tuple[PriorRun, ...]) -> None:
    """Give each run its journal where it has segments no closing act has joined; one being written here stays.

    Raises:
        Failed: the store cannot be reached, or the disk is full.
    """
    for digest in {found.group(1) for name in mirror.listed if (found := NAME.fullmatch(name))}:
        own = {run.run_id: run for run in runs if target_digest(run.manifest.target) == digest}
        for run_id, parts in _open_parts(mirror, digest, own.values()).items():
            if run_id in own:
                _write_journal(mirror, own[run_id], parts)


def joined(mirror: Mirror, digest: str, run: PriorRun, runs: tuple[PriorRun, ...], last: int) -> dict[str, object]:
    """What the act that closes ``run`` says of the sequence."""
    own = [one for one in runs if target_digest(one.manifest.target) == digest]
    others = {run_id for run_id in _open_parts(mirror, digest, own) if run_id != run.run_id}
    return {DETAIL: {"through": last, "all": not others}}


def joined_of(mirror: Mirror, run: PriorRun) -> list[str]:
    """Announcements among which those of the run are that its closing act has joined: no journal is made of them."""
    digest = target_digest(run.manifest.target)
    through = max((int(act.details[DETAIL]["through"]) for act in run.acts if DETAIL in act.details), default=0)
    return [name for number, name in _numbers(mirror.listed, digest) if number <= through]


def forget(root: Path) -> None:
    """Remove the announcements that lie here: they are brought again where they are needed."""
    for path in folder(root).glob("segments-*/*.jsonl"):
        path.unlink(missing_ok=True)


def _open_parts(mirror: Mirror, digest: str, runs: Iterable[PriorRun]) -> dict[str, list[bytes]]:
    """Run → what its segments say that no closing act has joined, in order."""
    through, everything = dict[str, int](), 0
    for run in runs:
        for act in run.acts:
            if said := act.details.get(DETAIL):
                through[run.run_id] = int(said["through"])
                everything = max(everything, int(said["through"]) if said["all"] else 0)
    numbers = [(number, name) for number, name in _numbers(mirror.listed, digest) if number > everything]
    place = _kept(mirror, digest)

    def one(name: str) -> bytes:
        path = place / name.rpartition("/")[2]
        with contextlib.suppress(FileNotFoundError):  # another command may forget it right now
            return path.read_bytes()
        content = mirror.objects.read(name)
        replace(path, content, aside=folder(mirror.root), access=access_like(mirror.root))
        return content

    found: dict[str, list[bytes]] = {}
    with on_disk("The journal's segments cannot be brought into the cache"):
        for (number, _), content in zip(numbers, each(one, [n for _, n in numbers]), strict=True):
            head, _, rest = content.partition(b"\n")
            run_id = str(json.loads(head)["run"])
            if run_id and number > through.get(run_id, 0):
                found.setdefault(run_id, []).append(rest)
        for path in place.glob("*.jsonl"):
            if int(path.stem) <= everything:
                path.unlink(missing_ok=True)
    return found


def _write_journal(mirror: Mirror, run: PriorRun, parts: list[bytes]) -> None:
    place = mirror.root / run.run_id / JOURNAL
    closing = [act.files[JOURNAL] for act in run.acts if act.act in reading.CLOSING and JOURNAL in act.files]
    before = b""
    if closing:
        mirror.bring(run.run_id, JOURNAL)
        with place.open("rb") as file:
            before = file.read(closing[-1].bytes)
    content = before + b"".join(parts)
    with on_disk(f"The journal of run {run.run_id} cannot be put together"), _unless_written(place.parent) as is_free:
        # What is here may be newer than what the store was seen to have: each line is there before it is here.
        if is_free and not (place.exists() and place.read_bytes().startswith(content)):
            replace(place, content, aside=folder(mirror.root), access=access_like(mirror.root))


@contextlib.contextmanager
def _unless_written(run: Path) -> Iterator[bool]:
    """Whether no apply of this host has the journal open, and none opens it inside."""
    number = os.open(run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(number)


def _kept(mirror: Mirror, digest: str) -> Path:
    place = folder(mirror.root) / f"segments-{digest}"
    with contextlib.suppress(FileExistsError):
        make_directory(place, access_like(mirror.root))
    return place


def _numbers(listed: Iterable[str], digest: str) -> list[tuple[int, str]]:
    found = ((fits, name) for name in listed if (fits := NAME.fullmatch(name)) and fits.group(1) == digest)
    return sorted((int(fits.group(2)), name) for fits, name in found)
