"""Bringing a profile into being, exactly once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from trueup.connectors.scim.responses import Answer, sentence
from trueup.connectors.scim_writer.apply_context import ApplyContext, Attempt, Settled, not_kept
from trueup.connectors.scim_writer.forms import new_resource
from trueup.connectors.scim_writer.update import UpdateProfile
from trueup.transforms.values.equality import as_boolean, moved_members, same
from trueup.transforms.values.paths import member, parse
from trueup.transforms.vocabulary import Decision, Kept, Result
from trueup.transforms.work import Change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.transforms.approval.since import Since
    from trueup.transforms.work import WorkItem

STEP = "create"
_ATTEMPTS = 4
_STUMBLES = 2
"""So often everything together is answered 500 until less is sent."""
_BARE = frozenset({"username", "name", "emails", "active", "displayname", "externalid"})
_WIDTHS = (None, _BARE, frozenset({"username", "name", "emails"}), frozenset({"username"}))
"""What is left of a profile that is refused: everything, what any server knows, what most need, the name alone."""


class Creating:
    """One person without a profile. Before every POST the target is asked whether the profile is already there."""

    def __init__(self, context: ApplyContext, item: WorkItem) -> None:
        self._context = context
        self._item = item
        self._values = {change.attribute: change.after for change in item.changes if change.after is not None}
        self._user_name = _text(self._values.get("userName")) or item.user_name
        self._external_id = _text(self._values.get("externalId"))
        self._sent = (item.key, STEP) in context.past.doubts
        """Whether a POST of ours may have been carried out."""
        self._attempts = 0
        self._last = ""
        self._fullest = ""
        """What the server answered to everything together: what it says to less speaks of what was left out."""
        self._width = 0
        self._sent_less = False
        """Whether the profile was made by leaving something out: then the server is well, and that is the trouble."""
        self._stumbles = 0
        self._open: set[str] = set()
        """Attributes of which nobody knows whether the target would keep them: a later plan may try again."""
        self._refused: set[str] = set()
        self._learns = False
        """Whether this person is the one who finds out."""

    async def run(self) -> Result:
        """Settled when this returns; never are two requests for one user name under way.

        Raises:
            Failed: the journal cannot be written, or the token is no longer taken.
        """
        name = (self._user_name or self._item.key).casefold()
        while (busy := self._context.names_in_flight.get(name)) is not None:
            await busy.wait()
        done = self._context.names_in_flight[name] = asyncio.Event()
        try:
            if self._context.learned.knows_creation(self._values):
                return await self._run()
            async with self._context.learned.learning:
                self._learns = True
                return await self._run()
        finally:
            del self._context.names_in_flight[name]
            done.set()

    async def _run(self) -> Result:
        known = self._context.past.created.get(self._item.key)
        if known is not None:
            return await self._adopt(known)
        if not self._sent and (since := self._context.since.get(self._item.key)) is not None:
            return await self._left_to(since)
        begun = self._context.past.since(self._item.key, STEP)
        if begun is not None:
            await self._context.sender.pace.wait_out(begun)
        for _ in range(_ATTEMPTS + len(_WIDTHS)):
            result = await self._round()
            if result is not None:
                return result
        return await self._record(Result.FAILED, f"the target {self._last}, {self._attempts} times")

    async def _left_to(self, since: Since) -> Result:
        """Nobody is created whom another plan has written meanwhile: their profile is as wanted already, or is left.

        It is told as an update that wrote nothing: to take this run back is not to end a profile it did not make.
        """
        resource = await self._look(since.profile_id, None) if since.profile_id else None
        now = self._context.values(resource, self._values) if resource else {}
        if resource is None or not all(same(now[a], value) for a, value in self._values.items()):
            return await self._record(Result.SKIPPED, since.sentence)
        settled = Settled(Result.APPLIED, since.profile_id, "already so", resource=resource)
        return await self._context.record_result(self._item, STEP, settled, operation=Decision.UPDATE)

    async def _round(self) -> Result | None:
        found = await self._context.lookup.find(self._user_name, self._external_id, sure=self._sent)
        ours = [row for row in found if self._is_ours(row)]
        if len(ours) == 1 and len(found) == 1:
            return await self._adopt(str(ours[0]["id"]))
        if found:
            return await self._record(Result.SKIPPED, _who(found))
        values = self._narrowed()
        self._sent_less = len(values) < len(self._values)
        sending = new_resource(values, self._context.shape)
        await self._context.intend(self._item, STEP, Attempt(None, {}, values))
        self._attempts += 1
        answer = await self._context.sender.create(sending)
        profile_id = str(answer.resource["id"]) if answer.is_ok and answer.resource else None
        self._context.answered(self._item, STEP, profile_id, answer)
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
        values = {a: v for a, v in self._values.items() if a == "userName" or self._may_send(a)}
        kept = _WIDTHS[self._width]
        if kept is None:
            return values
        return {a: v for a, v in values.items() if not parse(a).schema and parse(a).attribute.lower() in kept}

    def _may_send(self, attribute: str) -> bool:
        """Whether it belongs into the first request: what the target may not know is tried by itself afterwards."""
        learned, shape, path = self._context.learned, self._context.shape, parse(attribute)
        if learned.refuses(attribute) or shape.bars(path, creating=True):
            return False
        return not (shape.is_unknown(path) and not learned.was_kept(attribute)) and not learned.is_suspect(attribute)

    async def _made(self, answer: Answer, profile_id: str | None, values: Mapping[str, Any]) -> Result | None:
        self._sent = True
        profile_id = profile_id or await self._at_location(answer)
        if profile_id is None:
            if answer.status == 202:
                await self._context.sender.pace.backoff(answer, self._attempts)
            found = await self._context.lookup.find(self._user_name, self._external_id, sure=True)
            ours = [row for row in found if self._is_ours(row)]
            if len(ours) != 1:
                self._last = "accepted the profile but does not show it"
                return None
            profile_id = str(ours[0]["id"])
        told = answer.resource
        trusted = told is not None and await self._context.believes(profile_id, told, values, "creation")
        return await self._adopt(profile_id, told, trusted=trusted)

    async def _at_location(self, answer: Answer) -> str | None:
        """The new profile's id where only ``Location`` tells it; the profile says whether it is escaped there."""
        _, users, rest = urlsplit(answer.headers.get("location") or "").path.rpartition("/Users/")
        for candidate in dict.fromkeys((unquote(rest), rest)) if users and rest else ():
            looked = await self._context.sender.get_profile(candidate)
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
                return await self._record(Result.FAILED, f"the target {self._last}, {self._attempts} times")
            await self._context.sender.pace.backoff(answer, min(self._attempts, _STUMBLES))
            return None
        if answer.status == 409:
            found = await self._context.lookup.find(self._user_name, self._external_id, sure=True)
            ours = [row for row in found if self._is_ours(row)]
            if len(ours) == 1:
                return await self._adopt(str(ours[0]["id"]))
            taken = "userName or another value is taken, perhaps by a profile the target does not show"
            why = _who(found) if found else taken
            return await self._record(Result.FAILED, f"the target {self._last}: {why}")
        self._fullest = self._fullest or self._last
        self._width += 1
        if self._width < len(_WIDTHS):
            return None
        return await self._record(Result.FAILED, f"the target {self._fullest}")

    async def _adopt(self, profile_id: str, told: dict[str, Any] | None = None, *, trusted: bool = False) -> Result:
        """The profile is there and ours: read it back, add what is missing, settle."""
        context = self._context
        context.created[self._item.key] = profile_id
        resource = told if trusted else await self._look(profile_id, told)
        if resource is None:
            return await self._record(Result.FAILED, "the profile was created but cannot be read back", profile_id)
        context.lookup.note(resource)
        reason: list[str] = []
        found = context.found(self._values, resource)
        missing, was = not_kept(found), profile_id
        context.learned.created([a for a in self._values if a not in missing], missing)
        if missing:
            resource, reason = await self._complete(profile_id, resource, missing)
            was, profile_id = profile_id, str(resource["id"])
            found = context.found(self._values, resource)
        if lost := not_kept(found):
            reason.insert(0, f"the target did not keep {', '.join(lost)}")
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
            refused=tuple(a for a in not_kept(found) if a in self._refused),
            was=was if was != profile_id else "",
        )
        return await context.record_result(self._item, STEP, settled)

    async def _look(self, profile_id: str, told: dict[str, Any] | None) -> dict[str, Any] | None:
        looked = await self._context.sender.get_profile(profile_id)
        seen = looked.resource if looked.is_ok else None
        if seen is not None and told is not None:
            is_whole = not moved_members(told, seen)
            says, holds = self._context.values(told, self._values), self._context.values(seen, self._values)
            for attribute in self._values:
                truthful = is_whole and same(says[attribute], holds[attribute])
                self._context.learned.compared(attribute, "creation", truthful=truthful)
        return seen

    async def _complete(
        self, profile_id: str, resource: dict[str, Any], missing: list[str]
    ) -> tuple[dict[str, Any], list[str]]:
        """What a POST did not bring is written as to any profile; the profile as it is then, and what was refused."""
        context = self._context
        now = context.values(resource, {a: self._values[a] for a in missing})
        changes = [Change(a, None, self._values[a]) for a in missing if not parse(a).is_reference]
        writing = UpdateProfile(context, self._item, "complete", changes, profile_id, vouched=self._sent_less)
        writing.expect(now)
        settled = await writing.carry_out(resource, learns=self._learns)
        self._refused |= set(settled.refused)
        self._open |= {e["attribute"] for e in settled.found if e["class"] == Kept.MOVED}
        return settled.resource or resource, [part for part in (settled.reason,) if part and settled.refused]

    async def _record(self, result: Result, reason: str, profile_id: str | None = None) -> Result:
        settled = Settled(result=result, profile_id=profile_id, reason=reason, attempts=self._attempts)
        return await self._context.record_result(self._item, STEP, settled)


def _who(found: list[dict[str, Any]]) -> str:
    """Why nobody is created: who is there already."""
    hidden = all(as_boolean(member(row, "active")) is False for row in found)
    what = "is inactive and in no list; the next plan asks for it" if hidden else "appeared since the snapshot"
    ids = ", ".join(sorted(str(row["id"]) for row in found))
    return f"a profile with this userName or externalId {what}: {ids}"


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)
