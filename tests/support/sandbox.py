"""Asking a sandbox by plain HTTP, and small companies to serve in it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from hypothesis import strategies as st

from trueup.sandbox import Application, Assignment, DirectoryData, Group, TenantData, Weaknesses, running
from trueup.sandbox.directory.data import ENTERPRISE, USER
from trueup.sandbox.tenant.data import object_id
from trueup.sandbox.tenant.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from trueup.sandbox import Sandbox
    from trueup.sandbox.tenant.state import Tenant

EVENTUAL = {"ConsistencyLevel": "eventual"}


def uid(number: int) -> str:
    """The object id of the small company's user of that number."""
    return object_id("test", str(number))


def small_company(users: int = 12, **changed: Any) -> TenantData:
    """User 0 heads everybody; group ``All`` holds 1 and 2, and group ``Inner`` which holds 3; ``App`` has both."""
    people = [
        {
            "id": uid(n),
            "displayName": f"Person {n}",
            "givenName": "Person",
            "surname": f"{n}",
            "userPrincipalName": f"person{n}@contoso.example",
            "mail": f"person{n}@contoso.example",
            "accountEnabled": n != 5,
            "userType": "Guest" if n == 6 else "Member",
            "department": "Sales" if n % 2 else "Care",
            **({"manager": uid(0)} if n else {}),
        }
        for n in range(users)
    ]
    inner = Group(object_id("group", "inner"), "Inner", (uid(3),))
    thing = {"@odata.type": "#microsoft.graph.device", "id": object_id("thing", "1"), "displayName": "Tablet"}
    everybody = Group(object_id("group", "all"), "All", (uid(1), uid(2), inner.id, thing["id"]))
    role = object_id("role", "editor")
    app = Application(
        object_id("sp", "app"),
        object_id("app", "app"),
        "App",
        ({"id": role, "value": "Editor", "displayName": "Editor", "isEnabled": True},),
        (Assignment(everybody.id, "Group"), Assignment(uid(4)), Assignment(uid(4), role_id=role)),
        schema={"id": "scim.job", "synchronizationRules": []},
    )
    parts: dict[str, Any] = {"groups": (everybody, inner), "applications": (app,), "things": (thing,), **changed}
    return TenantData(users=people, **parts)


def profile(number: int) -> dict[str, Any]:
    """A SCIM profile with id ``p<number>``."""
    return {
        "schemas": [USER, ENTERPRISE],
        "id": f"p{number}",
        "externalId": f"e{number}",
        "userName": f"Person{number}@contoso.example",
        "active": True,
        "name": {"givenName": "Person", "familyName": f"Zero{number}"},
        "emails": [{"type": "work", "value": f"Person{number}@contoso.example", "primary": True}],
        "title": "Before",
        ENTERPRISE: {"department": "Before"},
    }


def patch(path: str, value: Any) -> dict[str, Any]:
    """A PatchOp that replaces one path."""
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": path, "value": value}],
    }


EDIT = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 8))
"""Who, another person, and what :func:`edit` does."""


def edit(tenant: Tenant, who: int, other: int, kind: int) -> None:
    """One edit of the small company; somebody in the bin is restored, whatever ``kind`` says."""
    here, user = tenant.table.has(uid(who)), uid(who)
    edits = {
        0: lambda: tenant.set(user, department=f"D{other}"),
        1: lambda: tenant.set(user, manager=uid(other)),
        2: lambda: tenant.set(user, manager=None),
        3: lambda: tenant.delete(user),
        4: lambda: tenant.set(user, mobilePhone=f"+{other}"),
        5: lambda: tenant.set(user, mobilePhone=None),
        6: lambda: tenant.purge(user),
        7: lambda: tenant.set(user, streetAddress="not tracked"),
        8: lambda: tenant.set(user, displayName=f"Person {other} 2"),
    }
    if here:
        edits[kind]()
    elif user in tenant.deleted:
        tenant.restore(user)


@dataclass
class Caller:
    """Somebody with a token of the sandbox."""

    sandbox: Sandbox
    client: httpx.Client
    token: str = ""

    def sign_in(self, **form: str) -> httpx.Response:
        """Ask the token endpoint; keyword arguments replace parts of the form, ``tenant`` the tenant's name."""
        tenant = form.pop("tenant", self.sandbox.tenant_id)
        body = {
            "grant_type": "client_credentials",
            "client_id": self.sandbox.client_id,
            "client_secret": self.sandbox.client_secret,
            "scope": f"{self.sandbox.graph_url}/.default",
            **form,
        }
        answer = self.client.post(f"{self.sandbox.login_url}/{tenant}/oauth2/v2.0/token", data=body)
        if answer.status_code == 200:
            self.token = answer.json()["access_token"]
        return answer

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """GET below ``/v1.0``, or a whole link."""
        url = path if path.startswith("http") else f"{self.sandbox.graph_url}/v1.0/{path}"
        return self.client.get(url, headers={"Authorization": f"Bearer {self.token}", **(headers or {})})

    def batch(self, *requests: dict[str, Any]) -> httpx.Response:
        """POST a batch."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.client.post(
            f"{self.sandbox.graph_url}/v1.0/$batch", json={"requests": list(requests)}, headers=headers
        )

    def pages(self, path: str, headers: dict[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """Every page of a collection."""
        link: str | None = path
        while link:
            answer = self.get(link, headers)
            assert answer.status_code == 200, answer.text
            yield answer.json()
            link = answer.json().get("@odata.nextLink")

    def all(self, path: str, headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
        """Every row of a collection."""
        return [row for page in self.pages(path, headers) for row in page["value"]]

    def refusal(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Status and code of a request that must fail."""
        answer = self.get(path, headers)
        return answer.status_code, answer.json()["error"]["code"]

    def scim(self, method: str, path: str, document: Any = None, **headers: str) -> httpx.Response:
        """A request to the directory; path below the SCIM root."""
        sent = {"Authorization": f"Bearer {self.sandbox.scim_token}", **headers}
        if document is not None:
            sent["Content-Type"] = "application/scim+json"
        return self.client.request(method, f"{self.sandbox.scim_url}{path}", json=document, headers=sent)


@contextmanager
def calling(**options: Any) -> Iterator[Caller]:
    """A caller who has signed in to a sandbox made anew, with the small company unless told otherwise."""
    tenant = options.pop("tenant", None) or small_company()
    faults, weaknesses = options.pop("faults", ()), options.pop("weaknesses", None)
    directory = options.pop("directory", None) or DirectoryData()
    assert not options, options
    sandbox, client = shared()
    sandbox.tenant.begin_again(tenant, Faults(faults))
    sandbox.directory.begin_again(directory, weaknesses)
    caller = Caller(sandbox, client)
    caller.sign_in()
    yield caller


_OPEN: list[tuple[Sandbox, httpx.Client, ExitStack]] = []


def shared() -> tuple[Sandbox, httpx.Client]:
    """One sandbox for all tests of this process, and a client; :func:`close` ends both."""
    if not _OPEN:
        stack = ExitStack()
        sandbox = stack.enter_context(running(tenant=small_company()))
        client = stack.enter_context(httpx.Client(trust_env=False, timeout=120))
        _OPEN.append((sandbox, client, stack))
    return _OPEN[0][:2]


def close() -> None:
    """End the shared sandbox, if there is one."""
    while _OPEN:
        _OPEN.pop()[2].close()


def weak(count: int = 6, **switches: Any) -> AbstractContextManager[Caller]:
    """A directory of ``count`` profiles with these weaknesses."""
    profiles = tuple(profile(n) for n in range(count))
    return calling(directory=DirectoryData(profiles), weaknesses=Weaknesses(**switches))


def ids(caller: Caller, query: str) -> list[str]:
    """What the directory lists."""
    return [row["id"] for row in caller.scim("GET", f"/Users?{query}").json().get("Resources", [])]


def stored(caller: Caller, key: str = "p0") -> dict[str, Any]:
    """A profile as the directory has it."""
    return caller.sandbox.directory.profile(key)
