"""Disasters at the source, night after a good one: which check or limit speaks, and that the plan is refused.

A refused run is never applied, so nothing is written; each case asserts the refusal and who spoke.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.support.check_world import ATTRIBUTES, DEPARTMENT, NUMBER, World, person, profile_of, settings, world
from trueup.expectations.gates import check_people, check_plan
from trueup.expectations.people import judge
from trueup.transforms.attributes import CHECKED, TargetSchema
from trueup.transforms.history import History, PriorRun
from trueup.transforms.manifest import Manifest
from trueup.transforms.planning.plan import make_plan
from trueup.transforms.planning.request import PlanRequest
from trueup.transforms.vocabulary import Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trueup.transforms.errors import Refusal

PEOPLE = 120
AT = datetime(2026, 11, 23, 1, tzinfo=UTC)
pytestmark = pytest.mark.xdist_group("disasters")
Account = dict[str, Any]
SPOKEN: dict[str, tuple[str, ...]] = {}


def good_night() -> list[Account]:
    return [person(number) for number in range(PEOPLE)]


def every(**fields: Any) -> Callable[[World], None]:
    """The same in everybody's account."""

    def injure(night: World) -> None:
        for account in night.accounts:
            account.update(fields)

    return injure


def each(change: Callable[[Account], Account]) -> Callable[[World], None]:
    """A change worked out for each account."""

    def injure(night: World) -> None:
        for account in night.accounts:
            account.update(change(account))

    return injure


def first(share: float, **fields: Any) -> Callable[[World], None]:
    """The same in the accounts of the first ``share``."""

    def injure(night: World) -> None:
        for account in night.accounts[: round(len(night.accounts) * share)]:
            account.update(fields)

    return injure


def number_of(account: Account) -> str:
    """A running number without anything else of the account."""
    return str(account["id"]).rpartition("-")[2]


def shifted(field: str, by: int = 1) -> Callable[[World], None]:
    """A column that moved by a row."""

    def injure(night: World) -> None:
        values = [account[field] for account in night.accounts]
        for number, account in enumerate(night.accounts):
            account[field] = values[(number + by) % len(values)]

    return injure


def keep(share: float) -> Callable[[World], None]:
    """Only the first part of the tenant arrives."""

    def injure(night: World) -> None:
        night.accounts[:] = night.accounts[: int(len(night.accounts) * share)]

    return injure


def nobody_assigned(night: World) -> None:
    night.out_of_scope |= {account["id"] for account in night.accounts}


def half_unassigned(night: World) -> None:
    night.out_of_scope |= {account["id"] for account in night.accounts[::2]}


def swap_columns(night: World) -> None:
    for account in night.accounts:
        account["surname"], account["mail"] = account["mail"], account["surname"]


def rows_repeated(night: World) -> None:
    night.accounts += [dict(account) for account in night.accounts[:40]]


def wrong_department_type(night: World) -> None:
    for account in night.accounts:
        account["department"] = None
        night.problems.append((account["id"], "department", "is a number"))


def numbers_reused(night: World) -> None:
    for number, account in enumerate(night.accounts):
        account["employeeId"] = night.accounts[number - number % 2]["employeeId"]


def first_numbers_reused(night: World) -> None:
    for number, account in enumerate(night.accounts[: PEOPLE // 4]):
        account["employeeId"] = night.accounts[PEOPLE // 2 + number]["employeeId"]


def reversed_name(account: Account) -> str:
    return " ".join(reversed(str(account["displayName"]).split(" ")))


def mojibake(text: str) -> str:
    return text.encode("utf-8").decode("latin-1")


DISASTERS: dict[str, tuple[Callable[[World], None], str]] = {
    "all last names blank": (every(surname=None), "check_last_name_missing"),
    "all last names a space": (every(surname="\u00a0 "), "check_last_name_missing"),
    "all last names invisible": (every(surname="\u200b\u200b"), "check_last_name_missing"),
    "all first names blank": (every(givenName=""), "check_first_name_missing"),
    "both names gone": (every(givenName=None, surname=None), "check_names_missing"),
    "six in ten last names blank": (first(0.6, surname=None), "check_last_name_missing"),
    "all last names a dash": (every(surname="-"), "check_placeholder_name"),
    "all first names n/a": (every(givenName="n/a"), "check_placeholder_name"),
    "everybody called Test": (every(givenName="Test", surname="Test"), "check_"),
    "last names moved by a row": (shifted("surname"), "check_last_names_disagree"),
    "first names moved by a row": (shifted("givenName"), "check_first_names_disagree"),
    "last name and mail swapped": (swap_columns, "check_name_is_address"),
    "names full of zero-width spaces": (
        each(lambda a: {"surname": f"{a['surname']}\u200b"}),
        "check_invisible_characters",
    ),
    "names with control characters": (each(lambda a: {"givenName": f"{a['givenName']}\x00"}), "check_invisible"),
    "letters lost in an import": (each(lambda a: {"surname": f"M\ufffdller{number_of(a)}"}), "check_broken_encoding"),
    "names in the wrong code page": (
        each(lambda a: {"surname": mojibake(f"Müller{number_of(a)}")}),
        "check_broken_encoding",
    ),
    "one last name for everybody": (every(surname="Schmidt"), "check_same_for_everybody"),
    "one department for everybody": (every(department="Company"), "check_same_for_everybody"),
    "one user name for everybody": (
        every(mail="all@contoso.example"),
        "check_duplicate_user_name",
    ),
    "one employee number for everybody": (every(employeeId="4711"), "check_duplicate_employee_number"),
    "user names gone": (every(mail=None, userPrincipalName=None), "check_user_name_missing"),
    "mail without a domain": (each(lambda a: {"mail": f"user{number_of(a)}"}), "check_email_unusable"),
    "every account disabled": (every(accountEnabled=False), "check_everybody_disabled"),
    "account states unknown": (every(accountEnabled=None), "check_account_state_unknown"),
    "a third disabled": (first(0.33, accountEnabled=False), "limit_deactivate"),
    "everybody a guest": (every(userType="Guest"), "check_nobody_is_a_person"),
    "another tenant": (each(lambda a: {"id": f"other-{number_of(a)}"}), "check_identities_replaced"),
    "an empty tenant": (keep(0), "check_source_empty"),
    "half the tenant missing": (keep(0.5), "limit_source_drop"),
    "rows repeated": (rows_repeated, "check_ids_repeated"),
    "nobody assigned": (nobody_assigned, "check_nobody_in_scope"),
    "half unassigned": (half_unassigned, "limit_deactivate"),
    "departments moved by a row": (shifted("department"), f"limit_changed:{DEPARTMENT}"),
    "departments gone": (every(department=None), f"limit_emptied:{DEPARTMENT}"),
    "departments of a wrong type": (wrong_department_type, "limit_hold"),
    "titles emptied for one in eight": (first(0.125, jobTitle=None), "limit_emptied:title"),
    "user name domain renamed": (
        each(lambda a: {"mail": a["mail"].replace("contoso.example", "fabrikam.example")}),
        "limit_changed:userName",
    ),
    "managers all the same": (every(manager="id-00003"), "limit_changed"),
    "a fifth of the last names blank": (first(0.2, surname=None), "limit_hold"),
    "first and last names swapped": (
        each(lambda a: {"givenName": a["surname"], "surname": a["givenName"]}),
        "check_first_and_last_names_swapped",
    ),
    "names swapped in the display name too": (
        each(lambda a: {"givenName": a["surname"], "surname": a["givenName"], "displayName": reversed_name(a)}),
        "check_first_and_last_names_swapped",
    ),
    "managers moved by half the tenant": (shifted("manager", PEOPLE // 2), "limit_changed"),
    "everybody their own manager": (each(lambda a: {"manager": a["id"]}), "limit_changed"),
    "managers gone": (every(manager=None), "limit_emptied"),
    "half of the employee numbers reused": (numbers_reused, "check_duplicate_employee_number"),
    "a quarter of the employee numbers reused": (first_numbers_reused, "limit_hold"),
    "employee numbers without their noughts": (
        each(lambda a: {"employeeId": a["employeeId"].replace("E000", "E")}),
        f"limit_changed:{NUMBER}",
    ),
    "half of everybody a guest": (first(0.5, userType="Guest"), "limit_hold"),
    "everybody in capitals": (
        each(lambda a: {"givenName": a["givenName"].upper(), "surname": a["surname"].upper()}),
        "limit_changed:name.familyName",
    ),
    "title and department swapped": (
        each(lambda a: {"jobTitle": a["department"], "department": a["jobTitle"]}),
        "limit_changed:title",
    ),
    "errors of a spreadsheet as last names": (first(0.6, surname="#NAME?"), "check_placeholder_name"),
    "umlauts as question marks": (each(lambda a: {"surname": f"M?ller{number_of(a)}"}), "check_broken_encoding"),
    "names escaped for a web page": (
        each(lambda a: {"surname": f"{a['surname']}&#39;s"}),
        "check_broken_encoding",
    ),
    "mail moved by a row": (shifted("mail"), "limit_changed:userName"),
}


def yesterday(tmp_path: Path) -> History:
    """A good night that was applied (it had nothing to do)."""
    before = world(tmp_path / "before", good_night())
    before.profiles = [profile_of(account) for account in before.accounts]
    _link_managers(before)
    before.write()
    judge(before.files, settings())
    check_people(before.files, settings(), ATTRIBUTES, History())
    make_plan(_request(before, History()))
    manifest = Manifest(
        run_id=before.files.run_id,
        kind=Kind.RECONCILE,
        outcome=Outcome.NOTHING_TO_DO,
        started=AT,
        sealed=AT,
        users=PEOPLE,
        profiles=PEOPLE,
    )
    return History((PriorRun(before.files, manifest, (), "nothing_to_do"),))


def _link_managers(night: World) -> None:
    manager = next(a.path for a in ATTRIBUTES if a.kind == "reference")
    for profile, account in zip(night.profiles, night.accounts, strict=True):
        profile[manager] = f"p-{account['manager']}" if account["manager"] else None


def _request(night: World, history: History) -> PlanRequest:
    return PlanRequest(
        files=night.files,
        attributes=ATTRIBUTES,
        schema=TargetSchema(),
        settings=settings(),
        history=history,
        at=AT,
    )


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return yesterday(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module", autouse=True)
def _the_table_of_who_spoke(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        for disaster, codes in sorted(SPOKEN.items()):
            sys.stdout.write(f"\n{disaster:36} {', '.join(codes)[:200]}")
        sys.stdout.write("\n")


def refusals(night: World, history: History) -> list[Refusal]:
    night.write()
    judge(night.files, settings())
    people = check_people(night.files, settings(), ATTRIBUTES, history)
    plan = make_plan(_request(night, history))
    return [*people.refusals, *plan.refusals, *check_plan(night.files).refusals]


def tonight(tmp_path: Path) -> World:
    night = world(tmp_path / "tonight", good_night())
    night.profiles = [profile_of(account) for account in good_night()]
    _link_managers(night)
    return night


def test_a_good_night_is_not_refused(tmp_path: Path, history: History) -> None:
    assert refusals(tonight(tmp_path), history) == []


def test_there_are_at_least_twenty_five_disasters() -> None:
    assert len(DISASTERS) >= 25


@pytest.mark.parametrize("disaster", DISASTERS)
def test_a_disaster_is_refused(disaster: str, tmp_path: Path, history: History) -> None:
    injure, speaker = DISASTERS[disaster]
    night = tonight(tmp_path)
    injure(night)
    spoken = refusals(night, history)
    SPOKEN[disaster] = tuple(refusal.code for refusal in spoken)
    assert any(refusal.code.startswith(speaker) for refusal in spoken), SPOKEN[disaster]
    assert all(refusal.message and refusal.remedy for refusal in spoken)
    names = {account[field] for account in good_night() for field in ("surname", "mail", "displayName")}
    assert not any(name in refusal.message for refusal in spoken for name in names)


FIRST_NIGHT = (
    "all last names blank",
    "last names moved by a row",
    "every account disabled",
    "everybody called Test",
    "first and last names swapped",
    "names swapped in the display name too",
)


@pytest.mark.parametrize("disaster", FIRST_NIGHT)
def test_a_disaster_is_refused_on_the_first_night_too(disaster: str, tmp_path: Path) -> None:
    injure, speaker = DISASTERS[disaster]
    night = world(tmp_path / "tonight", good_night())
    injure(night)
    night.write()
    judge(night.files, settings())
    spoken = check_people(night.files, settings(), ATTRIBUTES, History()).refusals
    assert any(refusal.code.startswith(speaker) for refusal in spoken)
    assert not any(refusal.overridable for refusal in spoken)


def test_what_could_not_be_read_is_no_disaster_of_the_checks(tmp_path: Path, history: History) -> None:
    night = tonight(tmp_path)
    night.columns = tuple(c for c in CHECKED if c not in {"employeeType", "showInAddressList", "createdDateTime"})
    assert refusals(night, history) == []


@pytest.mark.parametrize("column", ["accountEnabled", "surname", "manager"])
def test_a_column_missing_for_everybody_takes_nothing_away(column: str, tmp_path: Path, history: History) -> None:
    """What was not read is not a value: nobody leaves, nothing is emptied, whoever left out the column."""
    night = tonight(tmp_path)
    night.columns = tuple(c for c in CHECKED if c != column)
    refusals(night, history)
    decisions = pq.read_table(night.files.decisions)["decision"].to_pylist()
    assert set(decisions) <= {"unchanged", "hold"}
    assert pq.read_table(night.files.changes).num_rows == 0
