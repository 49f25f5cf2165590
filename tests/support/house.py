"""A company on a Graph that is not ours: one server for a module's tests, who lives there changes."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from tests.support.graph_server import Tenant, person
from tests.support.other_graph import Manners, Other
from tests.support.prior import prior_run
from tests.support.reading import COLUMNS, Outcome, links, read
from trueup.connectors.source_request import SourceRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Place = tuple[str, int, bool]
"""Kind of request, which of them, and whether all later ones too."""
PEOPLE = 23
GROUP = "77777777-aaaa-4bbb-8ccc-dddddddddddd"


def key(number: int) -> str:
    return str(person(number)["id"])


def company(**manners: Any) -> Other:
    people = {key(n): person(n, manager=key(0) if n else None) for n in range(PEOPLE)}
    return Other(
        people,
        groups={GROUP: [key(n) for n in range(9, 19)]},
        assigned=[(GROUP, "Group"), *((key(n), "User") for n in range(9))],
        bin=[key(n) for n in range(900, 910)],
        manners=Manners(**manners),
    )


class House:
    """An ASGI application that passes every request on to the tenant it holds."""

    def __init__(self, other: Other) -> None:
        self.address = ""
        self.other = other
        self.application = other.application()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.application(scope, receive, send)

    def host(self, other: Other) -> str:
        """Its address, from now on the one of ``other``."""
        self.other, self.application, other.base = other, other.application(), self.address
        return self.address


def look(folder: Path, address: str, **more: Any) -> Outcome:
    known = links(folder, [key(3), key(903), key(777)])
    request = more.pop("request", None) or SourceRequest(COLUMNS, known=known)
    more.setdefault("scope", "assigned")
    return read(Tenant(), folder, url=address, request=request, **more)


def request_after(folder: Path, before: Outcome) -> SourceRequest:
    return SourceRequest(COLUMNS, known=links(folder, [key(3), key(903), key(777)]), previous=prior_run(before))


NAMES = ("userPrincipalName", "displayName", "jobTitle", "accountEnabled", "businessPhones", "mobilePhone", "manager")


def is_exact(outcome: Outcome, other: Other, *, with_bin: bool = True) -> bool:
    """Whether snapshot and absence are what the tenant holds."""
    rows = [{name: row.get(name) for name in ("id", *NAMES)} for row in outcome.rows]
    held = [{name: other.people[one].get(name) for name in ("id", *NAMES)} for one in sorted(other.people)]
    in_scope = [row["id"] for row in outcome.rows if row["assigned"]] == [key(n) for n in range(19)]
    absent = {key(903): "deleted", key(777): "gone"}
    return (
        rows == held and in_scope and (outcome.absent == absent if with_bin else outcome.absent.keys() == absent.keys())
    )


def _answer(
    status: int, body: bytes = b'{"error":{"code":"X","message":"x"}}', **headers: str
) -> Callable[[], Response]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: Response(body, status, headers={"content-type": "application/json", **names})


FAULTS: dict[str, Callable[[], Response]] = {
    "429 decimal": _answer(429, retry_after="0.7"),
    "429 date": _answer(429, retry_after=formatdate(usegmt=True)),
    "500": _answer(500),
    "503 with nothing": _answer(503, b""),
    "504 page": _answer(504, b"<html>"),
    "page with 200": _answer(200, b"<!doctype html><p>sign in"),
    "half a page": _answer(200, b'{"value":[{"id":"x"'),
    "nothing": _answer(200, b""),
    "an object": _answer(200, b"{}"),
    "an empty page": _answer(200, b'{"value":[]}'),
    "no responses": _answer(200, b'{"responses":[]}'),
    "zero": _answer(200, b"0"),
    "redirect": _answer(302, b"", location="https://elsewhere.example/"),
    "400": _answer(400),
    "401": _answer(401),
    "403": _answer(403),
    "404": _answer(404),
    "410": _answer(410),
    "501": _answer(501),
}


def kinds() -> dict[str, int]:
    """Every kind of request a clean read makes, and how often."""
    return {
        "servicePrincipals": 1,
        "servicePrincipals/app-object/appRoleAssignedTo": 1,
        "servicePrincipals/app-object/appRoleAssignedTo further": 1,
        "servicePrincipals/app-object/appRoleAssignedTo/$count": 1,
        "groups/*/members": 1,
        "groups/*/members further": 1,
        "groups/*/members/$count": 1,
        "users/$count": 1,
        "users": 1,
        "users further": 3,
        "$batch": 1,
        "directory/deletedItems/microsoft.graph.user": 1,
        "directory/deletedItems/microsoft.graph.user further": 1,
    }


def faulty(fault: str, kind: str, number: int, *, for_good: bool) -> Other:
    other = company()
    other.fault = lambda asked, nth: (
        FAULTS[fault]() if asked == kind and (nth == number or (for_good and nth > number)) else None
    )
    return other
