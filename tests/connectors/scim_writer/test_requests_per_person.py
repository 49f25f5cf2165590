"""How many requests a changed person costs on a server that is known, and what getting to know it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.first_night import profile_before
from tests.support.plan_world import user
from tests.support.sandbox import close, shared
from tests.support.scim_directory import TOKEN
from tests.support.scim_nights import Nights, writes
from trueup.sandbox import DirectoryData, Weaknesses
from trueup.sandbox.directory.data import ENTERPRISE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.scim_nights import Night

W = Weaknesses
MANY = 36
SERVERS: dict[str, tuple[Weaknesses, float]] = {
    "answers with the whole": (W(patch_returns_body=True), 2.3),
    "answers with nothing": (W(), 3.3),
    "replaces complex values, misplaces URNs": (
        W(discovery="missing", complex_replaced=True, urn_paths_stored=True, patch_returns_body=True, etags="absent"),
        2.3,
    ),
    "knows PUT alone": (W(patch="none", discovery="missing"), 2.3),
    "remove refused": (W(remove_refused=True, patch_returns_body=True), 2.3),
    "drops titles": (W(drops=("title",), patch_returns_body=True, discovery="missing"), 2.3),
    "plain e-mails": (W(plain_emails=True, patch_returns_body=True, discovery="missing"), 2.3),
}
"""The directory, and the bound on requests for each changed person once it is known."""


@pytest.fixture(autouse=True, scope="module")
def _one_sandbox() -> Iterator[None]:
    yield
    close()


def company(folder: Path, weaknesses: Weaknesses, many: int = MANY) -> Nights:
    sandbox, _ = shared()
    extension = {"department": "Old", "costCenter": "C1"}
    before = tuple(profile_before(f"u{n:02}", id=f"p{n:02}", **{ENTERPRISE: dict(extension)}) for n in range(many))
    sandbox.directory.begin_again(DirectoryData(before, TOKEN))
    sandbox.directory.weaknesses = weaknesses
    people = [user(f"u{n:02}", manager="u00" if n else None, nick="N", phone=f"+1 {n}") for n in range(many)]
    return Nights(folder, sandbox.scim_url, people)


def change_day(nights: Nights) -> None:
    """Everybody but two changes, in all the ways a day brings."""
    ways: tuple[dict[str, Any], ...] = (
        {"department": "Law", "jobTitle": "Chief"},
        {"givenName": "Zoe"},
        {"manager": "u01"},
        {"manager": "u01", "department": "Ops"},
        {"phone": None},
        {"accountEnabled": False},
    )
    for number, one in enumerate(nights.users[2:]):
        one.update(ways[number % len(ways)])


def spent(night: Night) -> float:
    return sum(night.result.requests.values()) / len(writes(night.planned))


@pytest.mark.parametrize("name", SERVERS)
def test_a_changed_person_costs_no_more_on_a_server_that_is_known(tmp_path: Path, name: str) -> None:
    weaknesses, bound = SERVERS[name]
    nights = company(tmp_path, weaknesses)
    first = nights.night()
    learning = sum(first.result.requests.values()) - 3.3 * MANY
    attributes = len({attribute for _, attribute in first.planned.changes})
    change_day(nights)
    nights.night()
    change_day_of_the_next_week(nights)
    third = nights.night()
    assert len(writes(third.planned)) > MANY / 2
    assert third.result.failed == third.result.skipped == 0
    assert spent(third) <= bound, third.result.requests
    assert learning <= 12 * attributes, first.result.requests
    assert writes(nights.plan()) == {}


def change_day_of_the_next_week(nights: Nights) -> None:
    """The same again, the other way round."""
    for number, one in enumerate(nights.users[2:]):
        one.update(department=f"D{number}", accountEnabled=True)
        if number % 6 == 2:
            one.update(manager="u00")
        if number % 6 == 5:
            one.update(accountEnabled=False)
