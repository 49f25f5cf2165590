"""Changing a profile that exists: look, compare, say so, write, read back — until it is so or cannot be."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from trueup.connectors.scim.responses import sentence
from trueup.connectors.scim_writer.apply_context import ApplyContext, Attempt, Settled, not_kept
from trueup.connectors.scim_writer.etags import IfMatch
from trueup.connectors.scim_writer.payloads import Dialect, blamed, body
from trueup.transforms.values.equality import classify, same
from trueup.transforms.values.paths import parse
from trueup.transforms.vocabulary import Decision, Kept, Result
from trueup.transforms.work import passing_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trueup.connectors.scim.responses import Answer
    from trueup.transforms.work import Change, WorkItem

_ROUNDS = 40
"""Far more than any honest server needs; ends a quarrel with one that is not."""
_LOSSES = 4
_FAILURES = 12
"""500s in a row until a person is given up: time to find out which single attribute the server stumbles over."""
_STUMBLES = 2
"""So often the same request is answered 500 until less is sent."""
_LONGEST_REST = 2
_GONE = (404, 410)
_CONFLICT = (409, 412)
_NOT_OFFERED = (405, 501)
_OF_THE_VALUE = (400, 422)
"""Refusals that speak of what was sent; any other may speak of us, or of today."""


class UpdateProfile:
    """One step of one person: these attributes, from what the snapshot had to what the plan wants."""

    def __init__(
        self, desk: ApplyContext, item: WorkItem, step: str, changes: Sequence[Change], profile_id: str
    ) -> None:
        self._desk = desk
        self._item = item
        self._step = step
        self._profile_id = profile_id
        self._doubt = desk.past.doubts.get((item.key, step))
        self._wanted: dict[str, Any] = {}
        self._expected: dict[str, list[Any]] = {}
        self._unresolved: dict[str, str] = {}
        for change in changes:
            self._take(change)
        self._before: dict[str, Any] | None = None
        self._written: dict[str, Any] = {}
        self._refused: dict[str, str] = {}
        self._open: set[str] = set()
        """Attributes of which nobody knows whether the target would keep them: a later plan may try again."""
        self._sent: set[tuple[str, ...]] = set()
        self._only: str | None = None
        self._tried: set[Dialect] = set()
        self._splits = False
        self._attempts = 0
        self._losses = 0
        self._stumbles: Counter[tuple[tuple[str, ...], Dialect]] = Counter()
        self._suspects: set[str] = set()
        """Attributes the server failed on when sent alone: refused, if anything else of the person is taken."""
        self._match = IfMatch(desk.learned)
        self._conflicts = 0
        self._last = ""
        self._last_status = 0
        self._blames_others = False
        self._resource: dict[str, Any] = {}
        self._also: list[str] = []

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
        """Settled when this returns, whatever the server did.

        Raises:
            Failed: the journal cannot be written, or the token is no longer taken.
        """
        if not self._wanted:
            return await self._settle(Result.SKIPPED, "; ".join(self._unresolved.values()))
        for _ in range(_ROUNDS):
            result = await self._round()
            if result is not None:
                return result
        return await self._settle(Result.FAILED, f"gave up after {self._attempts} attempts; last: {self._last}")

    async def _round(self) -> Result | None:
        looked = await self._desk.sender.look(self._profile_id)
        resource = looked.resource if looked.is_ok else None
        if looked.status in _GONE:
            return await self._gone()
        if resource is None or str(resource["id"]) != self._profile_id:
            why = "another profile came back" if resource else sentence(looked, with_detail=True)
            return await self._settle(Result.FAILED, f"the profile could not be read: {why}")
        self._resource = resource
        current = self._desk.values(resource, self._wanted)
        if self._before is None:
            self._remember(current)
        pending = [a for a in self._wanted if not self._is_done(a, current[a])]
        moved = [a for a in pending if not any(same(current[a], value) for value in self._expected[a])]
        if moved:
            return await self._settle(Result.SKIPPED, f"{', '.join(moved)} moved since the snapshot")
        for attribute in pending:
            if self._desk.learned.refuses(attribute):
                self._refused.setdefault(attribute, "the target refuses this attribute")
                if not self._desk.learned.refuses_value(attribute):
                    self._open.add(attribute)
        pending = [a for a in pending if a not in self._refused]
        group, dialect = self._choose(pending)
        if dialect is None:
            return await self._finish(current)
        return await self._write(group, dialect)

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
        if same(value, wanted):
            return True
        sent_before = attribute in self._written and not any(same(value, v) for v in self._expected[attribute])
        return sent_before and classify(wanted, value) is Kept.NORMALISED

    def _choose(self, pending: list[str]) -> tuple[list[str], Dialect | None]:
        """What to send next and how: everything at once; once that was refused, one attribute at a time."""
        while pending:
            group = [self._only] if self._only in pending else pending
            if self._splits and self._only not in pending:
                self._only, self._tried = pending[0], set()
                group = [self._only]
            fresh = tuple(group) not in self._sent and any(a not in self._written for a in group)
            for dialect in self._desk.learned.dialects():
                worth = fresh or any(self._desk.learned.worth_trying(a, dialect) for a in group)
                if dialect not in self._tried and worth:
                    return [str(attribute) for attribute in group], dialect
            if not self._last or all(a in self._written for a in group):
                return [], None
            if len(group) > 1:
                self._splits = True
                continue
            alone = str(group[0])
            self._refuse(alone)
            self._only = None
            pending = [a for a in pending if a != alone]
            self._splits = self._splits or bool(pending)
        return [], None

    def _refuse(self, alone: str) -> None:
        """The attribute was not taken by itself."""
        self._refused[alone] = self._last
        if self._last_status >= 500 and self._last_status != 501:
            self._suspects.add(alone)
            if not self._desk.learned.fails_again(alone):
                self._open.add(alone)
            self._confirm()
            return
        if self._blames_others:
            self._open.add(alone)
            return
        self._desk.learned.refused(alone, by_value=self._last_status in _OF_THE_VALUE)
        if not self._desk.learned.refuses_value(alone):
            self._open.add(alone)

    def _confirm(self) -> None:
        """A server that takes other attributes of the same person is well: what it failed on, it refuses."""
        if self._written:
            for attribute in self._suspects:
                self._desk.learned.refused(attribute, by_value=True)
            self._open -= self._suspects
            self._suspects.clear()

    async def _write(self, group: list[str], dialect: Dialect) -> Result | None:
        desk, resource = self._desk, self._resource
        writing = {attribute: self._wanted[attribute] for attribute in group}
        before = {attribute: (self._before or {})[attribute] for attribute in group}
        whole = self._step == "deactivate" and not desk.learned.is_deactivation_known
        attempt = Attempt(self._profile_id, before, writing, dialect, resource, keep_whole=whole)
        await desk.intend(self._item, self._step, attempt)
        self._attempts += 1
        self._sent.add(tuple(group))
        send = desk.sender.put if dialect == "put" else desk.sender.patch
        said = {name: value for name, value in resource.items() if name not in desk.learned.read_only}
        answer = await send(self._profile_id, body(dialect, said, writing), self._match.version(resource))
        desk.answered(self._item, self._step, self._profile_id, answer)
        if answer.is_ok:
            self._written |= writing
            self._open -= writing.keys()
            self._losses = 0
            return await self._taken(answer, writing, dialect)
        return await self._not_taken(answer, group, dialect)

    async def _taken(self, answer: Answer, writing: Mapping[str, Any], dialect: Dialect) -> Result | None:
        """The server said yes: see what it made of it."""
        desk = self._desk
        after = await self._read_back(answer, writing)
        if after is None:
            return None
        found = desk.found(writing, after)
        left = not_kept(found)
        self._also = desk.collateral(self._resource, after, list(writing))
        self._resource = after
        now = desk.values(after, writing)
        for attribute in writing:
            self._expected[attribute].append(now[attribute])
        if len(left) < len(writing):
            desk.learned.succeeded(dialect)
            self._confirm()
        desk.learned.in_vain(left, dialect)
        self._tried.add(dialect)
        if self._step == "deactivate" and not left:
            desk.learned.survived += 1
        open_still = [a for a in self._wanted if a not in self._written and a not in self._refused]
        another = [d for d in desk.learned.dialects() if d not in self._tried]
        if not open_still and (not left or not another):
            return await self._finish(desk.values(after, self._wanted))
        return None

    async def _read_back(self, answer: Answer, writing: Mapping[str, Any]) -> dict[str, Any] | None:
        desk, told = self._desk, answer.resource
        told = told if told is not None and str(told["id"]) == self._profile_id else None
        unsure = self._step == "deactivate" and not desk.learned.is_deactivation_known
        if told is not None and not unsure and desk.learned.believes_answer(writing):
            return told
        looked = await desk.sender.look(self._profile_id)
        seen = looked.resource if looked.is_ok else None
        if seen is None or str(seen["id"]) != self._profile_id:
            return None
        if told is not None:
            says, holds = desk.values(told, writing), desk.values(seen, writing)
            for attribute in writing:
                desk.learned.compared(attribute, truthful=same(says[attribute], holds[attribute]))
        return seen

    async def _not_taken(self, answer: Answer, group: list[str], dialect: Dialect) -> Result | None:
        others = blamed(sentence(answer, with_detail=True), self._resource, group)
        if answer.status not in _NOT_OFFERED or not self._last:
            self._last, self._last_status = sentence(answer, with_detail=True), answer.status
            self._blames_others = bool(others)
        if answer.status in _CONFLICT:
            self._conflicts += 1
            self._match.refused(self._resource)
            if answer.status == 409 or self._conflicts >= _LOSSES:
                return await self._settle(Result.FAILED, f"the target {self._last}")
            return None
        if answer.status in {0, 429} or answer.is_lost:
            return await self._lost(answer, group, dialect)
        if dialect == "put" and self._desk.learned.called_read_only(await self._desk.may_leave_out(answer, others)):
            return None
        if answer.status == 405:
            self._desk.learned.not_offered(dialect)
        self._tried.add(dialect)
        return None

    async def _lost(self, answer: Answer, group: list[str], dialect: Dialect) -> Result | None:
        """The request may have been carried out: the next look says. A 500 again and again may mean one attribute."""
        self._losses += 1
        stumbled = answer.status == 500
        self._stumbles[tuple(group), dialect] += stumbled
        is_new = answer.status >= 500 and not self._desk.learned.worked[dialect]
        if is_new or self._stumbles[tuple(group), dialect] >= _STUMBLES:
            self._tried.add(dialect)
        if self._losses >= (_FAILURES if stumbled else _LOSSES):
            return await self._settle(Result.FAILED, f"the target {self._last}, {self._losses} times")
        await self._desk.sender.pace.rest(answer, min(self._losses, _LONGEST_REST))
        return None

    async def _gone(self) -> Result:
        """The profile does not answer any more."""
        ours = self._attempts > 0 or self._doubt is not None
        if self._step == "deactivate" and ours:
            self._desk.learned.deactivation_deletes = True
            self._written |= self._wanted
            if self._before is None:
                self._before = {a: values[0] for a, values in self._expected.items()}
            self._resource = {}
            return await self._settle(Result.APPLIED, "the target deletes a profile that is deactivated")
        return await self._settle(Result.SKIPPED, "the profile is gone from the target")

    async def _finish(self, current: Mapping[str, Any]) -> Result:
        """Nothing more can be done: say what was, and what was not taken."""
        reasons = [f"{a}: not taken ({why})" for a, why in self._refused.items()]
        reasons += list(self._unresolved.values())
        if self._also and self._written:
            reasons.append(f"the target also changed {', '.join(sorted(self._also))}")
        done = [a for a in self._wanted if a in self._written or same(current[a], self._wanted[a])]
        if not done:
            return await self._settle(Result.FAILED, "; ".join(reasons) or f"the target {self._last}")
        found = self._desk.found(self._written, self._resource)
        if lost := not_kept(found):
            reasons.insert(0, f"the target did not keep {', '.join(lost)}")
        result = Result.SKIPPED if self._unresolved else Result.APPLIED
        if not self._written and not reasons:
            reasons.append("already so")
        return await self._settle(result, "; ".join(reasons), None if self._refused else found)

    async def _settle(self, result: Result, reason: str, found: list[dict[str, Any]] | None = None) -> Result:
        desk, before = self._desk, self._before or {}
        refused = {a: self._wanted[a] for a in self._refused if self._resource}
        written = refused | self._written
        if found is None:
            found = desk.found(written, self._resource) if self._resource or written else []
        for entry in found:
            if entry["class"] == Kept.NOT_KEPT and entry["attribute"] in self._open:
                entry["class"] = Kept.MOVED.value
        settled = Settled(
            result=result,
            profile_id=self._profile_id,
            reason=reason,
            attempts=self._attempts,
            before={a: before[a] for a in written if a in before},
            written=written,
            found=found,
            resource=self._resource or None,
        )
        return await desk.settle(self._item, self._step, settled)


def step_of(item: WorkItem) -> str:
    """The step in which a person's own attributes are written."""
    return "deactivate" if item.operation is Decision.DEACTIVATE else "write"
