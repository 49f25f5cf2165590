"""What each page of a shared review shows, read from the archive: read-only, kept per run and version.

Damage is told, never hidden.

All methods may take long and are safe to call from several threads. What is heavy is made in a process of its own
(``trueup.flows.review.building``) and kept; who changes nothing about a run pays for nothing.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trueup.connectors.archive import open_archive, reading
from trueup.connectors.archive.places import place_of
from trueup.flows.review import building
from trueup.flows.review.decisions_told import decisions_of, left_by
from trueup.flows.review.gone import Gone
from trueup.flows.review.standing import standing
from trueup.flows.review.turns import Turns
from trueup.reports.stories import became
from trueup.reports.team.listing import Question, refused
from trueup.reports.team.model import RunPage
from trueup.reports.verdict import opening
from trueup.transforms.errors import Refused
from trueup.transforms.run_files import RUN_ID, RunFiles
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trueup.flows.review.building import Built
    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.settings import Settings

_FRESH_S = 2.0
"""For so long a look at the whole archive is believed; one run is looked at each time."""
_ROOM = 80_000_000
"""Bytes of listings that are kept."""
Signature = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """The archive at one moment."""

    good: tuple[PriorRun, ...]
    """Sealed runs that can be believed, newest first."""
    bad: tuple[tuple[str, Refused], ...]
    signature: Signature

    def history(self, target: str) -> History:
        """The runs against one target."""
        return reading.history_of(self.good, target)


class Reading:
    """One archive, read for many."""

    def __init__(self, settings: Settings) -> None:
        """Read what ``[archive]`` of ``settings`` names; nothing is read yet."""
        self.settings = settings
        self.root: Path = open_archive(settings, writable=False).path
        self._lock = threading.Lock()
        self._building = Turns(at_once=1, waiting=20)
        self._looking = threading.Lock()
        self._records: dict[str, tuple[Signature, PriorRun | Refused]] = {}
        self._built: OrderedDict[Signature, Built] = OrderedDict()
        self._pages: dict[str, tuple[Signature, RunPage]] = {}
        self._seen: tuple[float, Seen] | None = None

    def seen(self) -> Seen:
        """The archive as it is now, or was two seconds ago if it had runs then: the first one shows at once."""
        with self._looking:
            now = time.monotonic()
            if self._seen is not None and self._seen[1].signature and now - self._seen[0] < _FRESH_S:
                return self._seen[1]
            place_of(self.root).look_again()
            good, bad, signs = [], [], []
            for files in reading.sealed(self.root):
                signature, found = self._record(files)
                signs.append((files.run_id, signature))
                if isinstance(found, Refused):
                    bad.append((files.run_id, found))
                else:
                    good.append(found)
            seen = Seen(tuple(good), tuple(bad), tuple(signs))
            self._seen = (now, seen)
            return seen

    def version(self, run_id: str) -> str:
        """A word that changes whenever something happens to the run; cheap."""
        return ":".join(str(part) for part in _signature(self._files(run_id)))

    def prior(self, run_id: str) -> PriorRun:
        """The run with its acts as they are.

        Raises:
            Gone: the archive has no such run.
            Refused: its manifest or an act is damaged.
        """
        _, found = self._record(self._files(run_id))
        if isinstance(found, Refused):
            raise found
        return found

    def run(self, run_id: str) -> RunPage:
        """The run's page as of now.

        Raises:
            Gone: the archive has no such run.
            Refused: it is damaged.
        """
        run = self.prior(run_id)
        history = self.seen().history(run.manifest.target)
        over = standing(run, history, self.settings, at=datetime.now(UTC))
        signature = (self.version(run_id), over)
        kept = self._pages.get(run_id)
        if kept is not None and kept[0] == signature:
            return kept[1]
        built = self._built_of(run)
        words = opening(run.manifest, built.past, str(run.state))
        view = replace(
            built.view,
            acts=run.acts,
            state=str(run.state),
            became=became(run.acts, str(run.state)),
            tone=words.tone,
            verdict=words.verdict,
            detail=words.detail,
            ask=words.ask,
            commands=words.commands,
        )
        page = RunPage(
            view=view,
            listing=built.listing,
            pictures=built.pictures,
            acts=len(run.acts),
            decisions=decisions_of(run),
            left_by=left_by(run),
            is_open=over.is_open,
            why_closed=over.why_closed,
        )
        with self._lock:
            self._pages[run_id] = (signature, page)
            while len(self._pages) > 20:
                self._pages.pop(next(iter(self._pages)))
        return page

    def people(self, run_id: str, said: Mapping[str, Any]) -> bytes:
        """JSON: the part of the run's list that is asked for, a group's members, or people by key.

        Raises:
            Misused: the question does not fit.
            Gone, Refused: as ``run``.
        """
        listing = self._built_of(self.prior(run_id)).listing
        kind = said.get("ask", "list")
        if kind == "list":
            return listing.part(Question.of(said))
        if kind == "members":
            return listing.members(said.get("group"))
        if kind == "those":
            return listing.those(said.get("keys"))
        raise refused()

    def person_of_run(self, run_id: str, key: Any) -> bytes:
        """JSON: one person of the run's list, with what opens beside them; raises as ``people``."""
        if not isinstance(key, str):
            raise refused()
        return self._built_of(self.prior(run_id)).listing.person(key)

    def knows(self, run_id: str, keys: Sequence[str]) -> bool:
        """Whether all of these are people the run lists; raises as ``people``."""
        return len(self._built_of(self.prior(run_id)).listing.rows_of(list(keys))) == len(set(keys))

    def understands(self, run_id: str, selectors: Sequence[str]) -> bool:
        """Whether each stands for something the run lists; raises as ``people``."""
        return self._built_of(self.prior(run_id)).listing.understands(selectors)

    def keys_of(self, run_id: str, selector: str) -> tuple[str, ...]:
        """What a selector of the page stands for: ``group:3`` for each change of the group; all else is itself."""
        kind, _, number = selector.partition(":")
        if kind != "group" or not number.isdecimal() or len(number) > 9:
            return (selector,)
        return self._built_of(self.prior(run_id)).listing.selectors(int(number))

    def warm(self) -> None:
        """Make the newest run's page, so that the first reader of the morning does not wait for it."""
        newest = next(iter(self.seen().good), None)
        if newest is not None:
            self.run(newest.run_id)

    def _files(self, run_id: str) -> RunFiles:
        files = place_of(self.root).run(run_id) if RUN_ID.fullmatch(run_id) else RunFiles(self.root / "none")
        if not RUN_ID.fullmatch(run_id) or not files.manifest.is_file():
            raise Gone("not_found", "The archive has no run of that name.")
        return files

    def _record(self, files: RunFiles) -> tuple[Signature, PriorRun | Refused]:
        """The run as it was read when it last changed, or why it cannot be believed."""
        signature = _signature(files)
        kept = self._records.get(files.run_id)
        if kept is not None and kept[0] == signature:
            return kept
        try:
            found: PriorRun | Refused = reading.read_run(files)
        except Refused as refused_:
            found = refused_
        self._records[files.run_id] = (signature, found)
        return signature, found

    def _built_of(self, run: PriorRun) -> Built:
        key = (run.run_id, run.manifest.sha256, removals(run))
        with self._lock:
            if key in self._built:
                self._built.move_to_end(key)
                return self._built[key]
        with self._building.turn():
            with self._lock:
                if key in self._built:
                    return self._built[key]
            built = building.build(self.settings, run.run_id)
            with self._lock:
                for old in [one for one in self._built if one[0] == run.run_id]:
                    del self._built[old]
                self._built[key] = built
                while len(self._built) > 1 and sum(one.listing.weight for one in self._built.values()) > _ROOM:
                    self._built.popitem(last=False)
            return built


def removals(run: PriorRun) -> tuple[int, ...]:
    """Numbers of the acts after which a run's files are others."""
    return tuple(act.number for act in run.acts if act.act in (Act.PRUNED, Act.ERASED))


def _signature(files: RunFiles) -> Signature:
    """What changes whenever something happens to a run."""
    manifest = files.manifest.stat()
    acts = files.acts.stat() if files.acts.is_dir() else None
    journal = files.journal.stat().st_size if files.journal.exists() else -1
    count = len(reading.act_paths(files)) if acts is not None else 0
    return (manifest.st_mtime_ns, manifest.st_size, count, acts.st_mtime_ns if acts else 0, journal)
