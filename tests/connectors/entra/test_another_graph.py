"""Against a Graph that is not ours: every legal manner gives the same snapshot, every fault is exact or refused."""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import Response

from tests.support.graph_server import Tenant, listening, person
from tests.support.other_graph import Manners, Other
from tests.support.prior import prior_run
from tests.support.reading import COLUMNS, Outcome, links, read
from trueup.connectors.source_request import SourceRequest
from trueup.transforms.errors import TrueupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One server for all tests of this module; who lives there changes."""
    house = House(Other({}))
    with listening(house) as house.address:
        yield house


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


@pytest.mark.parametrize(
    "manners",
    [
        {},
        {"says_null": True, "manager_is_null": True, "annotated": True},
        {"backwards": True, "opaque": True, "streamed": True, "limited_members": True},
        {"gzip": True, "streamed": True, "batch_is_text": True, "bom": False},
        {"size": 1000, "gzip": True, "backwards": True, "annotated": True},
    ],
)
def test_every_legal_manner_gives_the_same_snapshot(tmp_path: Path, house: House, manners: dict[str, Any]) -> None:
    other = company(**manners)
    outcome = look(tmp_path, house.host(other))
    assert is_exact(outcome, other)
    assert outcome.snapshot.completeness["proof"] == "count"


@pytest.mark.parametrize("manners", [{"reads_expand": False}, {"reads_expand": False, "knows_single_managers": False}])
def test_managers_that_vanish_everywhere_are_unreadable_not_gone(
    tmp_path: Path, house: House, manners: dict[str, Any]
) -> None:
    before = look(tmp_path, house.host(company()), name="before")
    request = SourceRequest(COLUMNS, previous=prior_run(before))
    outcome = look(tmp_path, house.host(company(**manners)), request=request)
    assert "manager" not in outcome.rows[0]
    assert "manager" in outcome.snapshot.unreadable


def test_managers_never_sent_on_a_first_run_are_unreadable_where_graph_has_them(tmp_path: Path, house: House) -> None:
    outcome = look(tmp_path, house.host(company(reads_expand=False)))
    assert "manager" in outcome.snapshot.unreadable


@pytest.mark.parametrize("refused", [("$select",), ("manager",)])
def test_managers_are_had_another_way_where_their_expansion_is_refused(
    tmp_path: Path, house: House, refused: tuple[str, ...]
) -> None:
    other = company(refuses_expand=refused)
    other.people[key(5)]["manager"] = None
    address = house.host(other)
    outcome = look(tmp_path, address, read="incremental")
    assert is_exact(outcome, other)
    other.people[key(500)] = person(500, manager=key(7))
    other.moves.append(key(500))
    night = look(tmp_path, address, name="night", read="incremental", request=request_after(tmp_path, outcome))
    assert {row["id"]: row["manager"] for row in night.rows} == {
        one: user["manager"] for one, user in other.people.items()
    }
    assert night.snapshot.completeness["read"] == ("incremental" if refused == ("$select",) else "full")


def test_somebody_deleted_while_managers_are_asked_for_one_by_one_is_no_doubt(tmp_path: Path, house: House) -> None:
    other = company(refuses_expand=("manager",))

    def deleted(kind: str, nth: int) -> None:
        if (kind, nth) == ("$batch", 1):
            other.people.pop(key(22))

    other.fault = deleted
    outcome = look(tmp_path, house.host(other), scope="all", request=SourceRequest(COLUMNS))
    assert outcome.by_id[key(22)]["manager"] is None
    assert outcome.by_id[key(21)]["manager"] == key(0)


def test_managers_that_cannot_be_had_in_any_way_are_unreadable(tmp_path: Path, house: House) -> None:
    other = company(refuses_expand=("manager",), knows_single_managers=False)
    outcome = look(tmp_path, house.host(other))
    assert "manager" not in outcome.rows[0]
    assert "takes no $expand" in outcome.snapshot.unreadable["manager"]


def test_managers_missing_from_one_page_only_are_asked_for_or_unreadable(tmp_path: Path, house: House) -> None:
    before = look(tmp_path, house.host(company()), name="before")
    other = company()
    rows = [{name: value for name, value in person(n).items() if value is not None} for n in range(7, 14)]
    link = f"{house.address}/v1.0/users?$skiptoken=14&$select={','.join(rows[0])}&$expand=manager"
    page = json.dumps({"value": rows, "@odata.nextLink": link}).encode()
    other.fault = lambda kind, nth: Response(page) if (kind, nth) == ("users further", 1) else None
    outcome = look(tmp_path, house.host(other), request=SourceRequest(COLUMNS, previous=prior_run(before)))
    # Whoever is on that page is asked for by id: their manager is as it is, or unreadable for them, and never none.
    managers = {row["id"]: row["manager"] for row in before.rows}
    assert all(
        row["manager"] == managers[row["id"]] or "manager" in (row.get("unreadable") or ()) for row in outcome.rows
    )
    assert any(managers.values())


def test_the_last_manager_who_is_really_gone_is_gone(tmp_path: Path, house: House) -> None:
    before = look(tmp_path, house.host(company()), name="before")
    other = company()
    for user in other.people.values():
        user["manager"] = None
    outcome = look(tmp_path, house.host(other), request=SourceRequest(COLUMNS, previous=prior_run(before)))
    assert "manager" not in outcome.snapshot.unreadable
    assert {row["manager"] for row in outcome.rows} == {None}


def test_a_value_that_reads_like_a_property_is_not_taken_for_one(tmp_path: Path, house: House) -> None:
    other = company()
    for user in other.people.values():
        user.pop("officeLocation")
        user["jobTitle"] = "officeLocation"
    outcome = look(tmp_path, house.host(other))
    assert "officeLocation" in outcome.snapshot.unreadable


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


PLACES = [(kind, number) for kind, times in kinds().items() for number in range(1, times + 1)]


def test_the_places_are_all_requests_a_clean_read_makes(tmp_path: Path, house: House) -> None:
    other = company()
    look(tmp_path, house.host(other))
    assert dict(other.seen) == kinds()


def faulty(fault: str, kind: str, number: int, *, for_good: bool) -> Other:
    other = company()
    other.fault = lambda asked, nth: (
        FAULTS[fault]() if asked == kind and (nth == number or (for_good and nth > number)) else None
    )
    return other


def exact_or_refused(folder: Path, house: House, fault: str, places: list[Place]) -> list[str]:
    """Where it was neither, nor said that Graph's count is another one."""
    wrong = []
    for place, (kind, number, for_good) in enumerate(places):
        other = faulty(fault, kind, number, for_good=for_good)
        try:
            outcome = look(folder, house.host(other), name=f"run-{place}")
        except TrueupError:
            continue
        except Exception as error:  # noqa: BLE001 - whatever else ends a read is what this looks for
            wrong.append(f"{kind} {number} {for_good}: {error!r}")
            continue
        if any("Graph counts" in note for note in outcome.snapshot.notes):
            continue
        with_bin = fault != "an empty page" or not kind.startswith("directory")
        if not is_exact(outcome, other, with_bin=with_bin):
            wrong.append(f"{kind} {number} {for_good}: not exact")
    return wrong


EVERYWHERE: list[Place] = [(kind, number, for_good) for kind, number in PLACES for for_good in (False, True)]


@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_fault_at_a_request_once_or_for_good_is_exact_or_refused(tmp_path: Path, house: House, fault: str) -> None:
    some = EVERYWHERE[list(FAULTS).index(fault) % 12 :: 12]
    assert exact_or_refused(tmp_path, house, fault, some) == []


@pytest.mark.soak
@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_fault_at_every_request_once_or_for_good_is_exact_or_refused(
    tmp_path: Path, house: House, fault: str
) -> None:
    assert exact_or_refused(tmp_path, house, fault, EVERYWHERE) == []


def night_after() -> Other:
    """The company a day later: ten new titles over two pages, a hire, somebody gone, a manager lost and one taken."""
    other = company()
    for number in range(1, 11):
        other.people[key(number)]["jobTitle"] = f"Title {number}"
    other.people[key(3)] |= {"manager": None, "had": key(0)}
    other.people[key(4)]["manager"] = key(5)
    other.people[key(500)] = person(500, manager=key(7))
    other.people.pop(key(22))
    other.moves = [*(key(n) for n in range(1, 11)), key(500), key(22)]
    return other


def night_kinds() -> dict[str, int]:
    """Every kind of request a clean incremental night makes, and how often."""
    return {
        **{kind: times for kind, times in kinds().items() if not kind.startswith("users")},
        "users/delta": 1,
        "users/delta further": 1,
        "users/$count": 1,
        "$batch": 5,
        "directory/deletedItems/microsoft.graph.user": 2,
        "directory/deletedItems/microsoft.graph.user further": 2,
    }


NIGHT = [(kind, number) for kind, times in night_kinds().items() for number in range(1, times + 1)]
ALL_NIGHT: list[Place] = [(kind, number, for_good) for kind, number in NIGHT for for_good in (False, True)]


def follow(folder: Path, house: House, name: str, before: Outcome, other: Other) -> Outcome:
    request = request_after(folder, before)
    return look(folder, house.host(other), name=name, read="incremental", request=request)


def test_the_places_of_a_night_are_all_requests_it_makes(tmp_path: Path, house: House) -> None:
    before = look(tmp_path, house.host(company()), read="incremental")
    other = night_after()
    outcome = follow(tmp_path, house, "night", before, other)
    assert dict(other.seen) == night_kinds()
    assert outcome.snapshot.completeness["read"] == "incremental"
    assert is_exact(outcome, other)


def night_exact_or_refused(folder: Path, house: House, fault: str, places: list[Place]) -> list[str]:
    """Where a night that reads changes was neither."""
    before = look(folder, house.host(company()), read="incremental")
    wrong = []
    for place, (kind, number, for_good) in enumerate(places):
        other = night_after()
        other.fault = faulty(fault, kind, number, for_good=for_good).fault
        try:
            outcome = follow(folder, house, f"night-{place}", before, other)
        except TrueupError:
            continue
        except Exception as error:  # noqa: BLE001 - whatever else ends a read is what this looks for
            wrong.append(f"{kind} {number} {for_good}: {error!r}")
            continue
        with_bin = fault != "an empty page" or not kind.startswith("directory")
        if any("Graph counts" in note for note in outcome.snapshot.notes):
            continue
        if not is_exact(outcome, other, with_bin=with_bin):
            wrong.append(f"{kind} {number} {for_good}: not exact, read {outcome.snapshot.completeness['read']}")
    return wrong


@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_fault_in_a_night_of_changes_is_exact_or_refused(tmp_path: Path, house: House, fault: str) -> None:
    delta = [place for place in ALL_NIGHT if place[0].startswith("users/delta")]
    assert night_exact_or_refused(tmp_path, house, fault, delta[list(FAULTS).index(fault) % 4 :: 4]) == []


@pytest.mark.soak
@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_fault_anywhere_in_a_night_of_changes_is_exact_or_refused(tmp_path: Path, house: House, fault: str) -> None:
    assert night_exact_or_refused(tmp_path, house, fault, ALL_NIGHT) == []


def test_reports_of_a_manager_who_leaves_and_returns_follow_though_delta_is_silent_of_them(
    tmp_path: Path, house: House
) -> None:
    other = company()
    address = house.host(other)
    night = look(tmp_path, address, name="first", read="incremental")
    boss = other.people[key(0)]
    for name in ("away", "back"):
        if name == "away":
            other.people.pop(key(0))
            other.bin.append(key(0))
        else:
            other.people[key(0)] = boss
            other.bin.remove(key(0))
        other.moves.append(key(0))
        request = SourceRequest(COLUMNS, previous=prior_run(night))
        night = look(tmp_path, address, name=name, request=request, scope="all", read="incremental")
        full = look(tmp_path, address, name=f"{name}-full", request=SourceRequest(COLUMNS), scope="all")
        assert night.snapshot.completeness["read"] == "incremental", night.snapshot.notes
        assert [r["id"] for r in night.rows] == [r["id"] for r in full.rows]
        assert {r["id"]: r["manager"] for r in night.rows} == {
            one: (user["manager"] if user["manager"] in other.people else None) for one, user in other.people.items()
        }
