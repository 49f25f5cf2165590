"""The sandbox tenant as it stands: read by the Graph routes, edited by tests and demos.

Every public method takes the lock, so edits may come while requests are answered. What changed is remembered for
delta queries.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trueup.sandbox.tenant.faults import Faults
from trueup.sandbox.tenant.properties import GRANTED
from trueup.sandbox.tenant.signing import PeopleSignIn
from trueup.sandbox.tenant.throttle import Throttle
from trueup.sandbox.tenant.users import ObjectRows, User, UserTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trueup.sandbox.tenant.data import Application, Assignment, Group, TenantData


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that reached the tenant, for tests to look at."""

    method: str
    path: str
    query: str
    host: str
    authorized: bool
    """Whether it carried a token, good or bad."""
    status: int


@dataclass(frozen=True, slots=True)
class Moved:
    """One change of one user, for delta queries."""

    user_id: str
    properties: frozenset[str]
    """Empty for a user that came, went or came back."""
    before_manager: str | None = None


class Tenant:
    """A live tenant."""

    def __init__(self, data: TenantData, faults: Faults | None = None) -> None:
        self.lock = threading.RLock()
        self.begin_again(data, faults)

    def begin_again(self, data: TenantData, faults: Faults | None = None) -> None:
        """Forget everything, tokens and requests too, and be this tenant."""
        self.tenant_id = data.tenant_id
        self.domain = data.domain
        self.clients = dict(data.clients)
        self.expired_clients: set[str] = set()
        """Clients whose secret has run out."""
        self.granted: set[str] = set(GRANTED)
        """Roles a new token carries; take one away to see what is missing."""
        self.token_seconds = 3599
        """How long a token lives."""
        self.people = PeopleSignIn()
        """How people sign in to applications."""
        self.empty_page_every = 4
        """After so many pages an empty one with a nextLink comes in between; 0 for never."""
        self.faults = faults or Faults()
        self.throttle = Throttle()
        self.requests: deque[Seen] = deque(maxlen=20_000)
        """The last requests, oldest first."""
        users = data.users
        self.table = UserTable(ObjectRows(users) if isinstance(users, Sequence) else users)
        self.deleted: dict[str, User] = {user["id"]: dict(user) for user in data.deleted}
        self.groups: dict[str, Group] = {group.id: group for group in data.groups}
        self.members: dict[str, list[str | None]] = {group.id: list(group.members) for group in data.groups}
        self.applications: dict[str, Application] = {app.id: app for app in data.applications}
        self.assignments: dict[str, list[Assignment | None]] = {
            app.id: list(app.assignments) for app in data.applications
        }
        self.things: dict[str, Mapping[str, Any]] = {str(thing["id"]): thing for thing in data.things}
        self.moves: list[Moved] = []
        self.oldest_delta = 0
        """Delta tokens from before this move have expired."""
        self.tokens: dict[str, tuple[float, frozenset[str]]] = {}

    # What a test or a demo looks at

    def user(self, key: str) -> User:
        """The user with this object id or user principal name; KeyError without one."""
        with self.lock:
            if found := self.table.get(key):
                return found
            for user in self.table:
                if user["userPrincipalName"].casefold() == key.casefold():
                    return user
        raise KeyError(key)

    def users(self) -> list[User]:
        """All users a list would show: neither deleted nor lost."""
        with self.lock:
            return [user for user in self.table if user["id"] not in self.faults.hidden]

    def group(self, name: str) -> Group:
        """The group with this id or display name; KeyError without one."""
        return next((g for g in self.groups.values() if name in (g.id, g.name)), None) or _missing(name)

    def application(self, name: str) -> Application:
        """The enterprise application with this object id, appId or display name; KeyError without one."""
        found = next((a for a in self.applications.values() if name in (a.id, a.app_id, a.name)), None)
        return found or _missing(name)

    # A night later

    def add(self, user: Mapping[str, Any]) -> str:
        """A new user, or a lost one found again; needs ``id`` and ``userPrincipalName``."""
        with self.lock:
            self.faults.hidden.discard(str(user["id"]))
            added = {"createdDateTime": _now(), **user}
            self.table.put(added)
            self._note(added["id"])
        return str(added["id"])

    def set(self, key: str, **properties: Any) -> None:
        """Change properties of a user; None empties one (``manager`` takes an object id)."""
        with self.lock:
            user = self.user(key)
            before = user.get("manager")
            user.update(properties)
            self.table.put(user)
            self.moves.append(Moved(user["id"], frozenset(properties), before))

    def set_for_all(self, **properties: Any) -> None:
        """Change properties of every user: the bad night when a column goes blank."""
        with self.lock:
            for user in list(self.table):
                self.table.put({**user, **properties})
                self.moves.append(Moved(user["id"], frozenset(properties), user.get("manager")))

    def disable(self, key: str) -> None:
        """Block sign-in."""
        self.set(key, accountEnabled=False)

    def enable(self, key: str) -> None:
        """Allow sign-in again."""
        self.set(key, accountEnabled=True)

    def delete(self, key: str) -> None:
        """Soft-delete: the user moves to the deleted items, memberships and assignments stay but do not show."""
        with self.lock:
            user = self.user(key)
            self.table.remove(user["id"])
            mangled = user["id"].replace("-", "") + user["userPrincipalName"]
            self.deleted[user["id"]] = {**user, "userPrincipalName": mangled, "deletedDateTime": _now()}
            self._note(user["id"])
            self._note_reports(user["id"])

    def restore(self, user_id: str) -> None:
        """Bring a soft-deleted user back."""
        with self.lock:
            user = self.deleted.pop(user_id)
            name = user["userPrincipalName"].removeprefix(user_id.replace("-", ""))
            user.pop("deletedDateTime", None)
            self.table.put({**user, "userPrincipalName": name})
            self._note(user_id)
            self._note_reports(user_id)

    def purge(self, user_id: str) -> None:
        """Delete for good, from the deleted items too."""
        with self.lock:
            if self.table.get(user_id):
                self.delete(user_id)
            self.deleted.pop(user_id, None)
            for members in self.members.values():
                _strike(members, user_id)
            for assignments in self.assignments.values():
                _strike_assignment(assignments, user_id)
            self._note(user_id)

    def lose(self, user_ids: Iterable[str]) -> None:
        """Users vanish from every list without trace, yet are found by id: what a wrong read looks like."""
        with self.lock:
            self.faults.hidden.update(user_ids)

    @contextmanager
    def undone_afterwards(self) -> Iterator[None]:
        """Whatever is edited within the block is as before when it ends; faults armed within are disarmed."""
        with self.lock:
            changed, members = self.table.memory(), {key: list(held) for key, held in self.members.items()}
            deleted, hidden = dict(self.deleted), set(self.faults.hidden)
            assignments = {key: list(held) for key, held in self.assignments.items()}
        try:
            yield
        finally:
            with self.lock:
                self.faults.clear()
                self.faults.hidden.update(hidden)
                self.deleted, self.members, self.assignments = deleted, members, assignments
                for user_id in self.table.remember(changed):
                    self._note(user_id)
                    self._note_reports(user_id)

    def add_member(self, group: str, member_id: str) -> None:
        """A new direct member."""
        with self.lock:
            members = self.members[self.group(group).id]
            if member_id not in members:
                members.append(member_id)

    def remove_member(self, group: str, member_id: str) -> None:
        """One direct member fewer."""
        with self.lock:
            _strike(self.members[self.group(group).id], member_id)

    def assign(self, application: str, assignment: Assignment) -> None:
        """Assign a principal to an application."""
        with self.lock:
            self.assignments[self.application(application).id].append(assignment)

    def unassign(self, application: str, principal_id: str) -> None:
        """Take all assignments of a principal away."""
        with self.lock:
            _strike_assignment(self.assignments[self.application(application).id], principal_id)

    def expire_deltas(self) -> None:
        """Every delta token handed out so far is too old from now on."""
        with self.lock:
            self.oldest_delta = len(self.moves) + 1
            self.moves.append(Moved("", frozenset({"-"})))

    def revoke_tokens(self) -> None:
        """Every access token issued so far has expired."""
        with self.lock:
            self.tokens = dict.fromkeys(self.tokens, (time.time() - 1, frozenset()))

    def _note(self, user_id: str) -> None:
        self.moves.append(Moved(user_id, frozenset()))

    def _note_reports(self, manager_id: str) -> None:
        """A manager who goes or comes back changes the manager of every report, of those in the bin too.

        A report may be restored before the round is told, with a manager who is gone by then.
        """
        for user in (*self.table, *self.deleted.values()):
            if user.get("manager") == manager_id:
                self.moves.append(Moved(user["id"], frozenset({"manager"}), manager_id))


def _strike(members: list[str | None], member_id: str) -> None:
    for place, member in enumerate(members):
        if member == member_id:
            members[place] = None


def _strike_assignment(assignments: list[Assignment | None], principal_id: str) -> None:
    for place, assignment in enumerate(assignments):
        if assignment is not None and assignment.principal_id == principal_id:
            assignments[place] = None


def _missing(name: str) -> Any:
    raise KeyError(name)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
