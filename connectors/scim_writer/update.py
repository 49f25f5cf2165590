"""Changing a profile that exists: look, compare, say so, write, read back — until it is so or cannot be."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from trueup.connectors.scim.responses import sentence
from trueup.connectors.scim_writer.aftercare import Deed, is_at_stake, see_to
from trueup.connectors.scim_writer.agenda import Agenda
from trueup.connectors.scim_writer.apply_context import ApplyContext, Attempt, Settled, not_kept
from trueup.connectors.scim_writer.etags import IfMatch
from trueup.connectors.scim_writer.forms import BY_NAME, Form, blamed, body
from trueup.transforms.values.equality import classify, moved_members, same
from trueup.transforms.values.paths import parse
from trueup.transforms.vocabulary import Decision, Kept, Result
from trueup.transforms.work import passing_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trueup.connectors.scim.responses import Answer
    from trueup.transforms.work import Change, WorkItem

_ROUNDS = 60
"""Upper bound on rounds per profile, so that a server that keeps changing the value cannot loop us."""
_LOSSES = 4
_FAILURES = 12
"""500s in a row until a person is given up: time to find out which single attribute the server stumbles over."""
_STUMBLES = 2
"""So often the same request is answered 500 until less is sent."""
_LONGEST_REST = 2
_ACCEPTED, _LATER = 202, 4
"""A write that is done later is looked for so often."""
_GONE = (404, 410)
_CONFLICT = (409, 412)
_NOT_OFFERED = (405, 501)
_OF_THE_VALUE = (400, 422)
"""Refusals that speak of what was sent; any other may speak of us, or of today."""
_UNSAFE = "every way of writing it takes something else away"


class UpdateProfile:
    """One step of one person: these attributes, from what the snapshot had to what the plan wants."""

    def __init__(
        self,
        desk: ApplyContext,
        item: WorkItem,
        step: str,
        changes: Sequence[Change],
        profile_id: str,
        *,
        vouched: bool = False,
    ) -> None:
        self._desk = desk
        self._item = item
        self._step = step
        self._profile_id = profile_id
        self._vouched = vouched
        """Whether the server took something of this person already: it is well, and what it fails on, it refuses."""
        self._doubt = desk.past.doubts.get((item.key, step))
        self._wanted: dict[str, Any] = {}
        self._expected: dict[str, list[Any]] = {}
        self._ours: defaultdict[str, list[Any]] = defaultdict(list)
        """What our own writes left behind: whoever reads it has not edited it."""
        self._accepted: dict[str, Any] = {}
        """What the target made of a value it kept."""
        self._unresolved: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        for change in changes:
            self._take(change)
        self._agenda = Agenda(desk.learned, desk.shape, self._wanted)
        self._before: dict[str, Any] | None = None
        self._written: dict[str, Any] = {}
        self._open: set[str] = set()
        """Attributes of which nobody knows whether the target would keep them: a later plan may try again."""
        self._fresh: dict[str, Any] | None = None
        """The profile, where it was read just now and nothing was written since."""
        self._unseen: Deed | None = None
        """A write of which nobody has seen yet what else it did."""
        self._is_learning = False
        self._has_turn = False
        self._is_undecided = False
        self._attempts = 0
        self._losses = 0
        self._stumbles: Counter[tuple[tuple[str, ...], str]] = Counter()
        self._suspects: set[str] = set()
        """Attributes the server failed on when sent alone: refused, if anything else of the person is taken."""
        self._match = IfMatch(desk.learned)
        self._conflicts = 0
        self._last = ""
        self._last_status = 0
        self._blames_others = False
        self._own_words: dict[str, str] = {}
        """What the target said to one attribute sent alone, when it spoke of no other."""
        self._resource: dict[str, Any] = {}
        self._notes: list[str] = []

    def _take(self, change: Change) -> None:
        wanted, before, attribute = change.after, change.before, change.attribute
        if parse(attribute).is_reference:
            wanted, before = self._desk.id_of(change.after), self._desk.id_of(change.before)
            if change.after is not None and wanted is None:
                self._unresolved[attribute] = f"{attribute}: {change.after} has no profile"
                return
        self._wanted[attribute] = wanted
        self._expected[attribute] = [before]
        # A way back may make a profile inactive and give it its old user name in one step.
        if attribute in self._item.aside and self._step in {"write", "deactivate"}:
            self._expected[attribute].append(passing_value(self._item.key, change.before))

    async def run(self) -> Result:
        """Settled when this returns, whatever the server did; or left until it is known whether the server is well.

        Raises:
            Failed: the journal cannot be written, or the token is no longer taken.
        """
        settled = await self.carry_out()
        if self._is_undecided:
            self._desk.undecided.append(self._decide)
        return await self._desk.settle(self._item, self._step, settled)

    def expect(self, values: Mapping[str, Any]) -> None:
        """What a profile that was just made has instead of what was sent."""
        for attribute, value in values.items():
            self._expected.setdefault(attribute, []).append(value)

    async def carry_out(self, resource: dict[str, Any] | None = None, *, learns: bool = False) -> Settled:
        """The same, before its result is recorded.

        Args:
            resource: the profile, where it was read just now.
            learns: whoever calls is the one who learns already.
        """
        self._fresh, self._has_turn = resource, learns
        try:
            if not self._wanted:
                return self._settled(Result.SKIPPED, "; ".join(self._unresolved.values()))
            for _ in range(_ROUNDS):
                settled = await self._round()
                if settled is not None:
                    return settled
            return self._settled(Result.FAILED, f"gave up after {self._attempts} attempts; last: {self._last}")
        finally:
            if self._is_learning:
                self._desk.learned.learning.release()

    async def _round(self) -> Settled | None:
        stuck = await self._look()
        if stuck is not None:
            return stuck
        current = self._desk.values(self._resource, self._wanted)
        if self._before is None:
            self._remember(current)
        pending = [a for a in self._wanted if not self._is_done(a, current[a])]
        known = {a: [*self._expected[a], *self._ours[a]] for a in pending}
        moved = [a for a in pending if not any(same(current[a], value) for value in known[a])]
        if moved:
            return self._settled(Result.SKIPPED, f"{', '.join(moved)} moved since the snapshot")
        self._bar(pending)
        group, form = self._agenda.next([a for a in pending if a not in self._refused])
        if form is None:
            for attribute in pending:
                if attribute not in self._refused and attribute not in self._written:
                    unsafe = self._desk.learned.has_harmed(attribute)
                    self._refused[attribute] = _UNSAFE if unsafe else self._last or "no way of writing it is left"
                    self._open |= set() if unsafe else {attribute}
            return self._finish(current)
        if self._must_learn(group, form) and not (self._is_learning or self._has_turn):
            await self._desk.learned.learning.acquire()
            self._is_learning, self._fresh = True, None
            return None
        return await self._write(group, form)

    def _must_learn(self, group: list[str], form: Form) -> bool:
        """Whether nobody knows what comes of this: then one person at a time tries."""
        unproven = any(not self._desk.learned.is_proven(form, a) for a in group)
        return any(self._agenda.is_open(a) for a in group) or (unproven and is_at_stake(form, self._resource, group))

    async def _look(self) -> Settled | None:
        """The profile as it is now, in ``_resource``; what ends the step where it cannot be had."""
        if self._fresh is not None:
            self._resource, self._fresh = self._fresh, None
            return None
        looked = await self._desk.sender.look(self._profile_id)
        resource = looked.resource if looked.is_ok else None
        if looked.status in _GONE:
            return self._gone()
        if resource is None or str(resource["id"]) != self._profile_id:
            why = "another profile came back" if resource else sentence(looked, with_detail=True)
            return self._settled(Result.FAILED, f"the profile could not be read: {why}")
        self._resource = resource
        unseen, self._unseen = self._unseen or self._unseen_before(resource), None
        if unseen is not None and moved_members(unseen.before, resource):
            await self._care(unseen, resource)
        return None

    def _unseen_before(self, resource: dict[str, Any]) -> Deed | None:
        """What an apply that was cut short may have done to this profile beside what it wrote."""
        doubt, self._doubt = self._doubt, None
        if doubt is None or self._before is not None:
            return None
        self._doubt = doubt
        form, whole = BY_NAME.get(str(doubt.get("dialect"))), doubt.get("resource")
        if form is None or not isinstance(whole, dict) or str(whole.get("id")) != str(resource["id"]):
            return None
        sent = {str(entry["attribute"]) for entry in doubt.get("after") or ()}
        return self._deed(form, whole, {a: v for a, v in self._wanted.items() if a in sent}, resource)

    def _deed(self, form: Form, before: dict[str, Any], writing: Mapping[str, Any], after: dict[str, Any]) -> Deed:
        return Deed(self._profile_id, form, before, dict(writing), after, deactivates=self._step == "deactivate")

    async def _care(self, deed: Deed, after: dict[str, Any]) -> None:
        """What the write did beside is put back; the profile is as it is then."""
        seen = await see_to(self._desk, self._item, self._deed(deed.form, deed.before, deed.writing, after))
        self._resource = seen.resource
        if seen.reason:
            self._notes.append(seen.reason)
        for attribute, value in self._desk.values(seen.resource, self._wanted).items():
            self._ours[attribute].append(value)

    def _bar(self, pending: Sequence[str]) -> None:
        """Put aside what need not be tried: refused often enough, not writable, or never without damage."""
        learned = self._desk.learned
        for attribute in pending:
            if attribute in self._refused:
                continue
            if why := self._desk.shape.bars(parse(attribute), creating=False):
                self._refused[attribute] = why
            elif learned.no_form_is_safe(attribute, clearing=self._wanted[attribute] is None):
                self._refused[attribute] = _UNSAFE
            elif learned.refuses(attribute) and attribute not in self._written:
                self._refused[attribute] = "the target refuses this attribute"

    def _remember(self, current: Mapping[str, Any]) -> None:
        """What was there before this run wrote anything: for a step in doubt, what its first intent read."""
        self._before = dict(current)
        for attribute, value in current.items():
            original = self._expected[attribute][0]
            if len(self._expected[attribute]) > 1 and same(value, self._expected[attribute][1]):
                self._before[attribute] = original
        if self._doubt is None:
            return
        sent = {str(entry["attribute"]) for entry in self._doubt.get("after") or ()}
        for attribute in sent & current.keys():
            self._before[attribute] = self._expected[attribute][0]
            self._written[attribute] = self._wanted[attribute]
            self._open.add(attribute)

    def _is_done(self, attribute: str, value: Any) -> bool:
        wanted = self._wanted[attribute]
        if same(value, wanted) or (attribute in self._accepted and same(value, self._accepted[attribute])):
            return True
        sent_before = attribute in self._written and not any(same(value, v) for v in self._expected[attribute])
        return sent_before and classify(wanted, value) is Kept.NORMALISED

    async def _write(self, group: list[str], form: Form) -> Settled | None:
        desk, resource = self._desk, self._resource
        writing = {attribute: self._wanted[attribute] for attribute in group}
        before = {attribute: (self._before or {})[attribute] for attribute in group}
        whole = (self._step == "deactivate" and not desk.learned.is_deactivation_known) or self._must_learn(group, form)
        attempt = Attempt(self._profile_id, before, writing, form.name, resource, keep_whole=whole)
        await desk.intend(self._item, self._step, attempt)
        self._attempts += 1
        send = desk.sender.put if form.method == "PUT" else desk.sender.patch
        said = {name: value for name, value in resource.items() if name not in desk.learned.read_only}
        answer = await send(self._profile_id, body(form, said, writing, desk.shape), self._match.version(resource))
        desk.answered(self._item, self._step, self._profile_id, answer)
        self._unseen = self._deed(form, resource, writing, resource) if answer.is_ok or answer.is_lost else None
        if answer.is_ok:
            self._written |= writing
            self._open -= writing.keys()
            self._losses = 0
            return await self._taken(answer, writing, form)
        return await self._not_taken(answer, group, form)

    async def _taken(self, answer: Answer, writing: Mapping[str, Any], form: Form) -> Settled | None:
        """The server said yes: see what it made of it."""
        desk = self._desk
        after = await self._read_back(answer, writing)
        if after is None:
            return None
        self._unseen = None
        left = not_kept(desk.found(writing, after))
        self._agenda.taken(form, list(writing), left)
        self._accepted |= {a: v for a, v in desk.values(after, writing).items() if a not in left}
        if len(left) < len(writing):
            self._confirm()
        await self._care(self._deed(form, self._resource, writing, after), after)
        self._fresh = self._resource
        if self._step == "deactivate" and not left:
            desk.learned.survived += 1
        return None

    async def _read_back(self, answer: Answer, writing: Mapping[str, Any]) -> dict[str, Any] | None:
        desk, told = self._desk, answer.resource
        told = told if told is not None and str(told["id"]) == self._profile_id else None
        unsure = self._step == "deactivate" and not desk.learned.is_deactivation_known
        if told is not None and not unsure and desk.learned.believes_answer(writing):
            return told
        seen = self._resource
        for later in range(_LATER if answer.status == _ACCEPTED else 1):
            looked = await desk.sender.look(self._profile_id)
            if not looked.is_ok or looked.resource is None or str(looked.resource["id"]) != self._profile_id:
                return None
            seen = looked.resource
            if moved_members(self._resource, seen):
                break
            if answer.status == _ACCEPTED:
                await desk.sender.pace.rest(answer, later)
        if told is not None:
            truthful = not moved_members(told, seen)
            for attribute in writing:
                desk.learned.compared(attribute, truthful=truthful)
        return seen

    def _confirm(self) -> None:
        """A server that takes other attributes of the same person is well: what it failed on, it refuses."""
        if self._written or self._vouched:
            for attribute in self._suspects:
                self._desk.learned.refused(attribute, by_value=True)
            self._open -= self._suspects
            self._suspects.clear()

    async def _not_taken(self, answer: Answer, group: list[str], form: Form) -> Settled | None:
        others = blamed(sentence(answer, with_detail=True), self._resource, group)
        if answer.status not in _NOT_OFFERED or not self._last:
            self._last, self._last_status = sentence(answer, with_detail=True), answer.status
            self._blames_others = bool(others)
        if answer.status in _CONFLICT:
            self._conflicts += 1
            self._match.refused(self._resource)
            if answer.status == 409 or self._conflicts >= _LOSSES:
                return self._settled(Result.FAILED, f"the target {self._last}")
            return None
        if answer.status in {0, 429} or answer.is_lost:
            return await self._lost(answer, group, form)
        if form.method == "PUT" and self._desk.learned.called_read_only(self._desk.may_leave_out(answer, others)):
            return None
        self._fresh = self._resource
        self._say_no(group, form, not_offered=answer.status == 405)
        if answer.status in _NOT_OFFERED:
            self._desk.learned.not_offered(form)
        return None

    def _say_no(self, group: list[str], form: Form, *, not_offered: bool = False) -> None:
        """The form was not taken for ``group``: another is tried, or less at a time, until nothing is left."""
        self._agenda.refused(form, group, not_offered=not_offered)
        if len(group) == 1 and not self._blames_others and self._last_status in _OF_THE_VALUE:
            self._own_words[group[0]] = self._last
        for attribute in group:
            if attribute not in self._written and self._agenda.next([attribute])[1] is None:
                self._refuse(attribute)

    def _refuse(self, alone: str) -> None:
        """The attribute was not taken by itself, in any form."""
        self._refused[alone] = self._own_words.get(alone, self._last)
        if self._last_status >= 500 and self._last_status != 501:
            self._suspects.add(alone)
            if not self._desk.learned.fails_again(alone):
                self._open.add(alone)
            self._confirm()
            return
        if self._blames_others and alone not in self._own_words:
            self._open.add(alone)
            return
        is_made = self._step == "complete"  # the server took the person a moment ago
        self._desk.learned.refused(
            alone, by_value=self._vouched or is_made, of_value=self._last_status in _OF_THE_VALUE
        )

    async def _lost(self, answer: Answer, group: list[str], form: Form) -> Settled | None:
        """The request may have been carried out: the next look says. A 500 again and again may mean one attribute."""
        self._losses += 1
        stumbled = answer.status == 500
        self._stumbles[tuple(group), form.name] += stumbled
        is_new = answer.status >= 500 and not self._desk.learned.worked[form.name]
        if is_new or self._stumbles[tuple(group), form.name] >= _STUMBLES:
            self._say_no(group, form)
        if self._losses >= (_FAILURES if stumbled else _LOSSES):
            return self._settled(Result.FAILED, f"the target {self._last}, {self._losses} times")
        await self._desk.sender.pace.rest(answer, min(self._losses, _LONGEST_REST))
        return None

    def _gone(self) -> Settled:
        """The profile does not answer any more."""
        ours = self._attempts > 0 or self._doubt is not None
        if self._step == "deactivate" and ours:
            self._desk.learned.deactivation_deletes = True
            self._written |= self._wanted
            if self._before is None:
                self._before = {a: values[0] for a, values in self._expected.items()}
            self._resource = {}
            return self._settled(Result.APPLIED, "the target deletes a profile that is deactivated")
        return self._settled(Result.SKIPPED, "the profile is gone from the target")

    def _finish(self, current: Mapping[str, Any]) -> Settled:
        """Nothing more can be done: say what was, and what was not taken."""
        reasons = [f"{a}: not taken ({why})" for a, why in self._refused.items()]
        reasons += [*self._unresolved.values(), *self._notes]
        done = [a for a in self._wanted if a in self._written or same(current[a], self._wanted[a])]
        if not done and not self._is_about_values():
            self._is_undecided = bool(self._refused) and not self._open and not self._suspects
            return self._settled(Result.FAILED, "; ".join(reasons) or f"the target {self._last}")
        found = self._desk.found(self._written, self._resource)
        if lost := not_kept(found):
            reasons.insert(0, f"the target did not keep {', '.join(lost)}")
        result = Result.SKIPPED if self._unresolved else Result.APPLIED
        if not self._written and not reasons:
            reasons.append("already so")
        return self._settled(result, "; ".join(reasons), None if self._refused else found)

    def _is_about_values(self) -> bool:
        """Whether everything was refused for what it is, by a server that takes other things: that is an answer."""
        known = {
            a for a, why in self._refused.items() if self._is_barred(a, why) or self._desk.learned.refuses_value(a)
        }
        return not self._open and known == self._refused.keys()

    def _is_barred(self, attribute: str, why: str) -> bool:
        return why == _UNSAFE or bool(self._desk.shape.bars(parse(attribute), creating=False))

    def _is_about(self, attribute: str, why: str) -> bool:
        """Whether one refusal was about what was sent."""
        learned = self._desk.learned
        return self._is_barred(attribute, why) or learned.refuses_value(attribute) or learned.spoke_of_value(attribute)

    async def _decide(self, *, tripped: bool) -> Result | None:
        """Settle again if the server is well after all: it took other things, or it spoke of what was sent.

        Where so many were refused that the apply stops, nothing is concluded from it.
        """
        learned = self._desk.learned
        if not learned.worked and (tripped or not all(learned.spoke_of_value(a) for a in self._refused)):
            return None
        self._is_undecided = False
        reason = "; ".join(f"{a}: not taken ({why})" for a, why in self._refused.items())
        return await self._desk.settle(self._item, self._step, self._settled(Result.APPLIED, reason))

    def _settled(self, result: Result, reason: str, found: list[dict[str, Any]] | None = None) -> Settled:
        desk, before = self._desk, self._before or {}
        refused = {a: self._wanted[a] for a in self._refused if self._resource}
        written = refused | self._written
        if found is None:
            found = desk.found(written, self._resource) if self._resource or written else []
        doubted = {a for a, why in self._refused.items() if not self._is_about(a, why)} - self._suspects
        for entry in found:
            if entry["class"] == Kept.NOT_KEPT and entry["attribute"] in self._open | doubted:
                entry["class"] = Kept.MOVED.value
        return Settled(
            result=result,
            profile_id=self._profile_id,
            reason=reason,
            attempts=self._attempts,
            before={a: before[a] for a in written if a in before},
            written=written,
            found=found,
            resource=self._resource or None,
            refused=tuple(a for a in self._refused if a not in self._open) if result is Result.APPLIED else (),
        )


def step_of(item: WorkItem) -> str:
    """The step in which a person's own attributes are written."""
    return "deactivate" if item.operation is Decision.DEACTIVATE else "write"
