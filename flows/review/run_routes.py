"""The routes of one run: its page, its people, what reviewers share, what they decide, and the live state."""

from __future__ import annotations

import json
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from trueup.flows.review import deciding
from trueup.flows.review.answers import data, said
from trueup.flows.review.shared import Note, kept
from trueup.transforms.errors import Misused, Refusal, Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from trueup.flows.review.applying import Applying
    from trueup.flows.review.context import Service
    from trueup.flows.review.live import Boards
    from trueup.flows.review.sessions import Session
    from trueup.flows.review.shared import Shared


class RunRoutes:
    """What can be done about one run by somebody who is signed in; who may is settled before."""

    def __init__(self, service: Service, boards: Boards, applying: Applying) -> None:
        self._service = service
        self._boards = boards
        self._applying = applying
        self.reading: dict[str, Callable[[Request, Session, str], Any]] = {
            "people": self._people,
            "person": self._person,
            "here": self._here,
        }
        self.deciding: dict[str, Callable[[Request, Session, str], Any]] = {
            "look": self._look,
            "note": self._note,
            "leave-out": self._leave_out,
            "approve": self._approve,
            "reject": self._reject,
            "apply": self._apply,
        }

    async def events(self, request: Request, session: Session, run_id: str) -> Response:
        """Server-sent events: the state, then what changes of it."""
        del request
        following = self._boards.follow(run_id, session)
        first = await anext(following)

        async def lines() -> AsyncIterator[bytes]:
            async with aclosing(following):
                yield _event(*first)
                async for name, content in following:
                    yield _event(name, content)

        return StreamingResponse(lines(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    async def _people(self, request: Request, session: Session, run_id: str) -> Response:
        del session
        asked = deciding.object_of(await request.body())
        return await data(request, lambda: self._service.pages.data("people", run_id, asked))

    async def _person(self, request: Request, session: Session, run_id: str) -> Response:
        del session
        asked = deciding.object_of(await request.body())
        return await data(request, lambda: self._service.pages.data("person", run_id, asked))

    async def _here(self, request: Request, session: Session, run_id: str) -> Response:
        key = deciding.object_of(await request.body()).get("key")
        if key is not None and not (isinstance(key, str) and len(key) <= 1_000):
            raise Misused("The page names something that is not in this run.", remedy="Load the page anew.")
        self._boards.here(run_id, session, key)
        return said({"ok": True})

    async def _look(self, request: Request, session: Session, run_id: str) -> Response:
        asked = deciding.object_of(await request.body())
        key, on = deciding.text(asked, "key", 1_000), asked.get("on") is True
        await self._known(run_id, [key])
        person = session.person
        return await self._change(run_id, lambda shared: shared.look(key, person.short, person.name, on=on))

    async def _note(self, request: Request, session: Session, run_id: str) -> Response:
        asked = deciding.object_of(await request.body())
        key = deciding.text(asked, "key", 1_000)
        await self._known(run_id, [key] if key else [])
        at = datetime.now(UTC).isoformat(timespec="seconds")
        note = Note(session.person.name, at, deciding.text(asked, "text"))
        return await self._change(run_id, lambda shared: shared.say(key, session.person.short, note))

    async def _leave_out(self, request: Request, session: Session, run_id: str) -> Response:
        asked = deciding.object_of(await request.body())
        selectors, on = deciding.words(asked, "selectors", deciding.MOST), asked.get("on") is True
        if any(len(one) > 2_000 for one in selectors):
            raise Misused("The page names something that is not in this run.", remedy="Load the page anew.")
        who, name = session.person.short, session.person.name
        return await self._change(run_id, lambda shared: shared.leave_out(selectors, who, name, on=on))

    async def _change(self, run_id: str, change: Callable[[Shared], None]) -> Response:
        version = await self._boards.change(run_id, change)
        return said({"ok": True, "version": version})

    async def _approve(self, request: Request, session: Session, run_id: str) -> Response:
        asked = deciding.object_of(await request.body())
        decided = await run_in_threadpool(self._accept, session, run_id, asked)
        return await self._decided(run_id, decided)

    def _accept(self, session: Session, run_id: str, asked: Mapping[str, Any]) -> deciding.Decided:
        service = self._service
        root = service.settings.archive_root
        shared = kept(root, run_id, deciding.fingerprint(asked))
        return deciding.approve(service, session.person, run_id, asked, shared.notes_for_act())

    async def _reject(self, request: Request, session: Session, run_id: str) -> Response:
        asked = deciding.object_of(await request.body())
        decided = await run_in_threadpool(deciding.reject, self._service, session.person, run_id, asked)
        return await self._decided(run_id, decided)

    async def _decided(self, run_id: str, decided: deciding.Decided) -> Response:
        await self._boards.renew(run_id)
        state = str(decided.run.state)
        return said({"ok": True, "message": decided.message, "state": state, **decided.facts})

    async def _apply(self, request: Request, session: Session, run_id: str) -> Response:
        asked = deciding.object_of(await request.body())
        if not self._service.settings.review.apply:
            raise Refused(
                Refusal(
                    "apply_not_here",
                    "Applying from this page is not switched on ([review] apply).",
                    remedy=f"On the server: trueup apply {run_id}",
                )
            )
        await run_in_threadpool(self._same_plan, run_id, deciding.fingerprint(asked))
        await self._applying.begin(run_id)
        self._service.log("apply_begun", session.person.identity, run_id=run_id)
        return said({"ok": True, "message": "Apply has begun."})

    def _same_plan(self, run_id: str, fingerprint: str) -> None:
        from trueup.connectors.archive import open_archive

        run = open_archive(self._service.settings, writable=False).load(run_id)
        if run.manifest.fingerprint != fingerprint:
            raise Misused("The page shows another plan than the one that is there.", remedy="Load the page anew.")

    async def _known(self, run_id: str, keys: list[str]) -> None:
        """Raise ``Misused`` unless all of ``keys`` are people of the run."""
        if keys and not await run_in_threadpool(self._service.pages.knows, run_id, keys):
            raise Misused("The page names something that is not in this run.", remedy="Load the page anew.")


def _event(name: str, content: Mapping[str, Any]) -> bytes:
    if not name:
        return b": here\n\n"
    return f"event: {name}\ndata: {json.dumps(content, ensure_ascii=False)}\n\n".encode()
