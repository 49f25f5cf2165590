"""The sample scaled: as many ordinary people more as wanted, made in columns, a million in a few seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from trueup.sandbox.company import LICENCE
from trueup.sandbox.names import DEPARTMENTS, GIVEN, OFFICES, SURNAMES, mailbox
from trueup.sandbox.profiles import profile_of
from trueup.sandbox.tenant.data import DOMAIN, Assignment, Group, TenantData, object_id
from trueup.sandbox.tenant.users import ColumnRows, ObjectRows, User
from trueup.transforms.duck.database import connect, statement

if TYPE_CHECKING:
    from collections.abc import Collection

    import pyarrow as pa

    from trueup.sandbox.directory.data import DirectoryData

LARGEST_DIRECTORY = 50_000
"""More profiles than this the sandbox directory is not filled with by itself."""
_GROUPS = 20


class _Joined:
    """The sample's users, then the added ones."""

    def __init__(self, first: ObjectRows, then: ColumnRows) -> None:
        self._first = first
        self._then = then

    def __len__(self) -> int:
        return len(self._first) + len(self._then)

    def read(self, start: int, stop: int, names: Collection[str] | None) -> list[User]:
        """The users from ``start`` to before ``stop``."""
        own = len(self._first)
        found = self._first.read(start, min(stop, own), names) if start < own else []
        if stop > own:
            found += self._then.read(max(0, start - own), stop - own, names)
        return found

    def position(self, user_id: str) -> int | None:
        """Where the user lies."""
        found = self._first.position(user_id)
        if found is not None:
            return found
        found = self._then.position(user_id)
        return None if found is None else found + len(self._first)


def added(count: int) -> pa.Table:
    """So many ordinary people as an Arrow table of Graph properties, the same each time."""
    departments = list(DEPARTMENTS)
    titles = [list(DEPARTMENTS[name]) for name in departments]
    with connect(memory="2GB") as connection:
        connection.execute("SET preserve_insertion_order = true")
        people = connection.sql(
            statement("added_people", "trueup.sandbox.sql"),
            params={
                "count": count,
                "given": list(GIVEN),
                "given_plain": [mailbox(name, "").rstrip(".") for name in GIVEN],
                "surnames": list(SURNAMES),
                "surnames_plain": [mailbox("", name).lstrip(".") for name in SURNAMES],
                "departments": departments,
                "titles": titles,
                "cities": [city for city, _, _ in OFFICES],
                "countries": [country for _, country, _ in OFFICES],
                "domain": DOMAIN,
                "licence": LICENCE["skuId"],
            },
        )
        return people.to_arrow_table()


def tenant(base: TenantData, users: int) -> TenantData:
    """The sample with ``users`` accounts in all; fewer than the sample has cuts it down."""
    own = base.users
    if not isinstance(own, Sequence):
        return base
    if users <= len(own):
        return replace(base, users=own[:users])
    table = added(users - len(own))
    ids = table.column("id").to_pylist()
    bounds = [part * len(ids) // _GROUPS for part in range(_GROUPS + 1)]
    parts = [
        Group(object_id("group", f"added-{part}"), f"Pingboard People {part + 2}", tuple(ids[start:stop]))
        for part, (start, stop) in enumerate(pairwise(bounds))
    ]
    pingboard = base.applications[0]
    assigned = (*pingboard.assignments, *(Assignment(group.id, "Group") for group in parts))
    return replace(
        base,
        users=_Joined(ObjectRows(own), ColumnRows(table)),
        groups=(*base.groups, *parts),
        applications=(replace(pingboard, assignments=assigned), *base.applications[1:]),
    )


def directory(base: DirectoryData, users: int, in_sample: int) -> DirectoryData:
    """The sample's profiles and, up to a bound, those of nine in ten added people."""
    more = min(users - in_sample, LARGEST_DIRECTORY)
    if more <= 0:
        return base
    people: list[dict[str, Any]] = [
        {name: value for name, value in person.items() if value is not None} for person in added(more).to_pylist()
    ]
    kept = [person for place, person in enumerate(people) if place % 10]
    managers = frozenset(person["id"] for person in kept)
    return replace(base, profiles=(*base.profiles, *(profile_of(person, managers) for person in kept)))
