"""The users of the sandbox tenant, by position: a million of them in columns, or a few hundred as JSON objects.

A user is a JSON object with Graph's own property names; besides, ``manager`` holds the manager's object id. A
property that was never set is missing, one that was emptied is null. Positions never move: a removed user leaves
a hole and a new one comes last, so a page that was handed out stays true while the tenant is edited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import pyarrow as pa

User = dict[str, Any]
STEP = 999
"""Rows looked at in one go while holes are skipped."""


class Rows(Protocol):
    """Users that lie ready by position and do not change."""

    def __len__(self) -> int: ...

    def read(self, start: int, stop: int, names: Collection[str] | None) -> list[User]:
        """The users from ``start`` to before ``stop``; with ``names``, at least those properties and the id."""
        ...

    def position(self, user_id: str) -> int | None:
        """Where the user lies; none for an unknown id."""
        ...


class ObjectRows:
    """Rows held as JSON objects."""

    def __init__(self, users: Sequence[User]) -> None:
        self._users = users
        self._positions = {user["id"]: position for position, user in enumerate(users)}

    def __len__(self) -> int:
        return len(self._users)

    def read(self, start: int, stop: int, names: Collection[str] | None) -> list[User]:
        """Fresh outer objects; nested values are shared and not to be changed."""
        del names
        return [dict(user) for user in self._users[start:stop]]

    def position(self, user_id: str) -> int | None:
        """Where the user lies."""
        return self._positions.get(user_id)


class ColumnRows:
    """Rows held as an Arrow table: some hundred bytes a user, turned into objects page by page."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._positions: dict[str, int] | None = None

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def read(self, start: int, stop: int, names: Collection[str] | None) -> list[User]:
        """Nulls of the table are properties that were never set."""
        part = self._table.slice(start, max(0, stop - start))
        if names is not None:
            part = part.select([name for name in part.column_names if name == "id" or name in names])
        return [{name: value for name, value in row.items() if value is not None} for row in part.to_pylist()]

    def position(self, user_id: str) -> int | None:
        """Where the user lies; the first call indexes the ids."""
        if self._positions is None:
            self._positions = {key: place for place, key in enumerate(self._table.column("id").to_pylist())}
        return self._positions.get(user_id)


class UserTable:
    """Rows that may be edited: what changed lies beside them."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._changed: dict[int, User | None] = {}
        self._added: list[User | None] = []
        self._added_positions: dict[str, int] = {}
        self.count = len(rows)
        """How many users there are."""

    def __len__(self) -> int:
        """How many positions there are, holes included."""
        return len(self._rows) + len(self._added)

    def __iter__(self) -> Iterator[User]:
        position = 0
        while position < len(self):
            page, position = self.take(position, STEP)
            yield from page

    def get(self, user_id: str) -> User | None:
        """The user, or none."""
        position = self._position(user_id)
        if position is None:
            return None
        found = self._read(position, position + 1, None)
        return found[0] if found else None

    def has(self, user_id: str) -> bool:
        """Whether there is such a user, without reading it."""
        position = self._position(user_id)
        if position is None:
            return False
        if position < len(self._rows):
            return self._changed.get(position, {}) is not None
        return self._added[position - len(self._rows)] is not None

    def take(self, start: int, wanted: int, names: Collection[str] | None = None) -> tuple[list[User], int]:
        """Up to ``wanted`` users from position ``start`` on, and the position after the last one."""
        users: list[User] = []
        position = start
        while position < len(self) and len(users) < wanted:
            stop = min(len(self), position + wanted - len(users))
            users += self._read(position, stop, names)
            position = stop
        return users, position

    def put(self, user: User) -> None:
        """Add the user, or replace the one with its id."""
        position = self._position(user["id"])
        if position is None:
            self._added_positions[user["id"]] = len(self)
            self._added.append(user)
            self.count += 1
            return
        if not self.has(user["id"]):
            self.count += 1
        self._set(position, user)

    def remove(self, user_id: str) -> User | None:
        """Take the user out and hand it back; none for an unknown id."""
        user = self.get(user_id)
        position = self._position(user_id)
        if user is not None and position is not None:
            self._set(position, None)
            self.count -= 1
        return user

    def memory(self) -> tuple[dict[int, User | None], list[User | None], int]:
        """What was edited so far, for :meth:`remember`."""
        return dict(self._changed), list(self._added), self.count

    def remember(self, memory: tuple[dict[int, User | None], list[User | None], int]) -> set[str]:
        """Be as at that moment; returns the ids of the users that were edited since."""
        before, added, self.count = memory
        touched = {
            user["id"]
            for places in (before, self._changed)
            for place, user in places.items()
            if user is not None and before.get(place) is not self._changed.get(place)
        }
        touched |= {user["id"] for user in self._added[len(added) :] if user is not None}
        gone = [place for place, user in self._changed.items() if user is None and before.get(place, {}) is not None]
        self._changed, self._added = dict(before), [*added, *(None for _ in self._added[len(added) :])]
        return touched | {user["id"] for place in gone for user in self._read(place, place + 1, ("id",))}

    def _position(self, user_id: str) -> int | None:
        found = self._rows.position(user_id)
        return self._added_positions.get(user_id) if found is None else found

    def _set(self, position: int, user: User | None) -> None:
        if position < len(self._rows):
            self._changed[position] = user
        else:
            self._added[position - len(self._rows)] = user

    def _read(self, start: int, stop: int, names: Collection[str] | None) -> list[User]:
        base = len(self._rows)
        found: list[User | None] = list(self._rows.read(start, min(stop, base), names)) if start < base else []
        if self._changed:
            for offset in range(len(found)):
                if start + offset in self._changed:
                    found[offset] = self._changed[start + offset]
        if stop > base:
            found += self._added[max(0, start - base) : stop - base]
        return [dict(user) for user in found if user is not None]
