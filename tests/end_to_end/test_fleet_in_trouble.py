"""What becomes of a fleet when more than one thing goes wrong, and who is told: a real server, workers that die."""

from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.allowed import BY_ITSELF, EVERYTHING
from tests.support.at_rest import a_key
from tests.support.clock import PrefectServer, free_port, until
from tests.support.fleet import POOL, a_fleet
from tests.support.mailbox import webhook
from tests.support.object_stores import moto_served, new_bucket
from trueup.connectors.archive.records import rendered, signed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.fleet import Fleet, Target

pytestmark = pytest.mark.timeout(600)
HERE = socket.gethostname()
LOST = {"state": {"type": "CRASHED", "name": "Crashed", "message": "lost"}, "force": True}
TOLD = '[notify]\nurls = ["env:HOOK"]\nremind_hours = 0.0001\n'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrefectServer]:
    home = tmp_path / "server"
    home.mkdir()
    server = PrefectServer(home, free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()


def deploy(fleet: Fleet) -> str:
    configs = [str(target.config) for target in fleet.targets]
    done = fleet.trueup("deploy", *configs, "--pool", POOL, "--single-host", HERE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def lose(fleet: Fleet, run: str) -> None:
    """The worker that is at ``run`` dies with it, and the server's automation need not wait until it notices."""
    fleet.worker_of(run).kill()
    assert fleet.api(f"/flow_runs/{run}/set_state", LOST)["status"] == "ACCEPT"


def begun_again(fleet: Fleet, target: Target, before: int) -> str:
    """The run that the automation begins once ``before`` runs are there."""
    rows = until(lambda: (found := fleet.runs(target))[before:] and found, "a night begun once more", 120)
    assert len(rows) == before + 1
    return str(rows[-1]["id"])


@pytest.mark.services
def test_a_night_lost_twice_in_its_apply_is_not_begun_a_third_time_is_told_and_the_next_night_goes_on(
    tmp_path: Path, server: PrefectServer
) -> None:
    with webhook() as hook, a_fleet(tmp_path, server, targets=2) as fleet:
        target, undisturbed = fleet.targets
        told = {"HOOK": hook.url.replace("http", "json")}
        target.configure(more=BY_ITSELF + TOLD, per_second=8)
        deploy(fleet)
        first = fleet.begin(target)
        fleet.worker(**told)
        until(target.is_applying, "the apply", 240)
        sent = target.sent()
        lose(fleet, first)
        second = begun_again(fleet, target, 1)
        fleet.worker(**told)
        until(lambda: len(target.settled()) > len([row for row in sent if row["event"] == "settled"]) + 3, "more", 240)
        lose(fleet, second)
        third = begun_again(fleet, target, 2)
        fleet.worker(**told)
        state, why = fleet.ended(third)
        assert (state, why.startswith("Failed: The night of 2024-02-29 03:00 UTC was broken off a second time.")) == (
            "FAILED",
            True,
        ), why
        said = [str(body["message"]) for _path, body in hook.posts]
        assert ["begun once more" in text or "a second time" in text for text in said] == [True, True], said
        assert len(fleet.runs(target)) == 3
        assert target.acts() == ["approved"]

        # The next night goes on with what was left, and a night of somebody else's says what it must come to.
        assert fleet.ended(fleet.begin(target)) == ("COMPLETED", "Applied")
        assert fleet.ended(fleet.begin(undisturbed)) == ("COMPLETED", "Applied")
        assert target.people() == undisturbed.people()
        assert target.made() == undisturbed.made()
        assert target.acts() == ["approved", "applied"]
        settled = target.settled()
        assert len(settled) == len(set(settled))


@pytest.mark.services
def test_a_worker_with_the_key_makes_a_night_of_an_encrypted_archive_and_one_without_says_what_it_lacks(
    tmp_path: Path, server: PrefectServer
) -> None:
    with moto_served() as store, a_fleet(tmp_path, server, targets=0) as fleet:
        target = fleet.add(bucket=new_bucket(store))
        text = target.config.read_text(encoding="utf-8")
        target.config.write_text(
            text.replace("[archive]\n", '[archive]\nencryption_key = "env:ARCHIVE_KEY"\n'), encoding="utf-8"
        )
        key = {"ARCHIVE_KEY": a_key()}
        configs = ("deploy", str(target.config), "--pool", POOL, "--single-host", HERE)
        done = fleet.trueup(*configs, **key)
        assert done.returncode == 0, done.stderr
        without = fleet.worker()
        state, why = fleet.ended(fleet.begin(target))
        assert (state, "ARCHIVE_KEY is not set" in why) == ("FAILED", True), why
        assert target.made() == 0
        without.kill()
        fleet.worker(**key)
        assert fleet.ended(fleet.begin(target)) == ("COMPLETED", "Applied")
        assert target.made() == 31
        names = [name.encode() for name in target.people()]
        files = [path for place in target.places for path in place.rglob("*") if path.is_file()]
        assert files
        assert [path for path in files if any(name in path.read_bytes() for name in names)] == []
        listed = fleet.trueup("runs", "--config", str(target.config), "--json", **key)
        assert json.loads(listed.stdout)[0]["state"] == "applied"


@pytest.mark.soak
def test_a_night_that_was_only_taken_for_lost_goes_on_and_nobody_is_told_that_it_was_given_up(
    tmp_path: Path, server: PrefectServer
) -> None:
    """As when the server was away: it hears no sign of life of a night that lives."""
    with webhook() as hook, a_fleet(tmp_path, server, targets=1) as fleet:
        [target] = fleet.targets
        target.configure(more=BY_ITSELF + TOLD, per_second=8)
        deploy(fleet)
        first = fleet.begin(target)
        for _ in range(2):
            fleet.worker(HOOK=hook.url.replace("http", "json"))
        until(target.is_planning, "the plan", 240)
        lose(fleet, first)
        second = begun_again(fleet, target, 1)
        until(target.is_applying, "the apply", 240)
        fleet.worker(HOOK=hook.url.replace("http", "json"))
        fleet.api(f"/flow_runs/{second}/set_state", LOST)
        third = begun_again(fleet, target, 2)
        assert fleet.ended(third) == ("CANCELLED", "Skipped: another run of this target is in progress.")
        until(lambda: target.acts() == ["approved", "applied"], "the end of the second", 240)
        until(lambda: fleet.api(f"/flow_runs/{second}", method="GET")["state"]["message"] == "Applied", "said so", 60)
        assert not any("a second time" in str(body["message"]) for _path, body in hook.posts)


@pytest.mark.services
def test_all_targets_of_a_pool_are_looked_after_and_each_is_told_once(tmp_path: Path, server: PrefectServer) -> None:
    with webhook() as hook, a_fleet(tmp_path, server, targets=3) as fleet:
        waiting, silent, broken = fleet.targets
        for target in fleet.targets:
            target.configure(more=f"[limits]\n{EVERYTHING}\n{TOLD}")
        deploy(fleet)
        look = fleet.api(f"/deployments/name/look after/{POOL}", method="GET")
        [schedule] = look["schedules"]
        assert (schedule["schedule"]["cron"], schedule["active"], look["parameters"]) == (
            "25 * * * *",
            True,
            {"pool": POOL},
        )
        # Only looks that this test begins.
        fleet.api(f"/deployments/{look['id']}/schedules/{schedule['id']}", {"active": False}, method="PATCH")
        fleet.worker(HOOK=hook.url.replace("http", "json"))
        for target in (waiting, silent):
            assert fleet.ended(fleet.begin(target)) == ("COMPLETED", "Awaiting approval")
        a_day_and_more_ago(next(iter(silent.archive.glob("2*/manifest.json"))))
        deployed_long_ago(server)
        next((broken.archive / "configurations").iterdir()).unlink()
        hook.posts.clear()
        begun = {"state": {"type": "SCHEDULED", "name": "Scheduled"}}
        for _ in range(2):
            run = fleet.api(f"/deployments/{look['id']}/create_flow_run", begun)["id"]
            state, why = fleet.ended(run)
            assert state == "FAILED"
            assert why.startswith(
                f"Failed: 1 of 3 targets could not be looked after. {fleet.host(broken)}: The archive"
            )
        waits, nothing = "a plan still waits", "silent"
        titles = sorted(str(body["title"]) for _path, body in hook.posts)
        expected = [f"Trueup, {fleet.host(one)}: {word}" for one, word in told(waiting, silent, waits, nothing)]
        assert titles == sorted(expected), "each once, though there were two looks"

        # What a person paused stays paused; and a server that lost it has it again.
        deploy(fleet)
        look = fleet.api(f"/deployments/name/look after/{POOL}", method="GET")
        assert [one["active"] for one in look["schedules"]] == [False]


def told(waiting: Target, silent: Target, waits: str, nothing: str) -> list[tuple[Target, str]]:
    return [(waiting, waits), (silent, waits), (silent, nothing)]


def deployed_long_ago(server: PrefectServer) -> None:
    """As deployments are that have been there for some days: silence counts from when a target was deployed."""
    with contextlib.closing(sqlite3.connect(server.home / "prefect.db", timeout=60)) as database, database:
        assert database.execute("UPDATE deployment SET created = '2026-01-01 00:00:00.000000'").rowcount == 4


def a_day_and_more_ago(manifest: Path) -> None:
    document = json.loads(manifest.read_text(encoding="utf-8"))
    for name in ("started", "sealed"):
        before = datetime.now(UTC) - timedelta(hours=27)
        document[name] = before.isoformat()
    manifest.chmod(0o600)
    manifest.write_bytes(rendered(signed({key: value for key, value in document.items() if key != "sha256"})))
