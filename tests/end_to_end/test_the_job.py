"""The main job as a user does it; what is asserted of the directory is asked of the directory."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from trueup.sandbox import sample
from trueup.sandbox.tenant import edits

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Office
    from tests.support.first_nights import Night

pytestmark = pytest.mark.timeout(600)


def rows(query: str) -> list[tuple[Any, ...]]:
    return duckdb.connect().execute(query).fetchall()


def decided(office: Office, plan: Any, decision: str) -> list[tuple[str, str | None]]:
    place = office.run_folder(plan) / "decisions.parquet"
    return rows(f"SELECT key, profile_id FROM read_parquet('{place}') WHERE decision = '{decision}' ORDER BY key")


def waiting(office: Office) -> float:
    """Plans that wait, as the figures of the last command say; they are taken away, so that the next leaves its own."""
    figures = office.folder / "trueup.prom"
    found = re.search(r"^trueup_awaiting_approval\{[^}]*\} (\S+)$", figures.read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    figures.unlink()
    return float(found[1])


def test_plan_approve_apply_verify_and_a_second_night_with_nothing_to_do(office: Office) -> None:
    office.configure('[metrics]\ntextfile = "trueup.prom"\n')
    before = office.everything()
    plan = office.plan()
    assert waiting(office) == 1
    assert office.everything() == before, "planning wrote to the target"
    assert sum(plan["counts"].values()) == len(
        rows(f"SELECT key FROM read_parquet('{office.run_folder(plan) / 'decisions.parquet'}')")
    )
    unmanaged = [profile for _, profile in decided(office, plan, "unmanaged")]
    held = [profile for _, profile in decided(office, plan, "hold") if profile]
    office.accept(plan)
    assert waiting(office) == 0
    applied = office.apply(plan)
    assert waiting(office) == 0
    assert applied["state"] == "applied"
    assert (applied["skipped"], applied["failed"]) == (0, 0)
    written = sum(plan["counts"][word] for word in ("create", "update", "reactivate", "deactivate", "delete"))
    assert applied["applied"] == written

    after = office.everything()
    assert len(after) == len(before) + plan["counts"]["create"]
    for spared in [*unmanaged, *held]:
        assert after[str(spared)] == before[str(spared)], "somebody nobody approved was touched"
    users = {user["id"]: user for user in office.sandbox.tenant.users()}
    by_external = {profile.get("externalId"): profile for profile in after.values()}
    created = [key for key, _ in decided(office, plan, "create")]
    assert created
    for key in created:
        profile, user = by_external[key], users[key]
        assert profile["name"]["givenName"] == user["givenName"]
        assert profile["name"]["familyName"] == user["surname"]
        assert profile["active"] is True

    verified = office.trueup("verify", plan["run_id"], "--json")
    assert verified.code == 0, verified.out
    assert verified.json["converged"] is True
    assert verified.json["residual"] == 0
    assert waiting(office) == 0
    again = office.plan()
    assert again["outcome"] == "nothing_to_do", again
    assert office.everything() == after
    # Approve, apply and verify tell one story of it.
    words = (("approve", "--as", "Reviewer"), ("apply",), ("verify",))
    told = [office.trueup(word, again["run_id"], *more) for word, *more in words]
    assert {one.code for one in told} == {0}
    assert len({one.out for one in told}) == 1, [one.out for one in told]
    assert "nothing to do" in told[0].out

    twice = office.trueup("apply", plan["run_id"], "--json")
    assert twice.code == 0, twice.err
    assert twice.json["applied"] == 0
    assert office.everything() == after


def test_rolling_a_run_back_restores_what_it_changed_and_deactivates_what_it_created(applied: Night) -> None:
    office, plan, before = applied.office, applied.plan, applied.before
    assert office.everything().keys() > before.keys()
    done = office.trueup("rollback", plan["run_id"], "--json")
    assert done.code in {0, 3}, done.err
    undo = done.json
    office.accept(undo)
    office.apply(undo)
    after = office.everything()
    for profile_id, profile in before.items():
        assert json.dumps(after[profile_id], sort_keys=True) == json.dumps(profile, sort_keys=True)
    for profile_id, profile in after.items():
        if profile_id not in before:
            assert profile["active"] is False
    assert office.plan()["outcome"] == "nothing_to_do", "the next night brought the same data back"
    assert office.everything() == after
    verified = office.trueup("verify", "--archive", "--json")
    assert verified.code == 0, verified.out
    assert office.trueup("release", plan["run_id"]).code == 0
    assert office.plan()["changes"] > 0, "released, the source speaks again"


def test_one_person_can_be_tried_first_and_nobody_else_is_touched(planned: Night) -> None:
    office, whole = planned.office, planned.plan
    key = decided(office, whole, "create")[0][0]
    before = office.everything()
    plan = office.plan("--only", key)
    assert plan["counts"]["create"] == 1
    assert plan["counts"]["deactivate"] == plan["counts"]["update"] == 0
    office.accept(plan)
    assert office.apply(plan)["applied"] == 1
    after = office.everything()
    assert {k: v for k, v in after.items() if k in before} == before
    assert [profile["externalId"] for k, profile in after.items() if k not in before] == [key]


def test_what_was_left_out_at_approval_is_untouched(planned: Night) -> None:
    office, plan = planned.office, planned.plan
    (key, profile), *_ = decided(office, plan, "update")
    before = office.everything()[str(profile)]
    office.accept(plan, "--exclude", key, "--exclude", "create")
    applied = office.apply(plan)
    after = office.everything()
    assert after[str(profile)] == before
    assert not any(record["operation"] == "create" and record["result"] == "applied" for record in applied["records"])


def test_a_profile_that_moved_since_the_plan_is_skipped_and_the_attribute_named(approved: Night) -> None:
    office, plan = approved.office, approved.plan
    changes = office.run_folder(plan) / "changes.parquet"
    decisions = office.run_folder(plan) / "decisions.parquet"
    [(key, profile)] = rows(
        f"SELECT d.key, d.profile_id FROM read_parquet('{changes}') c JOIN read_parquet('{decisions}') d USING (key) "
        "WHERE d.decision = 'update' AND c.attribute = 'title' ORDER BY 1 LIMIT 1"
    )
    office.sandbox.directory.edit(profile, title="Moved by somebody else")
    applied = office.apply(plan, code=4)
    record = next(one for one in applied["records"] if one["key"] == key)
    assert record["result"] == "skipped"
    assert "title" in record["reason"]
    assert office.everything()[profile]["title"] == "Moved by somebody else"


def test_a_bad_night_is_refused_and_nothing_is_written(applied: Night) -> None:
    office = applied.office
    before = office.everything()
    edits.play(office.sandbox.tenant, sample.edits("bad_night_half_missing"))
    done = office.trueup("plan", "--json")
    assert done.code == 3
    assert done.json["outcome"] == "refused"
    assert done.json["refusals"]
    assert (office.run_folder(done.json) / "report.html").exists(), "report first, then refuse"
    assert office.trueup("approve", done.json["run_id"], "--as", "Reviewer").code == 3
    assert office.trueup("apply", done.json["run_id"]).code == 3
    assert office.everything() == before
