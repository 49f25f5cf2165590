"""Servers that give a profile another id when it is written: it is found again and followed, never guessed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trueup.transforms.values.paths import member

if TYPE_CHECKING:
    from trueup.connectors.scim_writer.apply_context import ApplyContext
    from trueup.connectors.scim_writer.one_step import OneStep


@dataclass(slots=True)
class NewIds:
    """Whose profile has another id since a write of this run, by person: an id one gave up another may have now."""

    now: dict[str, str] = field(default_factory=dict)
    """Key → the id as it is now."""
    holders: dict[str, str] = field(default_factory=dict)
    """The other way round."""
    free: set[str] = field(default_factory=set)
    """Ids that were given up."""

    def note(self, key: str, before: str, now: str) -> None:
        """The profile of ``key`` has the id ``now``; it had ``before``."""
        if self.holders.get(before) == key:
            del self.holders[before]
        self.now[key], self.holders[now] = now, key
        self.free.add(before)


async def found_again(context: ApplyContext, step: OneStep, hints: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The profile of ``step`` under another id, read just now; none where nothing is certain.

    It is theirs if it bears their externalId, or, where there is none, their user name; if the plan knows that id as
    nobody else's; and if there is one alone.

    Args:
        context: of the apply.
        step: its ``profile_id`` answers no more, or answers with another id, and something of ours was sent to it.
        hints: what the target answered with another id.

    Raises:
        Failed: the list cannot be read where nothing else tells.
    """
    who = _Names.of(step)
    found = await _theirs(context, step, who, hints)
    external_id = who.ids[-1] if who.ids else None
    for name in reversed(who.names or (None,)):
        found = found or await _theirs(context, step, who, await context.lookup.find(name, external_id, sure=True))
    return found[0] if len(found) == 1 else None


async def _theirs(
    context: ApplyContext, step: OneStep, who: _Names, rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Those of ``rows`` that answer under their id and are this person's."""
    found = []
    for profile_id in dict.fromkeys(str(row["id"]) for row in rows):
        if profile_id == step.profile_id or _is_somebody_elses(context, step, profile_id):
            continue
        looked = await context.sender.get_profile(profile_id)
        resource = looked.resource if looked.is_ok else None
        if resource is not None and str(resource["id"]) == profile_id and who.fits(resource):
            found.append(resource)
    return found


@dataclass(frozen=True, slots=True)
class _Names:
    """What a profile is known by, as it was and as it is to be."""

    names: tuple[str, ...]
    ids: tuple[str, ...]

    @classmethod
    def of(cls, step: OneStep) -> _Names:
        before = step.last_seen()

        def said(name: str) -> tuple[str, ...]:
            values = (member(before, name), step.wanted.get(name))
            return tuple(dict.fromkeys(str(value) for value in values if value not in (None, "")))

        return cls(said("userName"), said("externalId"))

    def fits(self, resource: dict[str, Any]) -> bool:
        theirs = member(resource, "externalId")
        if self.ids and theirs not in (None, ""):
            return str(theirs) in self.ids
        return str(member(resource, "userName") or "").casefold() in {name.casefold() for name in self.names}


def _is_somebody_elses(context: ApplyContext, step: OneStep, profile_id: str) -> bool:
    if context.new_ids.holders.get(profile_id, step.item.key) != step.item.key:
        return True
    return profile_id not in context.new_ids.free and context.work.snapshot_of(profile_id) is not None
