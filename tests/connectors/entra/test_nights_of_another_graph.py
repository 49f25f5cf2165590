"""The night after, read by its changes, on a Graph that is not ours: every fault is exact or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.graph_server import person
from tests.support.house import FAULTS, House, Place, company, faulty, is_exact, key, kinds, look, request_after
from tests.support.prior import prior_run
from tests.support.reading import COLUMNS, Outcome
from trueup.connectors.source_request import SourceRequest
from trueup.transforms.errors import TrueupError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.other_graph import Other


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
