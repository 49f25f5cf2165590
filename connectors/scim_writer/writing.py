"""One request that changes a profile, and what is made of its answer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from trueup.connectors.scim_writer.apply_context import Attempt, not_kept
from trueup.connectors.scim_writer.etags import IfMatch
from trueup.connectors.scim_writer.forms import body
from trueup.connectors.scim_writer.refusals import NOT_OFFERED
from trueup.transforms.values.equality import moved_members

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trueup.connectors.scim.responses import Answer
    from trueup.connectors.scim_writer.aftercare import Deed
    from trueup.connectors.scim_writer.agenda import Agenda
    from trueup.connectors.scim_writer.forms import Form
    from trueup.connectors.scim_writer.one_step import OneStep
    from trueup.connectors.scim_writer.refusals import Refusals

_LOSSES = 4
_FAILURES = 12
"""500s in a row until a person is given up: time to find out which single attribute the server stumbles over."""
_STUMBLES = 2
"""So often the same request is answered 500 until less is sent."""
_LONGEST_REST = 2
_ACCEPTED, _LATER = 202, 4
"""A write that is done later is looked for so often."""
_CONFLICT = (409, 412)


class Writing:
    """Sends what is next for one step; each write is announced, counted, read back and cared for."""

    def __init__(self, step: OneStep, agenda: Agenda, refusals: Refusals) -> None:
        self._step = step
        self._agenda = agenda
        self._refusals = refusals
        self._match = IfMatch(step.context.learned)
        self._conflicts = 0
        self._losses = 0
        self._stumbles: Counter[tuple[tuple[str, ...], str]] = Counter()
        self.is_fresh = False
        """Whether the profile was read just now and nothing was written since."""
        self.unseen: Deed | None = None
        """A write of which nobody has seen yet what else it did."""

    async def write(self, group: Sequence[str], form: Form) -> str:
        """Send ``group`` in ``form``; why the person is given up, or nothing.

        The journal keeps the whole resource, however well the form is known: after a kill it alone says what was lost.

        Raises:
            Failed: the journal cannot be written, or the token is no longer taken.
        """
        step, context, resource = self._step, self._step.context, self._step.resource
        writing = {attribute: step.wanted[attribute] for attribute in group}
        before = {attribute: (step.before or {})[attribute] for attribute in group}
        attempt = Attempt(step.profile_id, before, writing, form.name, resource)
        await context.intend(step.item, step.name, attempt)
        step.attempts += 1
        send = context.sender.put if form.method == "PUT" else context.sender.patch
        said = {name: value for name, value in resource.items() if name not in context.learned.read_only}
        answer = await send(step.profile_id, body(form, said, writing, context.shape), self._match.version(resource))
        context.answered(step.item, step.name, step.profile_id, answer)
        deed = step.deed(form, writing, before=resource, after=resource)
        self.unseen = deed if answer.is_ok or answer.is_lost else None
        if answer.is_ok:
            step.written |= writing
            self._refusals.open -= writing.keys()
            self._losses = 0
            await self._taken(answer, writing, form)
            return ""
        return await self._not_taken(answer, group, form)

    async def _taken(self, answer: Answer, writing: Mapping[str, Any], form: Form) -> None:
        """The server said yes: see what it made of it."""
        step, context = self._step, self._step.context
        after = await self._read_back(answer, writing)
        if after is None:
            return
        self.unseen = None
        left = not_kept(context.found(writing, after))
        self._agenda.taken(form, list(writing), left)
        step.accepted |= {a: v for a, v in context.values(after, writing).items() if a not in left}
        if len(left) < len(writing):
            self._refusals.confirm()
        await step.care(step.deed(form, writing, before=step.resource, after=after))
        undone = set(not_kept(context.compared(writing, step.resource))) - set(left)
        self._agenda.taken_back(form, sorted(undone))
        self.is_fresh = True
        if step.deactivates and not left:
            context.learned.survived += 1

    async def _read_back(self, answer: Answer, writing: Mapping[str, Any]) -> dict[str, Any] | None:
        step, context, told = self._step, self._step.context, answer.resource
        told = told if told is not None and str(told["id"]) == step.profile_id else None
        unsure = step.deactivates and not context.learned.is_deactivation_known
        if told is not None and not unsure and await context.believes(step.profile_id, told, writing):
            return told
        seen = step.resource
        for later in range(_LATER if answer.status == _ACCEPTED else 1):
            looked = await step.read(answer.resource)
            if looked is None:
                return None
            seen = looked
            if moved_members(step.resource, seen):
                break
            if answer.status == _ACCEPTED:
                await context.sender.pace.backoff(answer, later)
        if told is not None:
            truthful = not moved_members(told, seen)
            for attribute in writing:
                context.learned.compared(attribute, truthful=truthful)
        return seen

    async def _not_taken(self, answer: Answer, group: Sequence[str], form: Form) -> str:
        refusals, context = self._refusals, self._step.context
        refusals.heard(answer, group)
        if answer.status in _CONFLICT:
            self._conflicts += 1
            self._match.refused(self._step.resource)
            is_over = answer.status == 409 or self._conflicts >= _LOSSES
            return f"the target {refusals.last}" if is_over else ""
        if answer.status in {0, 429} or answer.is_lost:
            return await self._lost(answer, group, form)
        may_go = context.may_leave_out(answer, refusals.named)
        if form.method == "PUT" and context.learned.called_read_only(may_go):
            return ""
        self.is_fresh = True
        self._say_no(group, form, not_offered=answer.status == 405)
        if answer.status in NOT_OFFERED:
            context.learned.not_offered(form)
        return ""

    def _say_no(self, group: Sequence[str], form: Form, *, not_offered: bool = False) -> None:
        """The form was not taken for ``group``: another is tried, or less at a time, until nothing is left."""
        self._agenda.refused(form, group, not_offered=not_offered)
        if len(group) == 1:
            self._refusals.alone(group[0])
        for attribute in group:
            if attribute not in self._step.written and self._agenda.next([attribute])[1] is None:
                self._refusals.final(attribute)

    async def _lost(self, answer: Answer, group: Sequence[str], form: Form) -> str:
        """The request may have been carried out: the next look says. A 500 again and again may mean one attribute."""
        self._losses += 1
        stumbled = answer.status == 500
        self._stumbles[tuple(group), form.name] += stumbled
        is_new = answer.status >= 500 and not self._step.context.learned.worked[form.name]
        if is_new or self._stumbles[tuple(group), form.name] >= _STUMBLES:
            self._say_no(group, form)
        if self._losses >= (_FAILURES if stumbled else _LOSSES):
            return f"the target {self._refusals.last}, {self._losses} times"
        await self._step.context.sender.pace.backoff(answer, min(self._losses, _LONGEST_REST))
        return ""
