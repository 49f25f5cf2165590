"""The suite ``plan`` and the suite ``history``: what no plan may do, and what drifts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.check_world import ATTRIBUTES, NO_HISTORY, World, person, profile_of, settings, world
from trueup.expectations.gates import check_people, check_plan
from trueup.expectations.people import judge
from trueup.transforms.attributes import TargetSchema
from trueup.transforms.errors import Failed
from trueup.transforms.history import History, PriorRun
from trueup.transforms.manifest import Manifest
from trueup.transforms.planning.plan import make_plan
from trueup.transforms.planning.request import PlanRequest
from trueup.transforms.vocabulary import Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AT = datetime(2026, 11, 23, 1, tzinfo=UTC)
Rows = list[dict[str, Any]]


def planned(tmp_path: Path) -> World:
    night = world(tmp_path, [person(n) for n in range(20)])
    night.accounts[4]["jobTitle"] = "Astronaut"
    night.profiles = [profile_of(person(n)) for n in range(12)]
    night.write()
    judge(night.files, settings())
    check_people(night.files, settings(), ATTRIBUTES, NO_HISTORY)
    make_plan(PlanRequest(night.files, ATTRIBUTES, TargetSchema(), settings(), NO_HISTORY, AT))
    return night


def rewrite(path: Path, change: Callable[[Rows], Rows]) -> None:
    table = pq.read_table(path)
    pq.write_table(pa.Table.from_pylist(change(table.to_pylist()), table.schema), path)


def with_key(key: str, **fields: Any) -> Callable[[Rows], Rows]:
    return lambda rows: [row | fields if row["key"] == key else row for row in rows]


def another(**fields: Any) -> Callable[[Rows], Rows]:
    return lambda rows: [*rows, rows[0] | fields]


def without(key: str) -> Callable[[Rows], Rows]:
    return lambda rows: [row for row in rows if row["key"] != key]


BROKEN: dict[str, tuple[str, Callable[[Rows], Rows], str]] = {
    "somebody decided twice": ("decisions", another(), "check_plan_decided_twice"),
    "an unknown decision": ("decisions", with_key("id-00001", decision="promote"), "check_plan_unknown_decision"),
    "no reason": ("decisions", with_key("id-00001", reason=""), "check_plan_no_reason"),
    "one profile for two": ("decisions", with_key("id-00001", profile_id="p-id-00002"), "check_plan_profile_twice"),
    "a held person changed": (
        "decisions",
        with_key("id-00004", decision="hold"),
        "check_plan_change_without_a_decision",
    ),
    "an unmanaged user": ("decisions", with_key("id-00000", decision="unmanaged"), "check_plan_unmanaged_user"),
    "an update of nothing": (
        "decisions",
        with_key("id-00000", decision="update"),
        "check_plan_decision_without_a_change",
    ),
    "a write to no profile": (
        "decisions",
        with_key("id-00004", profile_id=None),
        "check_plan_write_without_a_profile",
    ),
    "a user forgotten": ("decisions", without("id-00001"), "check_users_undecided"),
    "a profile forgotten": ("decisions", without("id-00001"), "check_profiles_undecided"),
    "a change of nobody": ("changes", another(key="nobody"), "check_changes_of_nobody"),
    "an attribute changed twice": ("changes", another(), "check_attributes_changed_twice"),
    "a hidden deactivation": (
        "changes",
        another(key="id-00004", attribute="active", before="true", after="false"),
        "check_plan_hidden_deactivation",
    ),
    "one user name for two": (
        "changes",
        lambda rows: [
            row | {"after": '"same@contoso.example"'} if row["attribute"] == "userName" else row for row in rows
        ],
        "check_user_names_written_twice",
    ),
}


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> World:
    return planned(tmp_path_factory.mktemp("plan"))


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plan_is_refused(case: str, plan: World) -> None:
    name, change, code = BROKEN[case]
    path = getattr(plan.files, name)
    kept = path.read_bytes()
    try:
        rewrite(path, change)
        refusals = check_plan(plan.files).refusals
    finally:
        path.write_bytes(kept)
    assert code in {refusal.code for refusal in refusals}
    assert not any(refusal.overridable for refusal in refusals)


def test_a_sound_plan_passes_and_is_archived_once(plan: World) -> None:
    for _ in range(2):
        assert check_plan(plan.files).refusals == ()
    suites = json.loads(plan.files.checks.read_text(encoding="utf-8"))["suites"]
    assert [suite["suite_name"] for suite in suites].count("plan") == 1


def test_a_user_name_that_another_profile_keeps_is_reported_once(plan: World) -> None:
    path = plan.files.changes
    kept = path.read_bytes()
    taken = json.dumps(person(2)["mail"].upper())
    change = another(key="id-00004", attribute="userName", before='"x"', after=taken)
    try:
        rewrite(path, change)
        for _ in range(2):
            check_plan(plan.files)
    finally:
        path.write_bytes(kept)
    rows = [row for row in pq.read_table(plan.files.findings).to_pylist() if row["check"] == "user_name_taken"]
    assert [(row["key"], row["severity"]) for row in rows] == [("id-00004", "info")]
    assert "id-00002" in rows[0]["reason"]


@pytest.mark.parametrize(("cause", "is_refused"), [("source_changed", True), ("rollback", False)])
def test_only_a_way_back_takes_more_back_along_with_a_deactivation(
    cause: str, *, is_refused: bool, plan: World
) -> None:
    """The person's title is changed already; a deactivation beside it is the whole decision's only in a rollback."""
    kept = plan.files.decisions.read_bytes(), plan.files.changes.read_bytes()
    ending = {"key": "id-00004", "attribute": "active", "before": "true", "after": "false"}
    try:
        rewrite(plan.files.decisions, with_key("id-00004", decision="deactivate"))
        rewrite(plan.files.changes, lambda rows: [row | {"cause": cause} for row in [*rows, rows[0] | ending]])
        codes = {refusal.code for refusal in check_plan(plan.files).refusals}
    finally:
        plan.files.decisions.write_bytes(kept[0])
        plan.files.changes.write_bytes(kept[1])
    assert codes == ({"check_plan_deactivation_of_more_than_active"} if is_refused else set())


def test_a_plan_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"decisions\.parquet"):
        check_plan(world(tmp_path, []).files)


def test_drift_against_earlier_runs_is_reported_and_refuses_nothing(tmp_path: Path, plan: World) -> None:
    manifest = Manifest(
        run_id=plan.files.run_id, kind=Kind.RECONCILE, outcome=Outcome.NOTHING_TO_DO, started=AT, sealed=AT
    )
    history = History((PriorRun(plan.files, manifest, (), "nothing_to_do"),))
    night = world(tmp_path, [person(n, jobTitle=None if n % 2 else "Buyer") for n in range(20)])
    night.profiles = [profile_of(person(n)) for n in range(12)]
    night.write()
    judge(night.files, settings())
    assert check_people(night.files, settings(), ATTRIBUTES, history).refusals == ()
    suites = json.loads(night.files.checks.read_text(encoding="utf-8"))["suites"]
    drift = next(suite for suite in suites if suite["suite_name"] == "history")
    failed = {result["expectation_config"]["kwargs"]["column"] for result in drift["results"] if not result["success"]}
    assert failed == {"nulls:jobTitle", "distinct:jobTitle"}
