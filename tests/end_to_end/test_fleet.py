"""Many targets on Prefect's workers: a real server on PostgreSQL, two workers, and whatever may be killed is killed."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.clock import PrefectServer, free_port, until
from tests.support.fleet import POOL, Worker, a_fleet
from tests.support.object_stores import moto_served, new_bucket
from tests.support.postgresql import a_database
from trueup.connectors.archive.records import rendered, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.fleet import Fleet, Target

HERE = socket.gethostname()
SOAKED = int(os.environ.get("TRUEUP_SOAK_TARGETS", "40"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrefectServer]:
    """A Prefect server on PostgreSQL of Debian."""
    with a_database() as database:
        home = tmp_path / "server"
        home.mkdir()
        server = PrefectServer(home, free_port(), more=database.of_prefect)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def deploy(fleet: Fleet, *words: str, host: str = HERE) -> None:
    configs = [str(target.config) for target in fleet.targets]
    done = fleet.trueup("deploy", *configs, "--pool", POOL, "--single-host", host, *words)
    assert done.returncode == 0, done.stderr


def last_of(fleet: Fleet, target: Target) -> str:
    """How the target's newest night ended."""
    row = fleet.runs(target)[-1]
    return f"{row['state_type']} {row['state']['message']}"


def killed(fleet: Fleet, target: Target, run: str, at: Callable[[], bool], doing: str) -> None:
    """The worker that is at ``run`` dies at this moment, and another is started in its place."""
    until(at, f"target {target.number} to be {doing}", 300)
    fleet.worker_of(run).kill()
    fleet.worker()


@pytest.mark.services
@pytest.mark.timeout(1500)
def test_a_worker_killed_in_plan_and_in_apply_loses_and_doubles_nothing(tmp_path: Path, server: PrefectServer) -> None:
    with moto_served() as store, a_fleet(tmp_path, server, targets=0) as fleet:
        for number in range(5):  # two archives in an object store, which every host reaches, and two in a folder
            fleet.add(bucket=new_bucket(store) if number % 2 else None)
        for target in fleet.targets:
            target.configure(per_second=20)  # an apply takes long enough to be met
        deploy(fleet)
        fleet.worker()
        fleet.worker()
        planned, applied, [undisturbed] = fleet.targets[:2], fleet.targets[2:4], fleet.targets[4:]
        first = {target.number: fleet.begin(target) for target in planned}
        for target in planned:
            killed(fleet, target, first[target.number], target.is_planning, "planning")
        first |= {target.number: fleet.begin(target) for target in applied}
        for target in applied:
            killed(fleet, target, first[target.number], target.is_applying, "applying")
        sent = {target.number: target.sent() for target in applied}
        first[undisturbed.number] = fleet.begin(undisturbed)
        assert fleet.ended(first[undisturbed.number], 400) == ("COMPLETED", "Applied")

        for target in (*planned, *applied):
            state, why = fleet.ended(first[target.number], 400)
            assert (state, "no sign of life" in why) == ("CRASHED", True), why
            until(lambda: last_of(fleet, target) == "COMPLETED Applied", "the night, begun once more", 400)  # noqa: B023
            assert len(fleet.runs(target)) == 2, "once, and no oftener"
            assert fleet.runs(target)[-1]["parameters"]["again"] is True
            assert target.people() == undisturbed.people()
            assert target.acts() == ["approved", "applied"]
            assert target.made() == undisturbed.made()
            [manifest] = target.manifests()
            again = target in planned
            assert manifest["expected"].startswith("2024-02-29T03:00:00") is again, (
                "its tick, not when it was begun again"
            )
        for target in applied:
            assert target.number in sent
            # What was settled before the kill is settled once: the journal goes on where it ended.
            journal = target.sent()
            assert journal[: len(sent[target.number])] == sent[target.number]
            settled = target.settled()
            assert len(settled) == len(set(settled))


@pytest.mark.soak
@pytest.mark.timeout(7000)
def test_forty_targets_whose_workers_are_killed_all_the_time_come_to_their_end(
    tmp_path: Path, server: PrefectServer
) -> None:
    """Every night is killed once, half of them in plan and half in apply, and the server is started anew in between."""
    with a_fleet(tmp_path, server, targets=SOAKED) as fleet:
        undisturbed = fleet.add()
        for target in fleet.targets:
            target.configure(per_second=20)
        deploy(fleet)
        paused = fleet.deployment(undisturbed)
        [schedule] = paused["schedules"]
        path = f"/deployments/{paused['id']}/schedules/{schedule['id']}"
        fleet.api(path, {"active": False, "schedule": {"cron": "* * * * *", "timezone": "UTC"}}, method="PATCH")
        fleet.worker()
        fleet.worker()
        first = {target.number: fleet.begin(target) for target in fleet.targets[:SOAKED]}
        sent: dict[int, list[dict[str, Any]]] = {}
        while len(sent) < SOAKED:
            before = len(sent)
            until(lambda: kill_what_can_be(fleet, first, sent) > before, "somebody to be killed", 600)  # noqa: B023
            if len(sent) == SOAKED // 2:
                server.stop()
                time.sleep(20)
                server.start()
        alone = fleet.begin(undisturbed)
        assert fleet.ended(alone, 2000) == ("COMPLETED", "Applied")
        for target in fleet.targets[:SOAKED]:
            until(lambda: last_of(fleet, target) == "COMPLETED Applied", f"target {target.number}", 2000)  # noqa: B023
            assert target.people() == undisturbed.people()
            assert target.made() == undisturbed.made()
            assert target.acts() == ["approved", "applied"]
            settled = target.settled()
            assert len(settled) == len(set(settled))
            assert target.sent()[: len(sent[target.number])] == sent[target.number]
        # Paused before all this, and paused still: nothing but what was begun by hand.
        deploy(fleet)
        assert [one["active"] for one in fleet.deployment(undisturbed)["schedules"]] == [False]
        assert [run["id"] for run in fleet.runs(undisturbed)] == [alone]


def kill_what_can_be(fleet: Fleet, first: dict[int, str], sent: dict[int, list[dict[str, Any]]]) -> int:
    """Kill each worker that is where its target's first night is to be killed; returns how many were.

    What was sent until then is kept in ``sent``.
    """
    for worker in [one for one in fleet.workers if one.process.poll() is None]:
        for target in fleet.targets:
            number = target.number
            if number not in first or number in sent:
                continue
            is_there = target.is_planning() if number % 2 else target.is_applying()
            if is_there and worker.runs(first[number]):
                worker.kill()
                sent[number] = [] if number % 2 else target.sent()
                fleet.worker()
                break
    return len(sent)


@pytest.mark.services
@pytest.mark.timeout(900)
def test_what_a_worker_lacks_is_said_in_the_runs_message_and_nothing_is_written(
    tmp_path: Path, server: PrefectServer
) -> None:
    with a_fleet(tmp_path, server, targets=3) as fleet:
        secretless, elsewhere, changed = fleet.targets
        deploy(fleet)
        done = fleet.trueup("deploy", str(elsewhere.config), "--pool", POOL, "--single-host", "another-host")
        assert done.returncode == 0, done.stderr
        [bundle] = (changed.archive / "configurations").iterdir()
        bundle.write_text(
            bundle.read_text(encoding="utf-8").replace('"cron": ""', '"cron": "1 1 * * *"'), encoding="utf-8"
        )
        fleet.worker(**dict.fromkeys(secretless.secrets, ""))
        runs = [fleet.begin(target) for target in (secretless, elsewhere, changed)]
        messages = [fleet.ended(run) for run in runs]
        assert {state for state, _ in messages} == {"FAILED"}
        without, away, other = (message for _, message in messages)
        assert without.startswith("Failed: ")
        assert "the environment variable TRUEUP_" in without
        assert "is not set" in without
        assert away.startswith(
            f"Failed: The archive of this target is a folder of host another-host; this worker runs on {HERE}"
        )
        assert other.startswith("Refused: The configuration in the archive is not the one that was deployed")
        # A worker whose environment says something else.
        fleet.workers[0].kill()
        fleet.worker(TRUEUP_LIMITS__DEACTIVATE="100%")
        state, why = fleet.ended(fleet.begin(secretless))
        assert (state, "its environment overrides keys (TRUEUP_LIMITS__DEACTIVATE)" in why) == ("FAILED", True), why
        for target in (secretless, elsewhere, changed):
            assert target.manifests() == []
            assert not list(target.archive.glob("2*"))


@pytest.mark.services
@pytest.mark.timeout(600)
def test_two_deployments_of_one_target_plan_one_night_and_an_older_worker_says_what_it_needs(
    tmp_path: Path, server: PrefectServer
) -> None:
    with a_fleet(tmp_path, server, targets=1) as fleet:
        [newer] = fleet.targets
        deploy(fleet)
        fleet.worker()
        # Deployed a second time past `deploy`, under another name: the other one finds the night planned already.
        twin = {"name": "twin", "flow_id": fleet.deployment(newer)["flow_id"], "work_pool_name": POOL}
        copied = ("parameters", "entrypoint", "job_variables", "tags")
        twin |= {name: fleet.deployment(newer)[name] for name in copied}
        twin_id = fleet.api("/deployments/", twin)["id"]
        assert fleet.ended(fleet.begin(newer)) == ("COMPLETED", "Applied")
        begun = {"state": {"type": "SCHEDULED", "name": "Scheduled"}}
        second = fleet.api(f"/deployments/{twin_id}/create_flow_run", begun)["id"]
        assert fleet.ended(second) == ("CANCELLED", "Skipped: this night is planned already.")
        assert len(list(newer.archive.glob("2*"))) == 1

        # A newer Trueup has sealed a run there: this one says which it needs.
        [manifest] = newer.archive.glob("2*/manifest.json")
        before = newer.people()
        from_later(manifest)
        state, why = fleet.ended(fleet.begin(newer))
        assert state == "FAILED"
        assert why.startswith("Refused: ")
        assert "has format 99" in why
        assert "Use Trueup 9.1 or later" in why
        assert newer.people() == before
        assert len(list(newer.archive.glob("2*"))) == 1


@pytest.mark.services
@pytest.mark.timeout(600)
def test_the_guide_for_many_targets_works_word_for_word(tmp_path: Path, server: PrefectServer) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "operation.md").read_text(encoding="utf-8")
    section = text.partition("## Many targets on many machines")[2].partition("\n## ")[0]
    block = re.findall(r"^```console\n(.*?)^```", section, re.DOTALL | re.MULTILINE)[0]
    lines = [line.removeprefix("$ ") for line in block.splitlines()]
    with a_fleet(tmp_path, server, targets=2, pool="") as fleet:
        (tmp_path / "targets").mkdir()
        for target in fleet.targets:
            target.config.rename(tmp_path / "targets" / target.config.name)
        here = {":4200/": f":{server.port}/", "nightly/directory.example": f"nightly/{fleet.host(fleet.targets[0])}"}
        for word, ours in here.items():
            assert sum(word in line for line in lines) == 1
            lines = [line.replace(word, ours) for line in lines]
        compose = yaml.safe_load((Path(__file__).resolve().parents[2] / "deploy" / "compose.yaml").read_text("utf-8"))
        assert sorted(compose["services"]["worker"]["entrypoint"]) == sorted(shlex.split(lines[3])[:-1])
        # The shell stays until the worker is ended, as somebody's terminal would.
        script = "set -e\n" + "\n".join([*lines[:-1], "wait"])
        shell = fleet.shell(script)
        try:
            until(lambda: fleet.targets[0].manifests() or shell.poll() is not None, "a night", 240)
            until(lambda: last_of(fleet, fleet.targets[0]) == "COMPLETED Applied", "its end", 240)
        finally:
            Worker(tmp_path, shell).kill()
        done = fleet.trueup(*shlex.split(lines[-1])[1:], "--json")
        assert done.returncode == 0, done.stderr
        assert [row["state"] for row in json.loads(done.stdout)] == ["applied", None]


def from_later(manifest: Path) -> None:
    """The manifest as a later version would have sealed it."""
    document = json.loads(manifest.read_text(encoding="utf-8"))
    document |= {"schema_version": 99, "versions": {**document["versions"], "trueup": "9.1"}}
    manifest.chmod(0o600)
    manifest.write_bytes(rendered(signed({key: value for key, value in document.items() if key != "sha256"})))
