"""Bringing a profile into being, exactly once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from connectors.scim.answers import Answer, sentence
from connectors.scim.profiles import version_of
from connectors.scim_writer.desk import Attempt, Desk, Settled, not_kept
from connectors.scim_writer.dialects import body, new_resource
from transforms.scim_paths import member, parse
from transforms.words import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transforms.work import WorkItem

STEP = "create"
_ATTEMPTS = 4
_BARE = frozenset({"username", "name", "emails", "active", "displayname", "externalid"})
_MORE_BARE = frozenset({"username", "name", "emails"})


class Creating:
    """One person without a profile. Before every POST the target is asked whether the profile is already there."""

    def __init__(self, desk: Desk, item: WorkItem) -> None:
        self._desk = desk
        self._item = item
        self._values = {change.attribute: change.after for change in item.changes if change.after is not None}
        self._user_name = _text(self._values.get("userName")) or item.user_name
        self._external_id = _text(self._values.get("externalId"))
        self._sent = (item.key, STEP) in desk.past.doubts
        """Whether a POST of ours may have been carried out."""
        self._attempts = 0
        self._last = ""
        self._refused_widths = 0

    async def run(self) -> Result:
        """Settled when this returns; never are two requests for one user name under way.

        Raises:
            Failed: the journal cannot be written, or the token is no longer taken.
        """
        name = (self._user_name or self._item.key).casefold()
        while (busy := self._desk.names_in_flight.get(name)) is not None:
            await busy.wait()
        done = self._desk.names_in_flight[name] = asyncio.Event()
        try:
            return await self._run()
        finally:
            del self._desk.names_in_flight[name]
            done.set()

    async def _run(self) -> Result:
        known = self._desk.past.created.get(self._item.key)
        if known is not None:
            return await self._adopt(known)
        since = self._desk.past.since(self._item.key, STEP)
        if since is not None:
            await self._desk.sender.pace.settle(since)
        for _ in range(_ATTEMPTS):
            result = await self._round()
            if result is not None:
                return result
        return await self._settle(Result.FAILED, f"the target {self._last}, {self._attempts} times")

    async def _round(self) -> Result | None:
        found = await self._desk.lookup.find(self._user_name, self._external_id, sure=self._sent)
        ours = [row for row in found if self._is_ours(row)]
        if len(ours) == 1 and len(found) == 1:
            return await self._adopt(str(ours[0]["id"]))
        if found:
            ids = ", ".join(sorted(str(row["id"]) for row in found))
            return await self._settle(
                Result.SKIPPED, f"a profile with this userName or externalId appeared since the snapshot: {ids}"
            )
        values = self._width()
        sending = new_resource(values)
        await self._desk.intend(self._item, STEP, Attempt(None, {}, values))
        self._attempts += 1
        answer = await self._desk.sender.create(sending)
        profile_id = _id_in(answer) if answer.is_ok else None
        self._desk.answered(self._item, STEP, profile_id, answer)
        if answer.is_ok:
            return await self._made(answer, profile_id, values)
        return await self._not_made(answer)

    def _is_ours(self, row: Mapping[str, Any]) -> bool:
        """Whether a profile that is there is the one we sent: our id in it, or no id at all and our user name."""
        if not self._sent:
            return False
        theirs = _text(member(dict(row), "externalId"))
        if theirs and self._external_id:
            return theirs == self._external_id
        return (_text(member(dict(row), "userName")) or "").casefold() == (self._user_name or "").casefold()

    def _width(self) -> dict[str, Any]:
        """What to send: everything not known to be refused; after a refusal less and less, the rest follows alone."""
        values = {a: v for a, v in self._values.items() if a == "userName" or not self._desk.learned.refuses(a)}
        kept = (None, _BARE, _MORE_BARE)[min(self._refused_widths, 2)]
        if kept is None:
            return values
        return {a: v for a, v in values.items() if not parse(a).schema and parse(a).attribute.lower() in kept}

    async def _made(self, answer: Answer, profile_id: str | None, values: Mapping[str, Any]) -> Result | None:
        self._sent = True
        if profile_id is None:
            found = await self._desk.lookup.find(self._user_name, self._external_id, sure=True)
            ours = [row for row in found if self._is_ours(row)]
            if len(ours) != 1:
                self._last = "said yes but shows no such profile"
                return None
            profile_id = str(ours[0]["id"])
        told = answer.resource
        trusted = told is not None and self._desk.learned.believes_answer(values)
        return await self._adopt(profile_id, told, trusted=trusted)

    async def _not_made(self, answer: Answer) -> Result | None:
        self._last = sentence(answer, with_detail=True)
        if answer.is_lost or answer.status in {0, 429}:
            self._sent = self._sent or answer.is_lost
            await self._desk.sender.pace.rest(answer, self._attempts)
            return None
        if answer.status == 409:
            found = await self._desk.lookup.find(self._user_name, self._external_id, sure=True)
            ours = [row for row in found if self._is_ours(row)]
            if len(ours) == 1:
                return await self._adopt(str(ours[0]["id"]))
            return await self._settle(Result.FAILED, f"the target {self._last}: userName or another value is taken")
        self._refused_widths += 1
        if self._refused_widths < 3:
            return None
        return await self._settle(Result.FAILED, f"the target {self._last}")

    async def _adopt(self, profile_id: str, told: dict[str, Any] | None = None, *, trusted: bool = False) -> Result:
        """The profile is there and ours: read it back, add what is missing, settle."""
        desk = self._desk
        desk.created[self._item.key] = profile_id
        resource = told if trusted else await self._look(profile_id, told)
        if resource is None:
            return await self._settle(Result.FAILED, "the profile was created but cannot be read back", profile_id)
        desk.lookup.note(resource)
        reason = []
        found = desk.found(self._values, resource)
        if missing := not_kept(found):
            resource = await self._complete(profile_id, resource, missing)
            found = desk.found(self._values, resource)
            if lost := not_kept(found):
                reason.append(f"the target did not keep {', '.join(lost)}")
        settled = Settled(
            result=Result.APPLIED,
            profile_id=profile_id,
            reason="; ".join(reason),
            attempts=self._attempts,
            written=self._values,
            found=found,
            resource=resource,
        )
        return await desk.settle(self._item, STEP, settled)

    async def _look(self, profile_id: str, told: dict[str, Any] | None) -> dict[str, Any] | None:
        looked = await self._desk.sender.look(profile_id)
        seen = looked.resource if looked.is_ok else None
        if seen is not None and told is not None:
            says, holds = self._desk.values(told, self._values), self._desk.values(seen, self._values)
            for attribute in self._values:
                self._desk.learned.compared(attribute, truthful=says[attribute] == holds[attribute])
        return seen

    async def _complete(self, profile_id: str, resource: dict[str, Any], missing: list[str]) -> dict[str, Any]:
        """Attributes a POST did not bring are sent once more on their own; the profile as it is then."""
        desk = self._desk
        for attribute in missing:
            heard_yes = False
            for dialect in desk.learned.dialects():
                if desk.learned.refuses(attribute) or not desk.learned.worth_trying(attribute, dialect):
                    continue
                writing = {attribute: self._values[attribute]}
                await desk.intend(self._item, "complete", Attempt(profile_id, {}, writing, dialect, resource))
                send = desk.sender.put if dialect == "put" else desk.sender.patch
                answer = await send(profile_id, body(dialect, resource, writing), version_of(resource))
                desk.answered(self._item, "complete", profile_id, answer)
                looked = await desk.sender.look(profile_id)
                resource = (looked.resource if looked.is_ok else None) or resource
                if not not_kept(desk.found(writing, resource)):
                    desk.learned.succeeded(dialect)
                    break
                if answer.is_ok:
                    heard_yes = True
                    desk.learned.in_vain([attribute], dialect)
            else:
                if not heard_yes:
                    desk.learned.refused(attribute)
        return resource

    async def _settle(self, result: Result, reason: str, profile_id: str | None = None) -> Result:
        settled = Settled(result=result, profile_id=profile_id, reason=reason, attempts=self._attempts)
        return await self._desk.settle(self._item, STEP, settled)


def _id_in(answer: Answer) -> str | None:
    """The new profile's id: from the body, else the last segment of ``Location``."""
    if answer.resource is not None:
        return str(answer.resource["id"])
    location = answer.headers.get("location") or ""
    last = urlsplit(location).path.rstrip("/").rpartition("/")[2]
    return unquote(last) if "/Users/" in location and last else None


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)
