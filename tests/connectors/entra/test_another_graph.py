"""Against a Graph that is not ours: every legal manner gives the same snapshot, every fault is exact or refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import Response

from tests.support.graph_server import person
from tests.support.house import FAULTS, House, Place, company, faulty, is_exact, key, kinds, look, request_after
from tests.support.prior import prior_run
from tests.support.reading import COLUMNS
from trueup.connectors.source_request import SourceRequest
from trueup.transforms.errors import TrueupError

if TYPE_CHECKING:
    from pathlib import Path


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


PLACES = [(kind, number) for kind, times in kinds().items() for number in range(1, times + 1)]


def test_the_places_are_all_requests_a_clean_read_makes(tmp_path: Path, house: House) -> None:
    other = company()
    look(tmp_path, house.host(other))
    assert dict(other.seen) == kinds()


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
