"""A profile that its target gave another id when it was written: found again, never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.transforms.values.paths import member

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.connectors.scim_writer.apply_context import ApplyContext


@dataclass(frozen=True, slots=True)
class Lost:
    """A profile of ours that does not answer under the id it had."""

    key: str
    """Whose it is."""
    profile_id: str
    before: dict[str, Any]
    """As last read."""
    wanted: Mapping[str, Any]
    """Attribute → value it is to have."""


async def found_again(context: ApplyContext, lost: Lost, hints: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The profile that is lost, under another id, read just now; none where nothing is certain.

    It is theirs if it bears their externalId, or, where there is none, their user name; if the plan knows that id as
    nobody else's; and if there is one alone.

    Args:
        context: of the apply.
        lost: its id answers no more, or answers with another one, and something of ours was sent to it.
        hints: what the target answered with another id.

    Raises:
        Failed: the list cannot be read where nothing else tells.
    """
    who = _Names.of(lost)
    found = await _theirs(context, lost, who, hints)
    external_id = who.ids[-1] if who.ids else None
    for name in reversed(who.names or (None,)):
        found = found or await _theirs(context, lost, who, await context.lookup.find(name, external_id, sure=True))
    return found[0] if len(found) == 1 else None


async def _theirs(context: ApplyContext, lost: Lost, who: _Names, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of ``rows`` that answer under their id and are this person's."""
    found = []
    for profile_id in dict.fromkeys(str(row["id"]) for row in rows):
        if profile_id == lost.profile_id or _is_somebody_elses(context, lost, profile_id):
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
    def of(cls, lost: Lost) -> _Names:
        def said(name: str) -> tuple[str, ...]:
            values = (member(lost.before, name), lost.wanted.get(name))
            return tuple(dict.fromkeys(str(value) for value in values if value not in (None, "")))

        return cls(said("userName"), said("externalId"))

    def fits(self, resource: dict[str, Any]) -> bool:
        theirs = member(resource, "externalId")
        if self.ids and theirs not in (None, ""):
            return str(theirs) in self.ids
        return str(member(resource, "userName") or "").casefold() in {name.casefold() for name in self.names}


def _is_somebody_elses(context: ApplyContext, lost: Lost, profile_id: str) -> bool:
    if context.new_ids.holders.get(profile_id, lost.key) != lost.key:
        return True
    return profile_id not in context.new_ids.free and context.work.snapshot_of(profile_id) is not None
