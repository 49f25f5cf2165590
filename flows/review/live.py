"""What everybody who has a run open sees of the others, at once: one state per run, sent whole and then as changes."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from trueup.flows.review import shared
from trueup.flows.review.standing import live_standing, version
from trueup.transforms.errors import Refusal, Refused
from trueup.transforms.merge_patch import merge_patch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from trueup.flows.review.context import Service
    from trueup.flows.review.sessions import Session

_LOG = logging.getLogger(__name__)

LOOK_S = 1.0
"""Between two looks at what commands and other processes did."""
_MOST_WAITING = 200
"""Changes a slow reader may be behind; then it is sent the whole again."""

_MOST_OPEN = 20
"""Pages of one session that follow a run."""

Event = tuple[str, dict[str, Any]]


@dataclass(eq=False)
class _Reader:
    """One open page."""

    session: Session
    waiting: asyncio.Queue[Event | None]
    here: str | None = None
    """The person whose details are open."""


@dataclass(eq=False)
class Board:
    """One run that somebody has open."""

    run_id: str
    fingerprint: str
    target: str
    state: dict[str, Any]
    seen: tuple[Any, ...] = ()
    readers: set[_Reader] = field(default_factory=set)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """What was read or written first is told first: else the page would go back to what was."""


class Boards:
    """All runs that somebody has open. Used from the event loop only; what reads the disk goes to threads."""

    def __init__(self, service: Service, confirmed: Callable[[Session], Awaitable[None]]) -> None:
        """``confirmed`` has a session's right confirmed where that is due."""
        self._service = service
        self._confirmed = confirmed
        self._root = service.settings.archive_root
        self._boards: dict[str, Board] = {}
        self._opening = asyncio.Lock()

    async def follow(self, run_id: str, session: Session) -> AsyncGenerator[Event, None]:
        """The whole state, then every change, until the session ends.

        Raises:
            TrueupError: there is no such run, or it is damaged; before the first event.
        """
        open_ = sum(reader.session is session for board in self._boards.values() for reader in board.readers)
        if open_ >= _MOST_OPEN:
            raise Refused(Refusal("too_many", "You have too many pages open.", remedy="Close some of them."))
        board = await self._board(run_id)
        reader = _Reader(session, asyncio.Queue(_MOST_WAITING))
        board.readers.add(reader)
        self._tell(board, {"here": _here(board)})
        try:
            yield "state", {**board.state, "you": session.person.short, **self._own(session, board)}
            while (event := await self._next(reader)) is not None:
                yield event
            if self._service.sessions.is_over(session):
                yield "closed", {"text": "You are not signed in any more. What you noted is kept."}
        finally:
            board.readers.discard(reader)
            if board.readers:
                self._tell(board, {"here": _here(board)})
            self._forget_if_unread(board)

    def _forget_if_unread(self, board: Board) -> None:
        apply = board.state["apply"]
        if not board.readers and (apply is None or apply["ended"] is not None):
            self._boards.pop(board.run_id, None)

    async def change(self, run_id: str, change: Callable[[shared.Shared], None]) -> int:
        """Change what is shared of a run; it is on disk, and told, when this returns. Returns the state's version."""
        board = await self._board(run_id)
        async with board.turn:
            now = await run_in_threadpool(shared.changed, self._root, run_id, board.fingerprint, change)
            self._tell(board, now.as_json())
        self._forget_if_unread(board)
        return int(board.state["version"])

    async def renew(self, run_id: str) -> None:
        """Tell at once what was just decided."""
        if board := self._boards.get(run_id):
            await self._look(board)

    def here(self, run_id: str, session: Session, key: str | None) -> None:
        """Where somebody is on the page."""
        if board := self._boards.get(run_id):
            for reader in board.readers:
                if reader.session is session:
                    reader.here = key
            self._tell(board, {"here": _here(board)})

    def progress(self, run_id: str, apply: dict[str, Any]) -> None:
        """How far an apply is that was begun here."""
        if board := self._boards.get(run_id):
            self._tell(board, {"apply": apply})

    async def watch(self) -> None:
        """Look at every open run again and again; ends when it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            sessions = {reader.session for board in self._boards.values() for reader in board.readers}
            await asyncio.gather(*(self._confirmed(session) for session in sessions), return_exceptions=True)
            for board in list(self._boards.values()):
                # What is wrong with one run must not end the watch over the others: it is looked at again in a moment.
                [error] = await asyncio.gather(self._look(board), return_exceptions=True)
                if error is not None:
                    _LOG.warning("Run %s could not be looked at: %s.", board.run_id, type(error).__name__)
                for reader in list(board.readers):
                    if self._service.sessions.is_over(reader.session):
                        _put(reader, None)

    def close(self) -> None:
        """Let every page go: the service ends."""
        for board in self._boards.values():
            for reader in board.readers:
                _put(reader, None)

    async def _board(self, run_id: str) -> Board:
        async with self._opening:
            if run_id not in self._boards:
                told, seen = await run_in_threadpool(self._read, run_id)
                of = (str(told.pop("fingerprint")), str(told.pop("target")))
                state = {"version": 1, "here": {}, "apply": None, **told}
                self._boards[run_id] = Board(run_id, *of, state, seen)
            return self._boards[run_id]

    async def _look(self, board: Board) -> None:
        async with board.turn:
            seen = await run_in_threadpool(self._seen, board.run_id, board.target)
            if seen == board.seen:
                return
            told, board.seen = await run_in_threadpool(self._read, board.run_id, board.target)
            del told["fingerprint"], told["target"]
            self._tell(board, told)

    def _read(self, run_id: str, target: str = "") -> tuple[dict[str, Any], tuple[Any, ...]]:
        """The state from disk, and the mark it was read at."""
        seen = self._seen(run_id, target)
        told = live_standing(self._service.settings_now(), run_id, at=datetime.now(UTC))
        return {**told, **shared.kept(self._root, run_id, str(told["fingerprint"])).as_json()}, seen

    def _seen(self, run_id: str, target: str) -> tuple[Any, ...]:
        return (*version(self._root, run_id, target), *shared.mark(self._root, run_id))

    def _tell(self, board: Board, parts: dict[str, Any]) -> None:
        """Take ``parts`` into the state and tell every reader what that changed."""
        after = {**board.state, **parts}
        patch = merge_patch(board.state, after)
        if not patch:
            return
        after["version"] = patch["version"] = int(board.state["version"]) + 1
        board.state = _copied(after)
        for reader in board.readers:
            own = self._own(reader.session, board) if {"may_approve", "why_not"} & patch.keys() else {}
            _put(reader, ("change", {**patch, **own}))

    def _own(self, session: Session, board: Board) -> dict[str, Any]:
        """What of the state depends on who reads it."""
        open_ = bool(board.state["may_approve"])
        why = self._service.why_not(session) if session.role == "reviewer" else "You may read and not decide."
        if open_ and not self._service.may_decide(session):
            return {"may_approve": False, "why_not": why}
        return {"may_approve": open_, "why_not": board.state["why_not"]}

    async def _next(self, reader: _Reader) -> Event | None:
        try:
            return await asyncio.wait_for(reader.waiting.get(), 15)
        except TimeoutError:
            return ("", {})  # a sign of life


def _here(board: Board) -> dict[str, Any]:
    return {one.session.person.short: {"who": one.session.person.name, "key": one.here} for one in board.readers}


def _put(reader: _Reader, event: Event | None) -> None:
    """Hand an event to a reader; one that is far behind is let go: its browser comes back and gets the whole."""
    try:
        reader.waiting.put_nowait(event)
    except asyncio.QueueFull:
        while not reader.waiting.empty():
            reader.waiting.get_nowait()
        reader.waiting.put_nowait(None)


def _copied(state: dict[str, Any]) -> dict[str, Any]:
    """The same, sharing no object that somebody may change."""
    return {key: _copied(value) if isinstance(value, dict) else value for key, value in state.items()}
