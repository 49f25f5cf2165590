"""Changing a profile that exists: look, compare, say so, write, read back — until it is so or cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trueup.connectors.scim.responses import sentence
from trueup.connectors.scim_writer.aftercare import GONE, is_at_stake
from trueup.connectors.scim_writer.agenda import Agenda
from trueup.connectors.scim_writer.apply_context import ApplyContext, Settled, not_kept
from trueup.connectors.scim_writer.one_step import OneStep
from trueup.connectors.scim_writer.refusals import Refusals
from trueup.connectors.scim_writer.writing import Writing
from trueup.transforms.values.equality import moved_members, same
from trueup.transforms.vocabulary import Decision, Kept, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trueup.connectors.scim_writer.forms import Form
    from trueup.transforms.approval.since import Since
    from trueup.transforms.work import Change, WorkItem

_ROUNDS = 60
"""Upper bound on rounds per profile, so that a server that keeps changing the value cannot loop us."""
ASIDE = "aside"
"""The step in which somebody gives up a value that another one waits for."""


class UpdateProfile:
    """Takes one step of one person through its rounds: what is so by now, what is next, what was the result."""

    def __init__(
        self,
        context: ApplyContext,
        item: WorkItem,
        step: str,
        changes: Sequence[Change],
        profile_id: str,
        *,
        vouched: bool = False,
    ) -> None:
        self._context = context
        self._step = OneStep.of(context, item, step, profile_id, changes)
        self._agenda = Agenda(context.learned, context.shape, self._step.wanted)
        self._refusals = Refusals(self._step, vouched=vouched)
        self._writing = Writing(self._step, self._agenda, self._refusals)
        self._is_learning = False
        self._has_turn = False
        self._is_undecided = False

    async def run(self) -> Result:
        """Settled when this returns, whatever the server did; or left until it is known whether the server is well.

        Raises:
            Failed: the journal cannot be written, or the token is no longer taken.
        """
        settled = await self.carry_out()
        if self._is_undecided:
            self._context.undecided.append(self._decide)
        self._step.note_references()
        return await self._context.record_result(self._step.item, self._step.name, settled)

    def expect(self, values: Mapping[str, Any]) -> None:
        """What a profile that was just made has instead of what was sent."""
        for attribute, value in values.items():
            self._step.expected.setdefault(attribute, []).append(value)

    async def carry_out(self, resource: dict[str, Any] | None = None, *, learns: bool = False) -> Settled:
        """The same, before its result is recorded.

        Args:
            resource: the profile, where it was read just now.
            learns: the caller is the one who learns already.
        """
        self._has_turn = learns
        if resource is not None:
            self._step.resource, self._writing.is_fresh = resource, True
        if (since := self._context.since.get(self._step.item.key)) is not None and since.lost_profile:
            return self._settled(Result.SKIPPED, since.sentence)  # not even "already so": it is somebody else's
        try:
            if not self._step.wanted:
                return self._settled(Result.SKIPPED, "; ".join(self._step.unresolved.values()))
            for _ in range(_ROUNDS):
                settled = await self._round()
                if settled is not None:
                    return settled
            return self._settled(
                Result.FAILED, f"gave up after {self._step.attempts} attempts; last: {self._refusals.last}"
            )
        finally:
            if self._is_learning:
                self._context.learned.learning.release()

    async def _round(self) -> Settled | None:
        stuck = await self._look()
        if stuck is not None:
            return stuck
        step, refusals = self._step, self._refusals
        step.follow_references()
        current = step.current()
        if step.before is None:
            step.remember(current)
            refusals.open |= step.sent_in_doubt() & current.keys()
        pending = [a for a in step.wanted if not step.is_done(a, current[a])]
        if pending and (since := self._settled_since()) is not None:
            return self._settled(Result.SKIPPED, since.sentence)
        if moved := step.moved(pending, current):
            return self._settled(Result.SKIPPED, f"{', '.join(moved)} moved since the snapshot")
        refusals.bar(pending)
        group, form = self._agenda.next([a for a in pending if a not in refusals.why])
        if form is None:
            refusals.nothing_left(pending)
            return self._finish(current)
        learning = self._must_learn(group, form)
        if learning and not (self._is_learning or self._has_turn):
            await self._context.learned.learning.acquire()
            self._is_learning, self._writing.is_fresh = True, False
            return None
        given_up = await self._writing.write(group, form)
        return self._settled(Result.FAILED, given_up) if given_up else None

    def _settled_since(self) -> Since | None:
        """Who settled this person meanwhile; nobody who stepped aside before it may be left with a passing value."""
        past, key = self._context.past, self._step.item.key
        if (key, ASIDE) in past.done or (key, ASIDE) in past.doubts:
            return None
        return self._context.since.get(key)

    def _must_learn(self, group: list[str], form: Form) -> bool:
        """Whether the effect of this is not known yet: then it is tried on one person at a time."""
        unproven = any(not self._context.learned.is_proven(form, a) for a in group)
        at_stake = unproven and is_at_stake(form, self._step.resource, group)
        return at_stake or any(self._agenda.is_open(a) for a in group)

    async def _look(self) -> Settled | None:
        """The step's ``resource`` is the profile as it is now; what ends the step where it cannot be had."""
        step, writing = self._step, self._writing
        if writing.is_fresh:
            writing.is_fresh = False
            return None
        looked = await step.look()
        resource = looked.resource if looked.is_ok else None
        if looked.status in GONE:
            return self._gone()
        if resource is None or str(resource["id"]) != step.profile_id:
            why = "the target answered with another profile" if resource else sentence(looked, with_detail=True)
            return self._settled(Result.FAILED, f"the profile could not be read: {why}")
        step.resource = resource
        in_doubt = writing.unseen is None
        unseen, writing.unseen = writing.unseen or step.deed_in_doubt(), None
        if unseen is not None and moved_members(unseen.before, resource):
            deed = step.deed(unseen.form, unseen.writing, before=unseen.before, after=resource)
            await step.care(replace(deed, in_doubt=in_doubt))
        return None

    def _gone(self) -> Settled:
        """The profile does not answer any more."""
        step = self._step
        ours = step.attempts > 0 or step.doubt is not None
        if step.deactivates and ours:
            self._context.learned.deactivation_deletes = True
            step.written |= step.wanted
            if step.before is None:
                step.before = {a: values[0] for a, values in step.expected.items()}
            step.resource = {}
            return self._settled(Result.APPLIED, "the target deletes a profile that is deactivated")
        if step.written:
            # What became of the write nobody can see; a later plan looks at the profile as it is then.
            return self._settled(Result.FAILED, "the profile does not answer since it was written, nor is it found", [])
        return self._settled(Result.SKIPPED, "the profile is gone from the target")

    def _finish(self, current: Mapping[str, Any]) -> Settled:
        """Nothing more can be done: say what was, and what was not taken."""
        step, refusals = self._step, self._refusals
        refusals.conclude()
        reasons = [*refusals.sentences(), *step.unresolved.values(), *step.notes]
        done = [a for a in step.wanted if a in step.written or same(current[a], step.wanted[a])]
        if not done and not refusals.are_about_values():
            self._is_undecided = bool(refusals.why) and not refusals.open and not refusals.suspects
            return self._settled(Result.FAILED, "; ".join(reasons) or f"the target {refusals.last}")
        found = self._context.found(step.written, step.resource)
        if lost := not_kept(found):
            reasons.insert(0, f"the target did not keep {', '.join(lost)}")
        result = Result.SKIPPED if step.unresolved else Result.APPLIED
        if any(attribute not in done for attribute in refusals.of_today):
            result = Result.FAILED
        if not step.written and not reasons:
            reasons.append("already so")
        return self._settled(result, "; ".join(reasons), None if refusals.why else found)

    async def _decide(self, *, tripped: bool) -> Result | None:
        """Settle again if the server is well after all: it took other things, or it spoke of what was sent.

        Where so many were refused that the apply stops, nothing is concluded from it.
        """
        learned, refusals = self._context.learned, self._refusals
        if not learned.worked and (tripped or not all(learned.spoke_of_value(a) for a in refusals.why)):
            return None
        self._is_undecided = False
        settled = self._settled(Result.APPLIED, "; ".join(refusals.sentences()))
        return await self._context.record_result(self._step.item, self._step.name, settled)

    def _settled(self, result: Result, reason: str, found: list[dict[str, Any]] | None = None) -> Settled:
        step, refusals, before = self._step, self._refusals, self._step.before or {}
        refused = {a: step.wanted[a] for a in refusals.why if step.resource}
        written = refused | step.written
        if found is None:
            found = self._context.found(written, step.resource) if step.resource or written else []
        found = [*found, *self._context.compared(step.respelt, step.resource)]
        doubted = refusals.doubted()
        for entry in found:
            if entry["class"] == Kept.NOT_KEPT and entry["attribute"] in doubted:
                entry["class"] = Kept.MOVED.value
        return Settled(
            result=result,
            profile_id=step.profile_id,
            reason=reason,
            attempts=step.attempts,
            before={a: before[a] for a in written if a in before} | step.respelt,
            written=written,
            found=found,
            resource=step.resource or None,
            refused=tuple(a for a in refusals.why if a not in refusals.open) if result is Result.APPLIED else (),
            was=step.began_as if step.profile_id != step.began_as else "",
        )


def step_of(item: WorkItem) -> str:
    """The step in which a person's own attributes are written."""
    return "deactivate" if item.operation is Decision.DEACTIVATE else "write"
