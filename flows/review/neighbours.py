"""The other targets of a folder of configurations, for whoever may read them there: on the front page of each review.

Every target has a review of its own; who has signed in at one sees the others that its configuration lets them read,
with a link to their review. Rights are those of each target's own configuration, of the same identity provider; a
configuration that is broken, or names nobody, is shown to nobody.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trueup.connectors.oidc.registration import issuer_of
from trueup.flows import configuration
from trueup.flows.review import building
from trueup.flows.targets import configurations
from trueup.reports.team.model import Neighbour
from trueup.transforms.errors import TrueupError
from trueup.transforms.targets import same_target

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trueup.flows.review.sessions import Session
    from trueup.flows.targets import TargetRow
    from trueup.transforms.settings import Settings

EVERY_S = 300.0
"""Between two looks, while somebody asks."""


@dataclass(frozen=True, slots=True)
class _Doorkeeper:
    """Who may read one target, and where its review is."""

    name: str
    """The configuration file, from the folder."""
    target: str
    url: str
    people: frozenset[str]
    groups: frozenset[str]

    def lets_in(self, subject: str, groups: Iterable[str]) -> bool:
        return subject in self.people or not self.groups.isdisjoint(groups)


class Neighbours:
    """Looked at in a thread when somebody asks and the last look is a while ago; nobody waits for it."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Of a folder, beside the target of ``settings``.

        Raises:
            Misused: there is no configuration there.
        """
        self._folder = folder
        self._own = same_target(settings.target.url)
        self._issuer = issuer_of(settings)
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._at: datetime | None = None
        self._rows: dict[str, TargetRow] = {}
        self._doorkeepers = self._found()

    @property
    def groups(self) -> frozenset[str]:
        """Every group that may read some of them."""
        return frozenset(group for one in self._doorkeepers for group in one.groups)

    def seen_by(self, session: Session) -> tuple[Neighbour, ...]:
        """Those this person may read, by the name of their configuration, as they were at the last look."""
        self._look_if_due()
        subject = session.person.identity.subject
        return tuple(self._neighbour(one) for one in self._doorkeepers if one.lets_in(subject, session.groups))

    def _neighbour(self, one: _Doorkeeper) -> Neighbour:
        row = self._rows.get(one.name)
        if row is None or self._at is None:
            return Neighbour(one.target, one.url, state="being read")
        return Neighbour(
            one.target,
            one.url,
            state="cannot be read" if row.error is not None else row.state or "no runs yet",
            started=datetime.fromisoformat(row.started) if row.started else None,
            waits_since=datetime.fromisoformat(row.waits_since) if row.waits_since else None,
            at=self._at,
        )

    def _look_if_due(self) -> None:
        with self._lock:
            if time.monotonic() - self._looked < EVERY_S:
                return
            self._looked = time.monotonic()
        threading.Thread(target=self._look, name="trueup-neighbours", daemon=True).start()

    def _look(self) -> None:
        try:
            self._doorkeepers = self._found()
            self._rows, self._at = building.targets(self._folder), datetime.now(UTC)
        except (TrueupError, OSError):
            return  # the last look stands, with its time

    def _found(self) -> tuple[_Doorkeeper, ...]:
        """Whoever keeps a door of the same house; a rule ``upn:`` is not looked up here, and lets nobody in."""
        found = []
        for path in configurations(self._folder):
            try:
                settings = configuration.load(path)
                if not settings.review.url or issuer_of(settings) != self._issuer:
                    continue
            except (TrueupError, OSError):
                continue
            target = same_target(settings.target.url)
            if target == self._own:
                continue
            rules = [rule.partition(":") for rule in (*settings.review.reviewers, *settings.review.readers)]
            people, groups = (
                frozenset(self._spelt(name) for one, _, name in rules if one == kind) for kind in ("id", "group")
            )
            name = str(path.relative_to(self._folder))
            found.append(_Doorkeeper(name, target, settings.review.url, people, groups))
        return tuple(found)

    def _spelt(self, name: str) -> str:
        """Ids of Entra's are the same in any case; another provider's are not."""
        tenant = self._issuer[1]
        return name.strip().lower() if tenant else name.strip()
