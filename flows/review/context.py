"""What the routes of one review service share; held by the application, never global."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from anyio import CapacityLimiter

from trueup.flows import configuration
from trueup.flows.review.sessions import masked
from trueup.reports.team.model import Frame, Viewer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from starlette.requests import Request

    from trueup.connectors.oidc.provider import Provider
    from trueup.flows.review.neighbours import Neighbours
    from trueup.flows.review.rights import Rights
    from trueup.flows.review.security_log import SecurityLog
    from trueup.flows.review.sessions import Session, Sessions
    from trueup.reports.team.model import ErrorKind
    from trueup.transforms.manifest import Identity
    from trueup.transforms.settings import Settings

EAGER_S = 30.0
"""Whoever decides has had their right confirmed within so many seconds, where it can be asked for."""
_AT_ONCE = 8
"""Questions that strangers have put to the provider and that wait for an answer at the same time."""
_PATIENCE_S = 20.0
"""Between two tries to confirm one person's right."""


class Pages(Protocol):
    """What reads the archive and draws it. Every method may take long and is called from threads."""

    def page(self, what: str, frame: Frame, *words: str) -> str:
        """The page called ``what`` (``front``, ``run``, ``search``, ``found``, ``person``, ``health``, ``limits``)."""
        ...

    def data(self, what: str, run_id: str, said: Mapping[str, Any]) -> bytes:
        """JSON of a run: ``people``, ``person``."""
        ...

    def knows(self, run_id: str, keys: Sequence[str]) -> bool:
        """Whether all of these are people the run lists."""
        ...

    def understands(self, run_id: str, selectors: Sequence[str]) -> bool:
        """Whether each is a person, a change of one, an attribute, a decision or a group of what the run lists."""
        ...

    def error(self, kind: ErrorKind, frame: Frame, **words: str) -> str:
        """A page that says what is the matter."""
        ...

    def static(self, name: str) -> tuple[bytes, bytes, str] | None:
        """A file for browsers: plain, compressed, media type."""
        ...

    def selectors(self, run_id: str, selector: str) -> tuple[str, ...]:
        """What a selector of a page (``group:3``) stands for."""
        ...


@dataclass(slots=True)
class Service:
    """One review service."""

    config: Path
    settings: Settings
    """As they were when the service began: sign-in, rights, place of the archive."""
    provider: Provider
    rights: Rights
    sessions: Sessions
    pages: Pages
    log: SecurityLog
    proxies: frozenset[str] = field(default_factory=frozenset)
    neighbours: Neighbours | None = None
    """Other targets, where the service was told of their folder."""
    at_the_provider: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_AT_ONCE))
    """For sign-ins: threads of their own."""

    def settings_now(self) -> Settings:
        """The configuration as it is: what a decision is judged by, as a command would judge it."""
        return configuration.load(self.config)

    def address_of(self, request: Request) -> str:
        """Where a request comes from; a header is believed only of a configured proxy."""
        peer = request.client.host if request.client else ""
        if peer not in self.proxies:
            return peer
        said = [one.strip() for one in request.headers.get("x-forwarded-for", "").split(",")]
        return next((one for one in reversed(said) if one and one not in self.proxies), peer)[:45]

    def is_due(self, session: Session, *, eagerly: bool = False) -> bool:
        """Whether the session's right should be confirmed before it is relied on."""
        now, longest = self.sessions.clock(), self.settings.review.recheck_minutes * 60
        due = min(EAGER_S, longest) if eagerly else longest
        return not session.ended and now - session.checked >= due and now - session.tried >= min(_PATIENCE_S, due)

    def confirm(self, session: Session, *, eagerly: bool = False) -> None:
        """Have the session's right confirmed where that is due. May wait for the network."""
        clock = self.sessions.clock
        with session.lock:
            if not self.is_due(session, eagerly=eagerly):
                return
            session.tried = clock()
            found = self.rights.now(session.person.identity.subject, session.refresh_token)
            identity = session.person.identity
            session.refresh_token = found.refresh_token or session.refresh_token  # the one before may be good no more
            if found.role is None:
                self.log("right_unknown", identity, why=found.why_not)
                return
            if found.role != session.role:
                self.log("right_changed", identity, before=session.role, after=found.role or "none")
            session.role, session.groups, session.checked = found.role, found.groups, clock()
        if not session.role:
            self.sessions.end_all_of(identity)

    def may_decide(self, session: Session) -> bool:
        """Whether a reviewer's right was confirmed lately enough."""
        since = self.sessions.clock() - session.checked
        return session.role == "reviewer" and since <= self.settings.review.recheck_minutes * 60 + EAGER_S

    def why_not(self, session: Session) -> str:
        """Why a reviewer may not decide now; empty where they may, and for readers."""
        if session.role != "reviewer" or self.may_decide(session):
            return ""
        return (
            "Deciding is closed for you: whether you may still decide cannot be found out at the moment. "
            "You can go on reading. Sign out and in again, or try again later."
        )

    def has_proved(self, session: Session) -> bool:
        """Whether the person proved lately enough who they are to accept, apply or end sessions."""
        minutes = self.settings.review.sign_in_again_minutes
        return not minutes or self.sessions.clock() - session.proved <= minutes * 60

    def frame(self, request: Request, session: Session | None) -> Frame:
        """What surrounds a page made for this request."""
        others = self.neighbours if session is not None and request.url.path == "/" else None
        return Frame(
            viewer=None if session is None else self._viewer(session),
            path=request.url.path,
            nonce=request.state.nonce,
            # Every browser of the last years says where a request comes from, on encrypted and loopback addresses.
            is_old="sec-fetch-site" not in request.headers,
            neighbours=others.seen_by(session) if others is not None and session is not None else (),
        )

    def _viewer(self, session: Session) -> Viewer:
        may_decide = self.may_decide(session)
        return Viewer(
            name=session.person.name,
            id=session.person.short,
            is_reviewer=session.role == "reviewer",
            may_decide=may_decide,
            why_not=self.why_not(session),
            may_apply=may_decide and self.settings.review.apply,
            csrf=masked(session.secret),
            own_key=own_key(session.person.identity),
        )


def own_key(identity: Identity) -> str:
    """The person's own key in a source of the same tenant; empty where the two are not known to be the same."""
    return identity.subject if identity.tenant else ""
