"""One step of one person: what is wanted, what may be found instead, and what was seen and done so far."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from trueup.connectors.scim.responses import Answer
from trueup.connectors.scim_writer.aftercare import GONE, Deed, see_to
from trueup.connectors.scim_writer.forms import BY_NAME
from trueup.connectors.scim_writer.found_again import Lost, found_again
from trueup.transforms.values.equality import classify, is_nothing, moved_members, same
from trueup.transforms.values.paths import parse
from trueup.transforms.vocabulary import Kept
from trueup.transforms.work import passing_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trueup.connectors.scim_writer.apply_context import ApplyContext
    from trueup.connectors.scim_writer.forms import Form
    from trueup.transforms.work import Change, WorkItem


RENAMED = "the target gave the profile another id"


@dataclass(slots=True)
class OneStep:
    """These attributes of one profile, from what the snapshot had to what the plan wants."""

    context: ApplyContext
    item: WorkItem
    name: str
    """The step's name in the journal."""
    profile_id: str
    """As it is now: our own write may change it."""
    began_as: str
    """As it was when the step began."""
    wanted: dict[str, Any] = field(default_factory=dict)
    expected: dict[str, list[Any]] = field(default_factory=dict)
    """What may be there instead, the snapshot's value first; anything else was moved by somebody."""
    unresolved: dict[str, str] = field(default_factory=dict)
    """References to people who have no profile, and why they are not written."""
    doubt: dict[str, Any] | None = None
    """The first intent of an apply that was cut short in this step."""
    resource: dict[str, Any] = field(default_factory=dict)
    """The profile as last read."""
    before: dict[str, Any] | None = None
    """What was there before this run wrote anything; none until the first look."""
    written: dict[str, Any] = field(default_factory=dict)
    accepted: dict[str, Any] = field(default_factory=dict)
    """What the target made of a value it kept."""
    attempts: int = 0
    notes: list[str] = field(default_factory=list)
    """What our writes did beside, for the reason."""
    respelt: dict[str, Any] = field(default_factory=dict)
    """What our writes made the target spell otherwise though no plan names it: managed attribute → what was there."""
    ours: defaultdict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    """What our own writes left behind: finding it does not mean that somebody edited it."""

    @classmethod
    def of(
        cls, context: ApplyContext, item: WorkItem, name: str, profile_id: str, changes: Iterable[Change]
    ) -> OneStep:
        """The step as the plan has it, and as an earlier attempt left it."""
        profile_id = context.new_ids.now.get(item.key, profile_id)
        step = cls(context, item, name, profile_id, profile_id, doubt=context.past.doubts.get((item.key, name)))
        for change in changes:
            step._take(change)
        return step

    @property
    def deactivates(self) -> bool:
        """Whether this is the step that makes a profile inactive."""
        return self.name == "deactivate"

    def _take(self, change: Change) -> None:
        wanted, before, attribute = change.after, change.before, change.attribute
        is_reference = parse(attribute).is_reference
        if is_reference:
            wanted, before = self.context.id_of(change.after), self.context.id_then(change.before)
            if change.after is not None and wanted is None:
                self.unresolved[attribute] = f"{attribute}: {change.after} has no profile"
                return
        self.wanted[attribute] = wanted
        self.context.shape.typeless.note(self.profile_id, attribute, before)
        self.expected[attribute] = [before]
        if is_reference and before != (then := self.context.work.profiles.get(str(change.before), before)):
            self.expected[attribute].append(then)  # whether the target moved the reference along, only the look says
        if (self.item.key, attribute) in self.context.referred:
            self.expected[attribute].append(self.context.referred[self.item.key, attribute])
        # A way back may make a profile inactive and give it its old user name in one step.
        if attribute in self.item.aside and self.name in {"write", "deactivate"}:
            self.expected[attribute].append(passing_value(self.item.key, change.before))

    def follow_references(self) -> None:
        """People referred to may have got another id since the step began."""
        if not self.context.new_ids.now:
            return
        for change in (*self.item.references, *self.item.changes):
            is_wanted = change.attribute in self.wanted and parse(change.attribute).is_reference
            if is_wanted and (now := self.context.id_of(change.after)) is not None:
                self.wanted[change.attribute] = now

    async def look(self, *hints: dict[str, Any] | None) -> Answer:
        """The answer of the profile; under its new id where the target gave it another for a write of ours.

        Args:
            *hints: what the target answered to the write.

        Raises:
            Failed: the token is no longer taken, or the list cannot be read where nothing else tells.
        """
        looked = await self.context.sender.get_profile(self.profile_id)
        theirs = looked.resource if looked.is_ok else None
        is_another = theirs is not None and str(theirs["id"]) != self.profile_id
        if not (is_another or looked.status in GONE) or not (self.attempts or self.doubt):
            return looked
        told = [one for one in (theirs, *hints) if one is not None]
        async with self.context.learned.checking:  # a list may have to be read for it: once it is known, no more
            if self.deactivates and self.context.learned.deactivation_deletes:
                return looked
            lost = Lost(self.item.key, self.profile_id, self.last_seen(), self.wanted)
            found = await found_again(self.context, lost, told)
        if found is None:
            return looked
        self.context.renamed(self.item.key, self.profile_id, str(found["id"]))
        self.profile_id = str(found["id"])
        if RENAMED not in self.notes:
            self.notes.append(RENAMED)
        return Answer(200, body=orjson.dumps(found))

    async def read(self, *hints: dict[str, Any] | None) -> dict[str, Any] | None:
        """The same as a profile; none where none of that id comes."""
        looked = await self.look(*hints)
        theirs = looked.resource if looked.is_ok else None
        return theirs if theirs is not None and str(theirs["id"]) == self.profile_id else None

    def note_references(self) -> None:
        """To whom this step made the profile refer, and by which id."""
        for attribute, value in self.written.items():
            if parse(attribute).is_reference:
                self.context.referred[self.item.key, attribute] = value

    def last_seen(self) -> dict[str, Any]:
        """The profile as last read: by this step, by an apply that was cut short in it, or by the plan."""
        if self.resource:
            return self.resource
        whole = (self.doubt or {}).get("resource")
        if isinstance(whole, dict):
            return whole
        text = self.context.work.snapshot_of(self.item.profile_id or self.began_as)
        return json.loads(text) if text else {}

    def current(self) -> dict[str, Any]:
        """What the profile holds of what is wanted."""
        return self.context.values(self.resource, self.wanted)

    def remember(self, current: Mapping[str, Any]) -> None:
        """What was there before this run wrote anything: for a step in doubt, what its first intent read."""
        self.before = dict(current)
        for attribute, value in current.items():
            original = self.expected[attribute][0]
            if len(self.expected[attribute]) > 1 and same(value, self.expected[attribute][1]):
                self.before[attribute] = original
        for attribute in self.sent_in_doubt() & current.keys():
            self.before[attribute] = self.expected[attribute][0]
            self.written[attribute] = self.wanted[attribute]

    def sent_in_doubt(self) -> set[str]:
        """Attributes an apply that was cut short may have sent."""
        return {str(entry["attribute"]) for entry in (self.doubt or {}).get("after") or ()}

    def is_done(self, attribute: str, value: Any) -> bool:
        """Whether ``value`` is what is wanted, or what the target makes of it."""
        wanted = self.wanted[attribute]
        if same(value, wanted) or (attribute in self.accepted and same(value, self.accepted[attribute])):
            return True
        sent_before = attribute in self.written and not any(same(value, v) for v in self.expected[attribute])
        return sent_before and classify(wanted, value) is Kept.NORMALISED

    def moved(self, pending: Iterable[str], current: Mapping[str, Any]) -> list[str]:
        """Attributes that hold what neither the snapshot had nor we wrote."""
        known = {a: [*self.expected[a], *self.ours[a]] for a in pending}
        moved = [a for a, values in known.items() if not any(same(current[a], value) for value in values)]
        # That this target drops types was perhaps learnt after the plan was made: then the snapshot is read anew too.
        untyped = [a for a in moved if parse(a).whole.lower() in self.context.learned.untyped]
        whole = self.context.work.snapshot_of(self.item.profile_id or self.began_as) if untyped else None
        if whole is None:
            return moved
        then = self.context.values(json.loads(whole), {a: self.wanted[a] for a in untyped})
        return [a for a in moved if a not in untyped or not same(current[a], then[a])]

    def deed(self, form: Form, writing: Mapping[str, Any], *, before: dict[str, Any], after: dict[str, Any]) -> Deed:
        """One write of this step that was carried out."""
        beside = {a: value for a, value in self.wanted.items() if a not in writing}
        return Deed(
            self.profile_id, form, before, dict(writing), after, self.read, deactivates=self.deactivates, beside=beside
        )

    def deed_in_doubt(self) -> Deed | None:
        """What an apply that was cut short may have done to this profile beside what it wrote."""
        if self.doubt is None or self.before is not None:
            return None
        form, whole = BY_NAME.get(str(self.doubt.get("dialect"))), self.doubt.get("resource")
        if form is None or not isinstance(whole, dict):
            return None
        if str(whole.get("id")) not in {self.profile_id, self.began_as}:
            return None
        sent = self.sent_in_doubt()
        writing = {a: v for a, v in self.wanted.items() if a in sent}
        return self.deed(form, writing, before=whole, after=self.resource)

    def _count_what_came_along(self, deed: Deed) -> None:
        """What the server changed with the write, and the step wants anyhow, we wrote: a way back undoes it."""
        was, now = self.context.values(deed.before, deed.beside), self.context.values(deed.after, deed.beside)
        for attribute, wanted in deed.beside.items():
            if same(now[attribute], wanted) and not same(was[attribute], wanted):
                self.written[attribute] = wanted

    def _notice_spelling(self, deed: Deed) -> None:
        """A server may spell everything anew whenever it stores a profile: its own affair, and nobody's edit."""
        moved = {name.lower() for name in moved_members(deed.before, self.resource)}
        planned = {change.attribute for change in self.item.changes}
        paths = {a: parse(a) for a in self.context.managed if a not in planned}
        siblings = [a for a, p in paths.items() if not p.is_reference and (p.schema or p.attribute).lower() in moved]
        was = self.context.values(deed.before, dict.fromkeys(siblings))
        now = self.context.values(self.resource, was)
        for attribute, value in was.items():
            original = self.respelt.pop(attribute, value)
            if classify(original, now[attribute]) is Kept.NORMALISED:
                self.respelt[attribute] = original

    async def care(self, deed: Deed) -> None:
        """What the write did beside is put back; the profile is as it is then.

        After a write an earlier apply died over, what stands there may be somebody's edit: only what is missing counts
        as ours, since our write may have lost it.

        Raises:
            Failed: the journal cannot be written, or the token is no longer taken.
        """
        self._count_what_came_along(deed)
        seen = await see_to(self.context, self.item, deed)
        self.resource = seen.resource
        if not deed.in_doubt:
            self._notice_spelling(deed)
        if seen.reason:
            self.notes.append(seen.reason)
        for attribute, value in self.current().items():
            if not deed.in_doubt or is_nothing(value):
                self.ours[attribute].append(value)
