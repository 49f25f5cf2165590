"""The story of one person out of a sealed run's files."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from tests.support.check_world import ATTRIBUTES, NO_HISTORY, person, profile_of, settings, world
from trueup.expectations.gates import check_people, check_plan
from trueup.expectations.people import judge
from trueup.flows.commands.why import as_text
from trueup.flows.story import story
from trueup.transforms.attributes import TargetSchema
from trueup.transforms.duck.database import connect
from trueup.transforms.errors import Misused
from trueup.transforms.history import History, PriorRun
from trueup.transforms.manifest import Manifest
from trueup.transforms.mapping.clauses import clauses_seen
from trueup.transforms.planning.plan import make_plan
from trueup.transforms.planning.request import PlanRequest
from trueup.transforms.run_files import RunFiles
from trueup.transforms.vocabulary import Kind, Outcome

if TYPE_CHECKING:
    from pathlib import Path

FILTERS = [
    ["department EQUALS Department 4", "jobTitle NOT EQUALS Astronaut", "officeLocation IS NOT NULL"],
    ["accountEnabled IS TRUE"],
]
AT = datetime(2026, 11, 23, 1, tzinfo=UTC)


def sealed(tmp_path: Path, run_id: str) -> PriorRun:
    accounts = [person(number) for number in range(30)]
    accounts[3] |= {"surname": None, "displayName": "Omar \u202eHaddad [bold]"}
    accounts[4]["jobTitle"] = "Astronaut"
    accounts[5]["mail"] = accounts[6]["mail"]
    night = world(tmp_path, accounts)
    night.files = RunFiles(tmp_path / run_id)
    night.files.path.mkdir(parents=True)
    night.profiles = [profile_of(person(number)) for number in range(20)]
    night.profiles.append(
        {"id": "p-stranger", "userName": "stranger@contoso.example", "active": True, "resource": "{}"}
    )
    night.write()
    given = settings(people={"always": ["id:id-00007"]})
    judge(night.files, given)
    check_people(night.files, given, ATTRIBUTES, NO_HISTORY)
    plan = make_plan(PlanRequest(night.files, ATTRIBUTES, TargetSchema(), given, NO_HISTORY, AT))
    check_plan(night.files)
    manifest = Manifest(
        run_id=run_id,
        kind=Kind.RECONCILE,
        outcome=Outcome.READY,
        started=AT,
        sealed=AT,
        limits=plan.limits,
        configuration=given.what_matters() | {"scope": {"scope": "all", "filters": FILTERS}},
    )
    return PriorRun(night.files, manifest, (), "ready")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> History:
    path = tmp_path_factory.mktemp("archive")
    later, earlier = sealed(path, "20261123T010000Z-0002"), sealed(path, "20261122T010000Z-0001")
    for files in (later.files, earlier.files):
        for left in sorted(files.work.rglob("*"), reverse=True):
            left.unlink() if left.is_file() else left.rmdir()
    return History((later, earlier))


def shown(told: dict[str, object]) -> str:
    screen = io.StringIO()
    Console(file=screen, width=200, no_color=True).print(as_text(told))
    return screen.getvalue()


@pytest.mark.parametrize("wish", ["id-00003", "ID-00003", "omar.haddad3@contoso.example"])
def test_a_held_person_is_told_why_and_since_when(runs: History, wish: str) -> None:
    accounts = person(3)
    wish = accounts["userPrincipalName"].upper() if "@" in wish else wish
    told = story(runs.runs[0], runs, wish)
    assert told["decision"]["decision"] == "hold"
    assert [finding["check"] for finding in told["findings"]] == ["last_name_missing"]
    assert told["held_since"] == "20261122T010000Z-0001"
    assert told["verdict"]["verdict"] == "person"
    assert told["verdict"]["signals"]
    assert json.loads(json.dumps(told, default=str))["key"] == "id-00003"


def test_the_text_says_it_too_and_cannot_repaint_a_screen(runs: History) -> None:
    text = shown(story(runs.runs[0], runs, "id-00003"))
    assert "The last name is missing." in text
    assert "Held since run 20261122T010000Z-0001" in text
    assert "\u202e" not in text
    assert "[bold]" in text


def test_a_change_is_told_with_before_after_cause_and_limit(runs: History) -> None:
    told = story(runs.runs[0], runs, "id-00004")
    change = next(change for change in told["changes"] if change["attribute"] == "title")
    assert (change["before"], change["after"]) == ("Buyer", "Astronaut")
    assert change["cause"]
    assert {use["name"] for use in told["limits"]} >= {"update", "changed:title"}
    assert told["match"]["profile_id"] == "p-id-00004"
    assert "Astronaut" in shown(told)


def test_a_rule_by_hand_is_named(runs: History) -> None:
    assert story(runs.runs[0], runs, "id-00007")["verdict"]["overridden_by"] == "always = id:id-00007"


def test_a_profile_without_a_user_has_a_story(runs: History) -> None:
    told = story(runs.runs[0], runs, "profile:p-stranger")
    assert told["decision"]["decision"] == "unmanaged"
    assert told["source"] is None
    assert told["verdict"] is None
    assert "unmanaged" in shown(told)


def test_a_profile_of_a_user_is_found_by_its_id_too(runs: History) -> None:
    assert story(runs.runs[0], runs, "profile:p-id-00004")["key"] == "id-00004"


def test_a_key_that_several_go_by_names_them(runs: History) -> None:
    mail = person(6)["mail"]
    with pytest.raises(Misused, match=r"2 people .* id-00005, id-00006"):
        story(runs.runs[0], runs, mail)


def test_a_key_that_nobody_goes_by_is_misuse_without_repeating_it(runs: History) -> None:
    with pytest.raises(Misused) as caught:
        story(runs.runs[0], runs, "nobody@contoso.example")
    assert "nobody@contoso.example" not in str(caught.value)


def test_other_runs_are_told(runs: History) -> None:
    others = story(runs.runs[0], runs, "id-00004")["other_runs"]
    assert [other["run_id"] for other in others] == ["20261122T010000Z-0001"]


def test_every_clause_of_the_scope_is_told_with_the_value_it_saw(runs: History) -> None:
    told = story(runs.runs[0], runs, "id-00004")
    assert [(one["filter"], one["clause"], one["value"], one["holds"]) for one in told["scope"]["clauses"]] == [
        (1, "department EQUALS Department 4", "Department 4", True),
        (1, "jobTitle NOT EQUALS Astronaut", "Astronaut", False),
        (1, "officeLocation IS NOT NULL", None, None),
        (2, "accountEnabled IS TRUE", "True", True),
    ]
    text = shown(told)
    assert "filter 1 does not let the account in:" in text
    assert "holds: department EQUALS Department 4: it is “Department 4”" in text
    assert "fails: jobTitle NOT EQUALS Astronaut: it is “Astronaut”" in text
    assert "not readable: officeLocation IS NOT NULL" in text
    assert "filter 2 lets the account in:" in text


def test_a_profile_without_a_user_has_no_clauses(runs: History) -> None:
    assert story(runs.runs[0], runs, "profile:p-stranger")["scope"]["clauses"] == []


def test_a_scope_without_filters_has_no_clauses(runs: History) -> None:
    with connect() as connection:
        assert clauses_seen(connection, (), runs.runs[0].files.source, "id-00004") == ()
