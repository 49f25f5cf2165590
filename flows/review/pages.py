"""The pages of a shared review by name: read from the archive and drawn. What the web application asks for."""

from __future__ import annotations

import ctypes
import logging
import threading
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from trueup.flows.review import archive_told, building
from trueup.flows.review.gone import Gone
from trueup.flows.review.people_known import PeopleKnown, person_page
from trueup.flows.review.reading import Reading
from trueup.flows.review.turns import Turns
from trueup.reports.nights import nights_view
from trueup.reports.team.assets import served
from trueup.reports.team.listing import refused
from trueup.reports.team.pages import error_page, page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from trueup.flows.review.building import Story
    from trueup.flows.review.reading import Seen
    from trueup.reports.nights import NightsView
    from trueup.reports.team.model import ErrorKind, Frame
    from trueup.transforms.settings import Settings

_STORIES = 64
"""People whose story over all runs is kept."""
_NONE: list[tuple[Any, ...]] = []
_EVERY_S = 5.0
"""Seconds between two looks at whether there is something new to make ready."""
_FIGURES = ("all", "causes", "ages", "moved", "approvals", "departments", "headcount")
_ARENA_MAX = -8
"""``M_ARENA_MAX`` of glibc's ``malloc.h``."""
_LOG = logging.getLogger("trueup")


def _share_memory() -> None:
    """Let threads take memory from few places: forty that answer at once then need little more than one.

    With a store for each thread, Arrow's and glibc's, a hundred requests at once made 320 MB of 240.
    """
    with suppress(OSError, AttributeError):  # not every C library has it
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


class TeamPages:
    """Every page; safe to call from several threads. ``begin`` makes what is new ready beforehand."""

    def __init__(self, settings: Settings) -> None:
        """Of the archive that ``settings`` name."""
        self.settings = settings
        self.reading = Reading(settings)
        self._known = PeopleKnown(settings)
        self._lock = threading.Lock()
        self._reading_nights = threading.Lock()
        self._telling = Turns(at_once=2, waiting=10)
        self._stories: OrderedDict[str, tuple[Any, Story]] = OrderedDict()
        self._nights: tuple[Any, NightsView] | None = None
        self._ended = threading.Event()

    def begin(self) -> None:
        """Look every few seconds for a run that is new, and make its page and its people ready."""
        _share_memory()
        threading.Thread(target=self._make_ready, name="trueup-pages", daemon=True).start()

    def close(self) -> None:
        """Make nothing ready any more."""
        self._ended.set()

    def page(self, what: str, frame: Frame, *words: str) -> str:
        """Draw ``front``, ``run`` ID, ``search``, ``found`` TEXT, ``person`` KEY, ``health`` or ``limits``.

        Raises:
            Gone: what is asked for is not there.
            Refused: it is damaged.
            Misused: a search that is too long.
        """
        made: Mapping[str, Callable[..., Any]] = {
            "front": self._front,
            "run": self.reading.run,
            "search": self._search,
            "found": self._found,
            "person": self._person,
            "health": self._health,
            "limits": self._limits,
        }
        return page(made[what](*words), frame)

    def data(self, what: str, run_id: str, said: Mapping[str, Any]) -> bytes:
        """JSON of a run: ``people`` (a part of the list, a group, people by key) or ``person`` (``{"key"}``)."""
        if what == "people":
            return self.reading.people(run_id, said)
        if what == "person":
            return self.reading.person_of_run(run_id, said.get("key"))
        raise refused()

    def knows(self, run_id: str, keys: Sequence[str]) -> bool:
        """Whether all of these are people the run lists."""
        return self.reading.knows(run_id, keys)

    def understands(self, run_id: str, selectors: Sequence[str]) -> bool:
        """Whether each stands for something the run lists."""
        return self.reading.understands(run_id, selectors)

    def error(self, kind: ErrorKind, frame: Frame, **words: str) -> str:
        """A page that says what is the matter."""
        return error_page(kind, frame, **words)

    def static(self, name: str) -> tuple[bytes, bytes, str] | None:
        """A file for browsers: plain, compressed, media type; None where there is none of that name."""
        found = served().get(name)
        return None if found is None else (found.content, found.gzipped, found.media_type)

    def selectors(self, run_id: str, selector: str) -> tuple[str, ...]:
        """What a selector of a page (``group:3``) stands for."""
        return self.reading.keys_of(run_id, selector)

    def _front(self) -> Any:
        seen = self.reading.seen()
        return archive_told.front(seen, self._nights_of(seen), self.settings)

    def _limits(self) -> Any:
        seen = self.reading.seen()
        return archive_told.limits(seen, self._nights_of(seen), self.settings)

    def _health(self) -> Any:
        return archive_told.health(self.reading.seen(), self.reading.root, self.settings)

    def _search(self) -> Any:
        self._known.refresh(self.reading.seen())
        return self._known.page()

    def _found(self, text: str) -> Any:
        self._known.refresh(self.reading.seen())
        return self._known.find(text)

    def _person(self, key: str) -> Any:
        seen = self.reading.seen()
        self._known.refresh(seen)
        story = self._story(seen, key) if self._known.names([key]) else None  # nobody makes us look for who never was
        found = person_page(key, story, self._known)
        if found is None:
            raise Gone("not_found", "No run in the archive knows a person of that key.")
        return found

    def _story(self, seen: Seen, key: str) -> Story | None:
        if not seen.signature:
            return None
        with self._lock:
            kept = self._stories.get(key)
        if kept is None or kept[0] != seen.signature:
            with self._telling.turn():
                kept = (seen.signature, building.story(self.settings, key))
            with self._lock:
                self._stories[key] = kept
                while len(self._stories) > _STORIES:
                    self._stories.popitem(last=False)
        return kept[1]

    def _nights_of(self, seen: Seen) -> NightsView:
        """All nights; as they were when somebody looked last, where they are just being read again."""
        kept = self._nights
        if kept is not None and kept[0] == seen.signature:
            return kept[1]
        if not self._reading_nights.acquire(blocking=kept is None) and kept is not None:
            return kept[1]
        try:
            if self._nights is not None and self._nights[0] == seen.signature:
                return self._nights[1]
            if seen.signature:
                found = building.figures(self.settings)
                view = nights_view(found.nights, left_out=found.left_out)
            else:
                view = nights_view(dict.fromkeys(_FIGURES, _NONE), left_out=())
            self._nights = (seen.signature, view)
            return view
        finally:
            self._reading_nights.release()

    def _make_ready(self) -> None:
        for _ in self._ticks():
            try:
                seen = self.reading.seen()
                self.reading.warm()
                self._known.refresh(seen)
                self._nights_of(seen)
            except Exception as error:  # noqa: BLE001 - raised, it would end the thread for good; who asks for the page meets it, and the next tick tries again
                _LOG.warning("A page could not be made ready: %s.", type(error).__name__)

    def _ticks(self) -> Iterator[None]:
        yield
        while not self._ended.wait(_EVERY_S):
            yield
