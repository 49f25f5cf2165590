"""Deleting a profile that has not changed since the snapshot; the journal keeps all of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trueup.connectors.scim.responses import sentence
from trueup.connectors.scim_writer.apply_context import ApplyContext, Attempt, Settled
from trueup.connectors.scim_writer.etags import IfMatch
from trueup.transforms.values.equality import as_boolean, moved_members
from trueup.transforms.values.paths import member
from trueup.transforms.vocabulary import Decision, Result

if TYPE_CHECKING:
    from trueup.transforms.work import WorkItem

STEP = "delete"
_ATTEMPTS = 4
_GONE = (404, 410)
_YES = "said yes"


class Removing:
    """One profile to be deleted: the only step of its person, so no write of ours gave it another id."""

    def __init__(self, context: ApplyContext, item: WorkItem, profile_id: str) -> None:
        self._context = context
        self._item = item
        self._profile_id = profile_id
        self._sent = (item.key, STEP) in context.past.doubts
        self._match = IfMatch(context.learned)
        self._attempts = 0
        self._last = ""

    async def run(self) -> Result:
        """Settled when this returns.

        Raises:
            Failed: the journal cannot be written, or the token is no longer taken.
        """
        for _ in range(_ATTEMPTS):
            result = await self._round()
            if result is not None:
                return result
        return await self._record(Result.FAILED, f"the target {self._last}, {self._attempts} times")

    async def _round(self) -> Result | None:
        context = self._context
        looked = await context.sender.get_profile(self._profile_id)
        if looked.status in _GONE:
            return await self._record(Result.APPLIED, "") if self._sent else await self._already_gone()
        resource = looked.resource if looked.is_ok else None
        if resource is None or str(resource["id"]) != self._profile_id:
            why = "the target answered with another profile" if resource else sentence(looked)
            return await self._record(Result.FAILED, f"the profile could not be read: {why}")
        if self._last == _YES:
            return await self._still_there(resource)
        since, moved = context.since.get(self._item.key), self._moved(resource)
        if since is not None or moved:
            why = since.sentence if since else f"{', '.join(moved)} moved since the snapshot"
            return await self._record(Result.SKIPPED, why)
        await context.intend(self._item, STEP, Attempt(self._profile_id, {}, {}, None, resource))
        self._sent = True
        self._attempts += 1
        answer = await context.sender.delete(self._profile_id, self._match.version(resource))
        context.answered(self._item, STEP, self._profile_id, answer)
        self._last = _YES if answer.is_ok else sentence(answer, with_detail=True)
        if answer.is_lost or answer.status in {0, 429}:
            await context.sender.pace.backoff(answer, self._attempts)
        elif answer.status == 412:
            self._match.refused(resource)
        elif not answer.is_ok and answer.status not in _GONE:
            return await self._record(Result.FAILED, f"the target {self._last}", resource)
        return None

    async def _already_gone(self) -> Result:
        """Told as an update that wrote nothing: to take this run back is not to bring back what others have deleted."""
        settled = Settled(Result.APPLIED, self._profile_id, "was already gone", self._attempts)
        return await self._context.record_result(self._item, STEP, settled, operation=Decision.UPDATE)

    async def _still_there(self, resource: dict[str, Any]) -> Result:
        if as_boolean(member(resource, "active")) is False:
            return await self._record(Result.APPLIED, "the target only deactivates what is deleted", resource)
        return await self._record(Result.FAILED, "the target accepted the deletion and kept the profile", resource)

    def _moved(self, resource: dict[str, Any]) -> list[str]:
        """What changed since the snapshot; a deletion that may have half happened is not held up by ``active``."""
        text = self._context.work.snapshot_of(self._profile_id)
        if text is None:
            return []
        moved = moved_members(json.loads(text), resource)
        return [name for name in moved if not (self._sent and name.lower() == "active")]

    async def _record(self, result: Result, reason: str, resource: dict[str, Any] | None = None) -> Result:
        settled = Settled(result, self._profile_id, reason, self._attempts, resource=resource)
        return await self._context.record_result(self._item, STEP, settled)
