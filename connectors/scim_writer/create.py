"""Bringing a profile into being, exactly once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from trueup.connectors.scim.responses import Answer, sentence
from trueup.connectors.scim_writer.apply_context import ApplyContext, Attempt, Settled, not_kept
from trueup.connectors.scim_writer.etags import IfMatch
from trueup.connectors.scim_writer.payloads import Dialect, body, new_resource
from trueup.transforms.values.equality import as_boolean
from trueup.transforms.values.paths import member, parse
from trueup.transforms.vocabulary import Kept, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.transforms.work import WorkItem

STEP = "create"
_ATTEMPTS = 4
_STUMBLES = 2
"""So often everything together is answered 500 until less is sent."""
_TRIES = 3
"""So often one attribute is sent again when its answer was lost."""
_BARE = frozenset({"username", "name", "emails", "active", "displayname", "externalid"})
_WIDTHS = (None, _BARE, frozenset({"username", "name", "emails"}), frozenset({"username"}))
"""What is left of a profile that is refused: everything, what any server knows, what most need, the name alone."""


class Creating:
    """One person without a profile. Before every POST the target is asked whether the profile is already there."""

    def __init__(self, desk: ApplyContext, item: WorkItem) -> None:
        self._desk = desk
        self._item = item
        self._values = {change.attribute: change.after for change in item.changes if change.after is not None}
        self._user_name = _text(self._values.get("userName")) or item.user_name
        self._external_id = _text(self._values.get("externalId"))
        self._sent = (item.key, STEP) in desk.past.doubts
        """Whether a POST of ours may have been carried out."""
        self._attempts = 0
        self._last = ""
        self._width = 0
        self._stumbles = 0
        self._open: set[str] = set()
        """Attributes of which nobody knows whether the target would keep them: a later plan may try again."""

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
        for _ in range(_ATTEMPTS + len(_WIDTHS)):
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
            return await self._settle(Result.SKIPPED, _who(found))
        values = self._narrowed()
        sending = new_resource(values)
        await self._desk.intend(self._item, STEP, Attempt(None, {}, values))
        self._attempts += 1
        answer = await self._desk.sender.create(sending)
        profile_id = str(answer.resource["id"]) if answer.is_ok and answer.resource else None
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

    def _narrowed(self) -> dict[str, Any]:
        """What to send: everything not known to be refused; after a refusal less and less, the rest follows alone."""
        values = {a: v for a, v in self._values.items() if a == "userName" or not self._desk.learned.refuses(a)}
        kept = _WIDTHS[self._width]
        if kept is None:
            return values
        return {a: v for a, v in values.items() if not parse(a).schema and parse(a).attribute.lower() in kept}

    async def _made(self, answer: Answer, profile_id: str | None, values: Mapping[str, Any]) -> Result | None:
        self._sent = True
        profile_id = profile_id or await self._at_location(answer)
        if profile_id is None:
            if answer.status == 202:
                await self._desk.sender.pace.rest(answer, self._attempts)
            found = await self._desk.lookup.find(self._user_name, self._external_id, sure=True)
            ours = [row for row in found if self._is_ours(row)]
            if len(ours) != 1:
                self._last = "said yes but shows no such profile"
                return None
            profile_id = str(ours[0]["id"])
        told = answer.resource
        trusted = told is not None and self._desk.learned.believes_answer(values)
        return await self._adopt(profile_id, told, trusted=trusted)

    async def _at_location(self, answer: Answer) -> str | None:
        """The new profile's id where only ``Location`` tells it; the profile says whether it is escaped there."""
        _, users, rest = urlsplit(answer.headers.get("location") or "").path.rpartition("/Users/")
        for candidate in dict.fromkeys((unquote(rest), rest)) if users and rest else ():
            looked = await self._desk.sender.look(candidate)
            if looked.is_ok and looked.resource and str(looked.resource["id"]) == candidate:
                return candidate
        return None

    async def _not_made(self, answer: Answer) -> Result | None:
        self._last = sentence(answer, with_detail=True)
        if answer.is_lost or answer.status in {0, 429}:
            self._sent = self._sent or answer.is_lost
            self._stumbles += answer.status == 500
            if self._stumbles >= _STUMBLES and self._width + 1 < len(_WIDTHS):
                self._width += 1
            elif self._attempts >= _ATTEMPTS:
                return await self._settle(Result.FAILED, f"the target {self._last}, {self._attempts} times")
            await self._desk.sender.pace.rest(answer, min(self._attempts, _STUMBLES))
            return None
        if answer.status == 409:
            found = await self._desk.lookup.find(self._user_name, self._external_id, sure=True)
            ours = [row for row in found if self._is_ours(row)]
            if len(ours) == 1:
                return await self._adopt(str(ours[0]["id"]))
            taken = "userName or another value is taken, perhaps by a profile the target does not show"
            why = _who(found) if found else taken
            return await self._settle(Result.FAILED, f"the target {self._last}: {why}")
        self._width += 1
        if self._width < len(_WIDTHS):
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
            for entry in found:
                if entry["attribute"] in self._open and entry["class"] == Kept.NOT_KEPT:
                    entry["class"] = Kept.MOVED.value
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
        desk, came, failed = self._desk, False, []
        for attribute in missing:
            heard: set[str] = set()
            for dialect in desk.learned.dialects():
                if desk.learned.refuses(attribute) or not desk.learned.worth_trying(attribute, dialect):
                    continue
                answer, resource = await self._alone(attribute, profile_id, resource, dialect)
                if not not_kept(desk.found({attribute: self._values[attribute]}, resource)):
                    desk.learned.succeeded(dialect)
                    came = True
                    break
                # It took the profile a moment ago: what it failed on (500) each time, it refuses.
                heard.add("yes" if answer.is_ok else "lost" if _is_open(answer) and answer.status != 500 else "no")
                if answer.is_ok:
                    desk.learned.in_vain([attribute], dialect)
            else:
                if "lost" in heard:
                    failed.append(attribute)
                elif "yes" not in heard:
                    desk.learned.refused(attribute)
        # A server that takes the rest is well: what it failed on, it refuses. Else a later plan may try again.
        if came or self._width:
            for attribute in failed:
                desk.learned.refused(attribute, by_value=True)
        else:
            self._open.update(failed)
        return resource

    async def _alone(
        self, attribute: str, profile_id: str, resource: dict[str, Any], dialect: Dialect
    ) -> tuple[Answer, dict[str, Any]]:
        """One attribute of the new profile is sent; the last answer, and the profile as it is then."""
        desk, match = self._desk, IfMatch(self._desk.learned)
        writing = {attribute: self._values[attribute]}
        send = desk.sender.put if dialect == "put" else desk.sender.patch
        for attempt in range(1, _TRIES + 1):
            await desk.intend(self._item, "complete", Attempt(profile_id, {}, writing, dialect, resource))
            said = {name: value for name, value in resource.items() if name not in desk.learned.read_only}
            answer = await send(profile_id, body(dialect, said, writing), match.version(resource))
            desk.answered(self._item, "complete", profile_id, answer)
            if answer.status == 412:
                match.refused(resource)
            looked = await desk.sender.look(profile_id)
            resource = (looked.resource if looked.is_ok else None) or resource
            if not _is_open(answer) or not not_kept(desk.found(writing, resource)):
                break
            await desk.sender.pace.rest(answer, attempt)
        return answer, resource

    async def _settle(self, result: Result, reason: str, profile_id: str | None = None) -> Result:
        settled = Settled(result=result, profile_id=profile_id, reason=reason, attempts=self._attempts)
        return await self._desk.settle(self._item, STEP, settled)


def _who(found: list[dict[str, Any]]) -> str:
    """Why nobody is created: who is there already."""
    hidden = all(as_boolean(member(row, "active")) is False for row in found)
    what = "is inactive and in no list; the next plan asks for it" if hidden else "appeared since the snapshot"
    ids = ", ".join(sorted(str(row["id"]) for row in found))
    return f"a profile with this userName or externalId {what}: {ids}"


def _is_open(answer: Answer) -> bool:
    """Whether an answer says nothing of the value: lost, or a matter of today."""
    return answer.is_lost or answer.status in {0, 412, 429}


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)
