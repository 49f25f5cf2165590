"""Apply through the command line, interrupted, killed and doubled: the directory ends as planned every time."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.warm_commands import PATIENCE
from trueup.sandbox import Weaknesses

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.end_to_end.conftest import Office
    from tests.support.first_nights import Night

pytestmark = [pytest.mark.nights, pytest.mark.timeout(600)]

WRITES = ("create", "update", "reactivate", "deactivate", "delete")


@contextmanager
def applying(office: Office, plan: Any) -> Iterator[subprocess.Popen[str]]:
    """An apply in a process group of its own, under way: at least a few people are settled."""
    journal = office.run_folder(plan) / "journal.jsonl"
    before = journal.stat().st_size if journal.exists() else 0
    with office.begun("apply", plan["run_id"], "--json") as process:
        while process.poll() is None and not (journal.exists() and journal.stat().st_size > before + 4000):
            time.sleep(0.02)
        yield process


def slow(night: Night, latency: float = 0.05) -> tuple[Office, Any]:
    night.office.sandbox.directory.weaknesses = Weaknesses(latency_seconds=latency)
    return night.office, night.plan


def ends_as_planned(office: Office, plan: Any) -> None:
    office.sandbox.directory.weaknesses = Weaknesses()
    wanted = sum(plan["counts"][word] for word in WRITES)
    resumed = office.apply(plan)
    assert (resumed["state"], resumed["applied"], resumed["failed"], resumed["skipped"]) == ("applied", wanted, 0, 0)
    names = [str(one["userName"]).casefold() for one in office.everything().values()]
    assert len(names) == len(set(names)), "somebody was created twice"
    assert office.trueup("verify", plan["run_id"]).code == 0
    again = office.apply(plan)
    assert (again["state"], again["applied"]) == ("verified", 0)
    assert office.plan()["counts"]["create"] == 0
    assert office.trueup("verify", "--archive").code == 0


def acts_of(office: Office, plan: Any) -> list[str]:
    return sorted(path.name for path in (office.run_folder(plan) / "acts").iterdir())


def test_ctrl_c_stops_after_what_is_in_flight_and_a_killed_process_group_leaves_a_run_that_resumes(
    approved: Night,
) -> None:
    office, plan = slow(approved)
    with applying(office, plan) as process:
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 4, err
    assert '"state": "interrupted"' in out
    assert "Traceback" not in err
    assert [name for name in acts_of(office, plan) if "interrupted" in name]
    with applying(office, plan) as process:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
    ends_as_planned(office, plan)


def test_ctrl_c_twice_leaves_the_requests_in_flight_and_says_how_to_finish(approved: Night) -> None:
    office, plan = slow(approved)
    with applying(office, plan) as process:
        office.sandbox.directory.weaknesses = Weaknesses(latency_seconds=60)
        os.kill(process.pid, signal.SIGINT)
        assert process.stderr is not None
        said = [process.stderr.readline()]
        while said[-1] and "Stopping: requests in flight are finished first." not in said[-1]:
            said.append(process.stderr.readline())
        assert said[-1], said
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (1, ""), err
    assert f"What was written stands in the journal; finish with: trueup apply {plan['run_id']}" in err
    assert "Traceback" not in err
    ends_as_planned(office, plan)


def test_a_first_apply_that_is_stopped_and_given_up_is_rolled_back_by_its_journal(approved: Night) -> None:
    office, plan = slow(approved)
    before = approved.before
    with applying(office, plan) as process:
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 4
    office.sandbox.directory.weaknesses = Weaknesses()
    there = office.everything()
    assert there != before
    assert office.trueup("reject", plan["run_id"], "--as", "ann", "--reason", "not what was meant").code == 0
    back = office.trueup("rollback", plan["run_id"], "--delete-created", "--json").json
    office.accept(back)
    assert office.apply(back)["state"] == "applied"
    assert {key: plain(one) for key, one in office.everything().items()} == {
        key: plain(one) for key, one in before.items()
    }


def plain(profile: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in profile.items() if name != "meta" and value not in (None, [], {}, "")}


def test_while_an_apply_runs_nobody_else_applies_or_plans_and_half_a_verify_stops_nothing(approved: Night) -> None:
    office, plan = slow(approved, latency=2.0)
    with applying(office, plan) as process:
        second = office.trueup("apply", plan["run_id"])
        assert second.code == 3
        assert str(process.pid) in second.err
        folders = sorted(path.name for path in office.archive.iterdir())
        planning = office.trueup("plan")
        assert planning.code == 3, planning.out
        assert "appl" in planning.err
        assert sorted(path.name for path in office.archive.iterdir()) == folders
        assert process.poll() is None, "the first apply ended too early to show anything"
        office.sandbox.directory.weaknesses = Weaknesses()
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    # A verify that was killed leaves half a file, which stops nothing.
    (office.run_folder(plan) / "verified-001.part").write_bytes(b"half a file")
    assert office.trueup("verify", plan["run_id"]).code == 0
    assert not (office.run_folder(plan) / "verified-001.part").exists()
    assert office.trueup("verify", "--archive").code == 0


def test_a_run_that_fell_short_is_over_and_applying_it_again_changes_nothing(approved: Night) -> None:
    office, plan = approved.office, approved.plan
    someone = next(one for one in office.sandbox.directory.profiles() if one["id"] in updated(office, plan))
    office.sandbox.directory.edit(someone["id"], title="Edited meanwhile", displayName="Edited meanwhile")
    first = office.apply(plan, code=4)
    assert (first["state"], first["skipped"]) == ("partially_applied", 1)
    acts = acts_of(office, plan)
    again = office.apply(plan, code=4)
    assert (again["state"], again["applied"], again["skipped"]) == ("partially_applied", 0, 0)
    assert acts_of(office, plan) == acts


def updated(office: Office, plan: Any) -> set[str]:
    """Profiles whose title the plan changes."""
    import duckdb

    query = (
        "SELECT d.profile_id FROM read_parquet('{0}/decisions.parquet') d JOIN read_parquet('{0}/changes.parquet') c "
        "USING (key) WHERE d.decision = 'update' AND c.attribute = 'title'"
    )
    return {row[0] for row in duckdb.connect().execute(query.format(office.run_folder(plan))).fetchall()}
