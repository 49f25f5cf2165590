"""Shared state of one apply, and its journal: the intent before each request, the result after."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from trueup.connectors.scim_writer.new_ids import NewIds
from trueup.transforms.values.equality import canonical, classify, is_nothing, moved_members, seen
from trueup.transforms.values.paths import ScimPath, element_at, get, parse
from trueup.transforms.vocabulary import Kept, Result

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Mapping

    from trueup.connectors.archive.journal import Journal
    from trueup.connectors.scim.responses import Answer
    from trueup.connectors.scim.shape import Shape
    from trueup.connectors.scim_writer.lookup import Lookup
    from trueup.connectors.scim_writer.resume import ResumeState
    from trueup.connectors.scim_writer.sender import Sender
    from trueup.connectors.scim_writer.target_profile import TargetBehaviour, Telling
    from trueup.transforms.approval.since import Since
    from trueup.transforms.work import Change, Work, WorkItem

PROFILE = "profile:"


class Decide(Protocol):
    """Settles somebody again, or leaves it as it is (none)."""

    async def __call__(self, *, tripped: bool) -> Result | None:
        """``tripped``: so many were refused that the apply stops."""
        ...


@dataclass(slots=True)
class ApplyContext:
    """Held while one run is applied."""

    sender: Sender
    journal: Journal
    learned: TargetBehaviour
    lookup: Lookup
    past: ResumeState
    work: Work
    shape: Shape
    since: Mapping[str, Since] = field(default_factory=dict)
    """Key → the plan for some people that settled this person after the plan at hand was made."""
    managed: tuple[str, ...] = ()
    """The managed attributes, by path."""
    created: dict[str, str] = field(default_factory=dict)
    """Key → profile id of everybody this run created."""
    keys: dict[str, str] = field(default_factory=dict)
    """Profile id → key, for references met."""
    undecided: list[Decide] = field(default_factory=list)
    """People for whom everything was refused while nothing of anybody was taken: settled again once it is known
    whether the server is well."""
    names_in_flight: dict[str, asyncio.Event] = field(default_factory=dict)
    referred: dict[tuple[str, str], Any] = field(default_factory=dict)
    """(key, attribute) → profile id of each reference this call wrote."""
    new_ids: NewIds = field(default_factory=NewIds)
    """Whose profile the target gave another id."""

    def id_of(self, key: Any) -> str | None:
        """The profile a reference's key means; none while it has none, or where it went to somebody else."""
        since = self.since.get(str(key))
        if since is not None and since.lost_profile:
            return self.created.get(str(key))
        return self.id_then(key)

    def id_then(self, key: Any) -> str | None:
        """The profile that a reference's key meant when the plan was made, or means since this run made it."""
        if key is None or key == "":
            return None
        text = str(key)
        if text.startswith(PROFILE):
            return text.removeprefix(PROFILE)
        return self.new_ids.now.get(text) or self.created.get(text) or self.work.profiles.get(text)

    def renamed(self, key: str, before: str, now: str) -> None:
        """The target gave the profile of ``key`` another id: references to it follow."""
        self.new_ids.note(key, before, now)
        self.keys[now] = key
        if key in self.created:
            self.created[key] = now
        self.learned.renames = True

    def refers_to_old_id(self, key: str, change: Change) -> bool:
        """Whether this call wrote a reference to an id that was given up since."""
        written = self.referred.get((key, change.attribute))
        return written is not None and written != self.id_of(change.after)

    def key_of(self, profile_id: str) -> str:
        """The key of the person behind a profile; ``profile:<id>`` when the plan knows nobody."""
        if profile_id not in self.keys:
            for known in (self.work.profiles, self.created, self.new_ids.now):
                self.keys |= {profile: key for key, profile in known.items()}
            if profile_id not in self.keys:
                self.keys[profile_id] = self.work.key_of([profile_id]).get(profile_id, f"{PROFILE}{profile_id}")
        return self.keys[profile_id]

    def may_leave_out(self, answer: Answer, others: set[str]) -> set[str]:
        """Which of ``others``, for which the target refused a PUT, it calls read-only: nothing is lost."""
        if answer.scim_type == "mutability":
            return others
        return {name for name in others if name.lower() in self.shape.read_only()}

    async def believes(
        self, profile_id: str, told: dict[str, Any], writing: Mapping[str, Any], telling: Telling = "change"
    ) -> bool:
        """Whether ``told``, the body of a 200, may stand for reading the profile back.

        It must have told the truth of each of these attributes before, and at least once in this apply. Where a single
        comparison is missing, one makes it for all.
        """
        learned = self.learned
        if learned.believes_answer(writing, telling):
            return True
        if not learned.believes_answer(writing, telling, lacking=1):
            return False
        async with learned.checking:
            if not learned.believes_answer(writing, telling):
                looked = await self.sender.get_profile(profile_id)
                if not looked.is_ok or looked.resource is None:
                    return False
                truthful = not moved_members(told, looked.resource)
                for attribute in writing:
                    learned.compared(attribute, telling, truthful=truthful)
        return learned.believes_answer(writing, telling)

    def values(self, resource: dict[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Attribute → value in ``resource``; references as profile ids, everything in the type of what is wanted."""
        return {attribute: self._value(resource, attribute, value) for attribute, value in wanted.items()}

    def _value(self, resource: dict[str, Any], attribute: str, wanted: Any) -> Any:
        path = parse(attribute)
        return seen(path, get(resource, path, wanted, **self.shape.typeless.meant(resource, path)), wanted)

    def read(self, resource: dict[str, Any], attributes: Iterable[str]) -> dict[str, Any]:
        """The managed values of whole attributes (``name``: its managed members), else the whole ones."""
        found: dict[str, Any] = {}
        for name in attributes:
            parts = [path for path in self.managed if parse(path).whole.lower() == name.lower()] or [name]
            found |= {part: self._value(resource, part, None) for part in parts}
        return found

    def compared(self, written: Mapping[str, Any], resource: dict[str, Any]) -> list[dict[str, Any]]:
        """What is there of each value; nothing is learnt from it."""
        now = self.values(resource, written)
        return [self._entry(a, now[a], classify(value, now[a])) for a, value in written.items()]

    def _entry(self, attribute: str, value: Any, kept: Kept) -> dict[str, Any]:
        return {"attribute": attribute, "value": self.text(attribute, value), "class": kept.value}

    def as_record(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Values as journal and outcome hold them: JSON text, references as keys, null for nothing."""
        return [{"attribute": a, "value": self.text(a, value)} for a, value in values.items()]

    def text(self, attribute: str, value: Any) -> str | None:
        """One value as JSON text; a reference as the key of its person."""
        if is_nothing(value):
            return None
        return canonical(self.key_of(str(value)) if parse(attribute).is_reference else value)

    async def intend(self, item: WorkItem, step: str, attempt: Attempt, *, operation: str = "") -> None:
        """The intent is on the disk when this returns: only now may the request leave."""
        await self.journal.write(
            {
                "event": "intent",
                "key": item.key,
                "operation": operation or item.operation,
                "step": step,
                "profile_id": attempt.profile_id,
                "dialect": attempt.dialect,
                "before": self.as_record(attempt.before),
                "after": self.as_record(attempt.writing),
                **({} if attempt.resource is None else {"resource": attempt.resource}),
            }
        )

    def answered(self, item: WorkItem, step: str, profile_id: str | None, answer: Answer) -> None:
        """Note the answer; it shares the next sync."""
        kind = "" if answer.is_ok else answer.scim_type
        self.journal.note(
            {
                "event": "answer",
                "key": item.key,
                "operation": item.operation,
                "step": step,
                "profile_id": profile_id,
                "status": answer.status,
                **({"scim_type": kind} if kind else {}),
                **({"trouble": answer.trouble} if answer.trouble else {}),
            }
        )

    async def record_result(self, item: WorkItem, step: str, settled: Settled, *, operation: str = "") -> Result:
        """Record the result of a step; its sync is under way and is not waited for, since it can be seen again."""
        self.journal.record(
            {
                "event": "settled",
                "key": item.key,
                "operation": operation or item.operation,
                "step": step,
                "profile_id": settled.profile_id,
                **({"was": settled.was} if settled.was else {}),
                "result": settled.result,
                "reason": settled.reason,
                **({"refused": list(settled.refused)} if settled.refused else {}),
                "attempts": settled.attempts,
                "before": self.as_record(settled.before),
                "written": self.as_record(settled.written),
                "found": settled.found,
                "resource": settled.resource,
            }
        )
        return settled.result

    def found(self, written: Mapping[str, Any], resource: dict[str, Any]) -> list[dict[str, Any]]:
        """What the target made of each value, and learn from it."""
        found = []
        now = self.values(resource, written)
        for attribute, value in written.items():
            kept = classify(value, now[attribute])
            self.learned.read_back(attribute, value, now[attribute], kept)
            path = parse(attribute)
            if kept is not Kept.NOT_KEPT and path.kind_of_element and not is_nothing(value):
                held = get(resource, ScimPath(path.attribute, path.schema))
                if isinstance(held, list) and element_at(held, path) is None:
                    self.learned.untyped.add(path.whole.lower())
            found.append(self._entry(attribute, now[attribute], kept))
        return found

    def note_collateral(self, attributes: Iterable[str]) -> None:
        """Attributes that changed though nobody wrote them, and stayed so."""
        for name in attributes:
            self.learned.collateral[name] += 1


@dataclass(slots=True)
class Attempt:
    """One request about to leave."""

    profile_id: str | None
    before: Mapping[str, Any]
    writing: Mapping[str, Any]
    dialect: str | None = None
    resource: dict[str, Any] | None = None
    """The whole profile as read just before, where one is there: the journal keeps it, since values may be lost."""


@dataclass(slots=True)
class Settled:
    """The result of one step for one person."""

    result: Result
    profile_id: str | None
    reason: str = ""
    attempts: int = 0
    before: Mapping[str, Any] = field(default_factory=dict)
    written: Mapping[str, Any] = field(default_factory=dict)
    found: list[dict[str, Any]] = field(default_factory=list)
    resource: dict[str, Any] | None = None
    """The whole profile as it is now; none when it is gone or was not touched."""
    refused: tuple[str, ...] = ()
    """Attributes the target would not take: the person is settled, and something approved is not so."""
    was: str = ""
    """The profile's id before our writes, where the target gave it another."""


def not_kept(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """Attributes of ``found`` the target did not keep."""
    return [str(entry["attribute"]) for entry in found if entry["class"] == Kept.NOT_KEPT]
