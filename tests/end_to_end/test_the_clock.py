"""The nights begin by Prefect's own clock, whatever went wrong before. These wait for ticks: minutes, not seconds."""

from __future__ import annotations

import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import NOISE, Clock, PrefectServer, free_port, until
from trueup.connectors.archive import apply_lock, open_archive
from trueup.connectors.archive.locks import lock_names, night_lock
from trueup.flows import configuration, flow_runs
from trueup.sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    server = PrefectServer(tmp_path_factory.mktemp("real"), free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[Clock]:
    """With the temporary server."""
    with running() as sandbox:
        clock = Clock(tmp_path, sandbox)
        yield clock
        clock.close()


@pytest.fixture
def beside(clock: Clock, real: PrefectServer) -> Clock:
    """With a real Prefect server, which outlives the service."""
    clock.real = real
    return clock


def once_today(ago: timedelta = timedelta(minutes=2)) -> tuple[str, datetime]:
    """A schedule whose last tick is that long ago, and that tick."""
    tick = (datetime.now(UTC) - ago).replace(second=0, microsecond=0)
    return f"{tick.minute} {tick.hour} * * *", tick


@pytest.mark.services
@pytest.mark.parametrize("server", ["temporary", "real"])
def test_prefect_itself_begins_every_night_in_time_and_serve_ends_in_order_during_one(
    clock: Clock, server: str, request: pytest.FixtureRequest
) -> None:
    if server == "real":
        clock.real = request.getfixturevalue("real")
    clock.configure()
    service = clock.serve()
    since = datetime.now(UTC) + timedelta(seconds=20)
    ahead = until(lambda: [run for run in clock.nights() if run.kind == "SCHEDULED"], "runs that are ahead")
    assert len(ahead) >= 3
    until(lambda: sum(run.was_planned for run in clock.nights()) >= 2, "two nights", 400)
    begun = [run for run in clock.nights() if run.expected > since and run.was_planned]
    for run in begun:
        assert run.seconds_to(lambda state: state["type"] != "SCHEDULED") < 15
        assert run.seconds_to(lambda state: state["type"] == "RUNNING") < 30
        assert {"trueup", "reconcile"} <= set(run.row["tags"])
        assert until(lambda: clock.heartbeats(run.row["id"]), "a heartbeat", 20)  # noqa: B023 - waited for here
    meant = {manifest["run_id"]: datetime.fromisoformat(manifest["expected"]) for manifest in clock.manifests()}
    assert all(meant[run.row["name"]] == run.expected for run in begun), "a night is known by its tick"
    until(clock.is_planning, "the next night", 120)
    clock.end(service)
    assert all("server" not in line for line in clock.said.splitlines())


@pytest.mark.services
def test_after_a_kill_during_a_night_the_next_nights_run_and_the_killed_one_is_told_of_as_crashed(clock: Clock) -> None:
    clock.configure()
    service = clock.serve(watching=True)
    until(clock.is_planning, "a night", 200)
    [killed] = [run for run in clock.nights() if run.kind == "RUNNING"]
    clock.kill(service)
    assert not clock.manifests()
    service = clock.serve(watching=True)
    until(lambda: sum(run.was_planned for run in clock.nights()) >= 2, "two more nights", 400)
    nights = {run.row["id"]: run for run in clock.nights()}
    assert nights[killed.row["id"]].kind == "CRASHED"
    assert "killed" in nights[killed.row["id"]].message
    for run in nights.values():
        assert run.kind != "CANCELLED" or run.message.startswith("Skipped:"), run.message
    clock.end(service)


@pytest.mark.services
def test_of_late_ticks_that_start_together_only_the_newest_runs_and_nobody_is_told_of_the_others(beside: Clock) -> None:
    cron, tick = once_today()
    beside.configure(cron)
    service = beside.serve()
    late = [beside.late_run(tick - timedelta(days=days)) for days in (2, 1, 0)]
    until(
        lambda: all(run.was_planned or run.kind == "CANCELLED" for run in beside.nights() if run.row["id"] in late),
        "all late runs",
        300,
    )
    ended = {run.row["id"]: run for run in beside.nights()}
    assert [ended[run].kind for run in late[:2]] == ["CANCELLED", "CANCELLED"]
    assert ended[late[2]].was_planned
    assert all(ended[run].message.startswith("Skipped: a newer night") for run in late[:2])
    twice = beside.late_run(tick)
    until(lambda: beside.states(twice)[-1]["type"] == "CANCELLED", "the run that finds its night planned")
    assert beside.states(twice)[-1]["message"] == "Skipped: this night is planned already."
    [manifest] = beside.manifests()
    assert datetime.fromisoformat(manifest["expected"]) == tick
    assert len(beside.told) == 1
    beside.end(service)


@pytest.mark.services
def test_an_automation_on_failed_runs_fires_for_a_night_that_was_refused(beside: Clock) -> None:
    cron, tick = once_today()
    beside.configure(cron, '[limits]\nupdate = "0%"\nat_least = 0\n')
    trigger = {
        "type": "event",
        "posture": "Reactive",
        "expect": ["prefect.flow-run.Failed"],
        "match": {"prefect.resource.id": "prefect.flow-run.*", "prefect.state-message": "Refused:*"},
        "match_related": {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.trueup"},
        "threshold": 1,
        "within": 0,
    }
    alarm = {"name": "somebody's alarm", "trigger": trigger, "actions": [{"type": "do-nothing"}]}
    beside.api("/automations/", alarm)
    service = beside.serve()
    night = beside.late_run(tick)
    until(lambda: beside.states(night)[-1]["type"] == "FAILED", "the end of the night")
    last = beside.states(night)[-1]
    assert last["name"] == "Failed"
    assert last["message"].startswith("Refused: ")
    wanted = {"filter": {"event": {"name": ["prefect.automation.triggered"]}}}
    until(lambda: beside.api("/events/filter", wanted)["events"], "the alarm", 30)
    beside.end(service)


@pytest.mark.services
def test_a_paused_schedule_stays_paused_over_restarts_and_new_deployments_until_it_is_resumed(beside: Clock) -> None:
    beside.configure()
    service = beside.serve(watching=True)
    found = beside.deployment()
    beside.api(f"/deployments/{found['id']}/pause_deployment")
    beside.end(service)
    beside.configure("*/1 * * * *")
    service = beside.serve(watching=True, look=10)
    assert "paused" in beside.said
    assert beside.deployment()["paused"]
    [schedule] = beside.deployment()["schedules"]
    beside.api(f"/deployments/{found['id']}/schedules/{schedule['id']}", {"active": False}, method="PATCH")
    beside.api(f"/deployments/{found['id']}/resume_deployment")
    beside.end(service)
    before = len(beside.manifests())
    service = beside.serve(watching=True, look=10)
    [schedule] = beside.deployment()["schedules"]
    assert not schedule["active"]
    assert schedule["schedule"]["cron"] == "*/1 * * * *"
    time.sleep(75)
    assert len(beside.manifests()) == before
    assert not [run for run in beside.nights() if run.kind in {"RUNNING", "PENDING", "SCHEDULED"}]
    beside.api(f"/deployments/{found['id']}/schedules/{schedule['id']}", {"active": True}, method="PATCH")
    until(lambda: len(beside.manifests()) > before, "a night after it was resumed", 200)
    beside.end(service)


@pytest.mark.services
def test_a_night_that_is_broken_off_is_begun_once_more_and_somebody_is_told_each_time(clock: Clock) -> None:
    cron, tick = once_today()
    clock.configure(cron)
    service = clock.serve(watching=True, look=10)
    for _turn in range(2):
        until(clock.is_planning, "the night", 150)
        running = [run for run in clock.nights() if run.kind == "RUNNING"]
        [engine] = clock.engines()
        os.kill(engine, signal.SIGKILL)
        [one] = running
        until(lambda: clock.states(one.row["id"])[-1]["type"] == "CRASHED", "its end")  # noqa: B023 - waited for here
        for path in clock.archive.glob("2*"):
            path.rename(clock.folder / path.name)
    until(lambda: sum("broken off" in said for said in clock.told) >= 2, "somebody to be told", 60)
    time.sleep(25)
    assert len(clock.nights()) - sum(run.kind == "SCHEDULED" for run in clock.nights()) == 2
    assert all(run.expected == tick for run in clock.nights() if run.kind == "CRASHED")
    first, second = (said for said in clock.told if "broken off" in said)
    assert "begun once more" in first
    assert "a second time" in second
    clock.end(service)


@pytest.mark.services
def test_a_deployment_of_version_0_1_loses_its_limit_and_its_own_pause(beside: Clock) -> None:
    beside.configure("0 1 * * *")
    flow = beside.api("/flows/", {"name": "nightly"})
    host = beside.sandbox.scim_url.split("/")[2]
    left = {
        "name": host,
        "flow_id": flow["id"],
        "paused": True,
        "concurrency_limit": 1,
        "concurrency_options": {"collision_strategy": "CANCEL_NEW"},
        "schedules": [{"schedule": {"cron": "0 1 * * *", "timezone": "UTC"}, "active": True}],
    }
    beside.api("/deployments/", left)
    assert beside.deployment()["global_concurrency_limit"]["limit"] == 1
    service = beside.serve()
    found = beside.deployment()
    assert found["global_concurrency_limit"] is None
    assert found["concurrency_options"] is None
    assert not found["paused"]
    assert beside.end(service) < 10


@pytest.mark.services
def test_only_a_run_whose_lock_is_free_or_that_three_times_said_nothing_is_closed_as_crashed(beside: Clock) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from trueup.flows.watch import LISTEN_SECONDS, Watch

    beside.configure("0 1 * * *")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in beside.sandbox.environment.items():
            patch.setenv(name, value)
        settings = configuration.load(beside.folder / "trueup.toml")
    archive = open_archive(settings)
    names = lock_names(archive.path, settings.target.url)
    mine = flow_runs.tags_of(settings)
    dead = beside.run_at_work(mine, names["night"])
    below = beside.run_at_work(mine, "", below=dead)
    beside.run_at_work(mine, names["apply"])
    other_host = beside.run_at_work(mine, "night-0123456789abcdef")
    by_hand = beside.run_at_work(mine, "")
    not_ours = beside.run_at_work(["trueup", "another.example"], names["night"])
    untagged = beside.run_at_work([mine[1]], names["night"])
    watch = Watch(since=datetime.now(UTC))
    assert beside.real is not None
    with (
        temporary_settings({PREFECT_API_URL: beside.real.url}),
        apply_lock(archive.path, settings.target.url, "a test"),
    ):
        watch._close_killed(settings, archive)
        assert beside.kind_of(dead) == beside.kind_of(below) == "CRASHED"
        assert len(flow_runs.unfinished(settings)) == 3, "whoever holds its lock is at work"
        with night_lock(archive.path, settings.target.url):
            again = beside.run_at_work(mine, names["night"])
            watch._close_killed(settings, archive)
            assert beside.kind_of(again) == "RUNNING"
        for turn in range(4):
            watch._close_silent(settings, datetime.now(UTC))
            watch._close_silent(settings, datetime.now(UTC))  # too soon to say anything
            expected = "RUNNING" if turn < 3 else "CRASHED"
            assert beside.kind_of(by_hand) == beside.kind_of(other_host) == expected
            assert beside.kind_of(again) == "RUNNING", "it says that it is alive"
            beside.heartbeat(again)
            assert watch.listened is not None
            watch.listened -= LISTEN_SECONDS
    assert beside.kind_of(not_ours) == beside.kind_of(untagged) == "RUNNING"


def away_for(beside: Clock, seconds: float) -> None:
    assert beside.real is not None
    beside.configure()
    service = beside.serve()
    until(lambda: any(run.was_planned for run in beside.nights()), "a night", 300)
    before = len(beside.manifests())
    beside.real.stop()
    time.sleep(seconds)
    assert service.poll() is None, beside.said
    assert beside.said.count("cannot be reached") == 1, beside.said
    beside.real.start()
    until(lambda: "is back" in beside.said, "it to be noticed")
    until(lambda: len(beside.manifests()) > before, "a night after that", 300)
    assert beside.said.count("cannot be reached") == beside.said.count("is back") == 1
    assert not NOISE.search(beside.said), beside.said
    beside.end(service)


@pytest.mark.services
def test_a_prefect_server_that_is_away_for_a_while_is_waited_for(beside: Clock) -> None:
    away_for(beside, 45)


@pytest.mark.services
def test_serve_ends_in_time_also_while_the_server_is_away_and_a_night_is_at_work(
    clock: Clock, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clock.real = PrefectServer(tmp_path_factory.mktemp("away"), free_port())
    clock.real.start()
    cron, _tick = once_today()
    clock.configure(cron)
    service = clock.serve(watching=True)
    until(clock.is_planning, "a night")
    left = clock.engines()
    clock.real.stop()
    clock.end(service)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left), "the end of its night", 20)


@pytest.mark.soak
@pytest.mark.timeout(1500)
def test_a_prefect_server_that_is_away_for_five_minutes_is_waited_for(beside: Clock) -> None:
    away_for(beside, 300)


@pytest.mark.services
def test_a_temporary_server_that_dies_is_named_with_its_log_and_started_again(clock: Clock) -> None:
    cron, _tick = once_today(timedelta(hours=2))
    clock.configure(cron)
    service = clock.serve()
    before = clock.server()
    [log] = (clock.folder / "prefect").glob("trueup-server-*.log")
    assert log.stat().st_mode & 0o777 == 0o600
    os.kill(before, signal.SIGKILL)
    until(lambda: "started again" in clock.said, "it to be noticed")
    assert str(log) in clock.said
    until(clock.is_answered, "its deployments")
    assert clock.server() != before
    clock.end(service)
    assert not [*(clock.folder / "prefect").glob("trueup-server-*.log")]
