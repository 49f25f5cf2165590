"""The run of an apply: phases in order, several people at once, a breaker, a stop that finishes what is in flight."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trueup.connectors.scim_writer.create import Creating
from trueup.connectors.scim_writer.remove import Removing
from trueup.connectors.scim_writer.update import UpdateProfile, step_of
from trueup.transforms.errors import TrueupError
from trueup.transforms.setting_values import ERRORS_AT_LEAST
from trueup.transforms.vocabulary import Decision, Result
from trueup.transforms.work import Change, WorkItem, passing_value

if TYPE_CHECKING:
    import threading
    from collections.abc import Awaitable, Callable, Iterable

    from trueup.connectors.scim_writer.apply_context import ApplyContext
    from trueup.transforms.progress import Progress
    from trueup.transforms.setting_values import Bound

_STAGE = "applying"
_WHOLE = "whole"
"""The step that writes somebody's attributes and references together: one look and one request instead of two each."""
_FIRST = 20
"""So many people are settled by few at a time: what is learnt of the target spares the rest."""
_FEW, _MORE = 2, 8
"""People at hand beyond those whose requests are under way: while some wait for the disk, others are looked at."""


@dataclass(slots=True)
class Breaker:
    """Stops a run that fails too often (``limits.apply_errors``)."""

    bound: Bound
    total: int
    failed: int = 0

    @property
    def is_tripped(self) -> bool:
        """More failures than the limit allows; a share never trips below twenty."""
        if self.bound.is_share:
            return self.failed >= ERRORS_AT_LEAST and self.failed > self.bound.amount * self.total
        return self.failed > self.bound.amount


@dataclass(slots=True)
class Engine:
    """Takes the work through its phases."""

    context: ApplyContext
    breaker: Breaker
    stop: threading.Event
    concurrency: int
    progress: Progress
    fatal: list[BaseException] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    """Steps settled in this call, by result."""
    whole: set[str] = field(default_factory=set)
    """Keys of people whose references went with their other attributes."""
    is_cut_short: bool = False
    """Whether somebody was left for the next call."""

    @property
    def is_stopping(self) -> bool:
        """Whether nothing new may be begun."""
        return self.stop.is_set() or bool(self.fatal) or self.breaker.is_tripped

    async def run(self) -> None:
        """All phases, until done or stopping.

        Raises:
            Failed: the journal cannot be written, or the token is no longer taken; what was in flight was finished.
        """
        work = self.context.work
        await self._each(work.aside(), self._step_aside)
        for turn in work.freeing():
            await self._each(turn, self._write)
        await self._each(work.phase("creates"), self._write)
        await self._each(work.phase("updates"), self._change)
        await self._each(work.phase("references"), self._refer)
        await self._each(work.phase("deactivations"), self._write)
        await self._each(work.phase("deletes"), self._write)
        if self.context.new_ids.now:
            await self._each(work.phase("references"), self._refer_again)
        await self._decide()
        if self.fatal:
            raise self.fatal[0]

    async def _each(self, items: Iterable[WorkItem], handle: Callable[[WorkItem], Awaitable[Result | None]]) -> None:
        waiting = iter(items)

        async def worker(*, first: bool) -> None:
            while not (first and self.seen.total() >= _FIRST) and (item := next(waiting, None)) is not None:
                if self.is_stopping:
                    self.is_cut_short = True
                    return
                await self._one(item, handle)

        for more, first in ((_FEW, True), (_MORE, False)):
            await asyncio.gather(*(worker(first=first) for _ in range(2 * self.concurrency + more)))

    async def _one(self, item: WorkItem, handle: Callable[[WorkItem], Awaitable[Result | None]]) -> None:
        try:
            result = await handle(item)
        except TrueupError as error:
            self.fatal.append(error)
            return
        if result is None:
            return
        self.seen[result] += 1
        if result is Result.FAILED:
            self.breaker.failed += 1
        if self.context.learned.worked:
            await self._decide()
        self.progress(_STAGE, self.seen.total(), self.context.work.total)

    async def _decide(self) -> None:
        """Whoever was refused everything before the server took anything: now it is known what that meant."""
        while self.context.undecided and not self.fatal:
            if await self.context.undecided.pop()(tripped=self.breaker.is_tripped) is Result.APPLIED:
                self.seen[Result.FAILED] -= 1
                self.seen[Result.APPLIED] += 1
                self.breaker.failed -= 1

    async def _write(self, item: WorkItem) -> Result | None:
        step = {Decision.CREATE: "create", Decision.DELETE: "delete"}.get(item.operation, step_of(item))
        if (item.key, step) in self.context.past.done:
            return None
        if item.operation is Decision.CREATE:
            return await Creating(self.context, item).run()
        profile_id = str(item.profile_id)
        if item.operation is Decision.DELETE:
            return await Removing(self.context, item, profile_id).run()
        if not item.changes:
            return None
        result = await UpdateProfile(self.context, item, step, item.changes, profile_id).run()
        if item.aside and result is not Result.APPLIED:
            await self._step_back(item, profile_id)
        return result

    async def _change(self, item: WorkItem) -> Result | None:
        """Somebody's own attributes, and with them the references: whoever was to be created has a profile by now.

        Together only where the target was seen to say yes to references, since what fails beside attributes that are
        taken counts as refused. Until then they follow one by one at once, so that it is known for the rest. What an
        earlier attempt began goes on the way it was begun: only that step knows what may have been sent.
        """
        if (item.key, _WHOLE) in self.context.past.done:
            return None
        is_begun = (item.key, _WHOLE) in self.context.past.doubts
        apart = ((item.key, step_of(item)), (item.key, "reference"))
        begun_apart = not is_begun and any(self.context.past.was_begun(name) for name in apart)
        known = is_begun or all(change.after is None or self.context.id_of(change.after) for change in item.references)
        if not item.references or begun_apart or not known:
            return await self._write(item)
        if is_begun or all(self.context.learned.says_yes_to(change.attribute) for change in item.references):
            self.whole.add(item.key)
            changes = [*item.changes, *item.references]
            return await UpdateProfile(self.context, item, _WHOLE, changes, str(item.profile_id)).run()
        result = await self._write(item)
        await self._one(item, self._refer)
        self.whole.add(item.key)
        return result

    async def _step_aside(self, item: WorkItem) -> Result | None:
        """Give up a value somebody waits for; what is held meanwhile says nothing about anybody else."""
        if (item.key, step_of(item)) in self.context.past.done:
            return None
        changes = [
            Change(change.attribute, change.before, passing_value(item.key, change.before))
            for change in item.changes
            if change.attribute in item.aside
        ]
        await UpdateProfile(self.context, item, "aside", changes, str(item.profile_id)).run()
        return None

    async def _step_back(self, item: WorkItem, profile_id: str) -> None:
        """The new value was not to be had: give back the one held before."""
        changes = [
            Change(change.attribute, passing_value(item.key, change.before), change.before)
            for change in item.changes
            if change.attribute in item.aside
        ]
        await UpdateProfile(self.context, item, "aside_back", changes, profile_id).run()

    async def _refer(self, item: WorkItem) -> Result | None:
        """References, once everybody exists."""
        if item.key in self.whole or not self.context.past.done.isdisjoint(
            {(item.key, _WHOLE), (item.key, "reference")}
        ):
            return None
        profile_id = item.profile_id or self.context.created.get(item.key)
        if profile_id is None:
            return None
        return await UpdateProfile(self.context, item, "reference", item.references, profile_id).run()

    async def _refer_again(self, item: WorkItem) -> Result | None:
        """Whoever they refer to may have got another id after our write of the reference, or while it was under way."""
        changes = [c for c in item.references if self.context.refers_to_old_id(item.key, c)]
        if changes:
            await UpdateProfile(self.context, item, "reference_again", changes, str(item.profile_id)).run()
        return None
