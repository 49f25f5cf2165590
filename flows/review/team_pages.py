"""The pages as the application asks for them: what reads the archive, handed to what draws it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueup.flows.review.gone import Gone
from trueup.flows.review.reading import Reading
from trueup.reports.team.assets import served
from trueup.reports.team.pages import error_page, page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trueup.reports.team.model import ErrorKind, Frame
    from trueup.transforms.settings import Settings


class TeamPages:
    """All pages of one archive. Every method may take long and is called from threads."""

    def __init__(self, settings: Settings) -> None:
        self._reading = Reading(settings)
        self._views: dict[str, Callable[..., Any]] = {
            "front": self._reading.front,
            "run": self._reading.run,
            "search": self._reading.search_page,
            "found": self._reading.find,
            "person": self._reading.person,
            "health": self._reading.health,
            "limits": self._reading.limits,
        }
        self._static = served()

    def page(self, what: str, frame: Frame, *words: str) -> str:
        """The page called ``what``."""
        return page(self._views[what](*words), frame)

    def data(self, what: str, run_id: str, said: Mapping[str, Any]) -> bytes:
        """JSON of a run: ``people`` or ``person``."""
        if what == "people":
            return self._reading.people(run_id, said)
        if what == "person":
            return self._reading.person_of_run(run_id, said.get("key"))
        raise Gone("not_found")

    def error(self, kind: ErrorKind, frame: Frame | None, **words: str) -> str:
        """A page that says what is the matter."""
        return error_page(kind, frame, **words)

    def static(self, name: str) -> tuple[bytes, bytes, str] | None:
        """A file for browsers: plain, compressed, media type."""
        found = self._static.get(name)
        return None if found is None else (found.content, found.gzipped, found.media_type)

    def selectors(self, run_id: str, selector: str) -> tuple[str, ...]:
        """What a selector of a page (``group:3``) stands for."""
        return self._reading.keys_of(run_id, selector) if selector.startswith("group:") else (selector,)
