"""A Prefect server that is away is waited for; what it says of its end is kept, and kept short."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from trueup.flows.orchestrator import Orchestrator
from trueup.flows.prefect_server import LOG_BYTES, shorten
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REQUEST = httpx.Request("POST", "http://127.0.0.1:9/api")
AWAY = (
    httpx.ConnectError("refused", request=REQUEST),
    httpx.ReadTimeout("late", request=REQUEST),
    httpx.HTTPStatusError("restarting", request=REQUEST, response=httpx.Response(503, request=REQUEST)),
)


def test_an_absence_is_said_once_and_its_end_once_whatever_it_looks_like(capsys: pytest.CaptureFixture[str]) -> None:
    from trueup.flows.runner import Absence

    answers: list[Exception | None] = [AWAY[0], None, *AWAY, AWAY[0], AWAY[1], None, None]

    async def ask() -> None:
        if error := answers.pop(0):
            raise error

    async def ask_all() -> None:
        patiently = Absence().forgiving(ask)
        while answers:
            await patiently()

    asyncio.run(ask_all())
    said = capsys.readouterr().err
    assert said.count("cannot be reached") == said.count("is back") == 1


def test_what_is_no_absence_is_not_waited_for() -> None:
    from trueup.flows.runner import Absence

    answer = httpx.Response(401, request=REQUEST)

    async def ask() -> None:
        raise httpx.HTTPStatusError("who are you", request=REQUEST, response=answer)

    with pytest.raises(httpx.HTTPStatusError, match="who are you"):
        asyncio.run(Absence().forgiving(ask)())


@pytest.fixture
def doomed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Orchestrator]:
    """A temporary server that is being started and cannot come up: its database has no place."""
    for name in (
        "PREFECT_LOGGING_TO_API_ENABLED",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY",
        "PREFECT_RUNNER_POLL_FREQUENCY",
    ):
        monkeypatch.setenv(name, "set by whoever starts a server, restored afterwards")
    monkeypatch.setenv("PREFECT_API_URL", "restored afterwards")
    monkeypatch.delenv("PREFECT_API_URL")
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", "sqlite+aiosqlite:////proc/nowhere/prefect.db")
    server = Orchestrator()
    try:
        yield server
    finally:
        server.stop()


def place_of_the_server() -> tuple[str, int]:
    return "127.0.0.1", int(httpx.URL(os.environ["PREFECT_API_URL"]).port or 0)


def test_a_temporary_server_that_cannot_start_is_told_of_with_a_private_log(
    doomed: Orchestrator, tmp_path: Path
) -> None:
    with pytest.raises(Failed, match=r"did not start\. Its log: .*trueup-server-.*\.log\.") as failed:
        doomed.ready()
    [log] = tmp_path.glob("trueup-server-*.log")
    assert str(log) in failed.value.message
    assert log.stat().st_mode & 0o777 == 0o600
    assert "unable to open database file" in log.read_text(encoding="utf-8")


def test_the_place_of_a_temporary_server_is_its_own_before_it_is_there(doomed: Orchestrator) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind(place_of_the_server())
    assert doomed.is_starting


def test_whoever_answers_in_the_place_of_a_server_that_ended_is_not_taken_for_it(
    doomed: Orchestrator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Failed):
        doomed.ready()
    monkeypatch.setattr("trueup.flows.orchestrator.MEND_SECONDS", 0.05)
    monkeypatch.setattr(doomed, "_error", None)  # it had come up once, and ended since
    with HTTPServer(place_of_the_server(), Agreeing) as stranger:
        threading.Thread(target=stranger.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        doomed.keep_running()
        said, until = "", time.monotonic() + 30
        while "It did not start" not in said and time.monotonic() < until:
            time.sleep(0.02)
            said += capsys.readouterr().err
        stranger.shutdown()
    assert "It did not start" in said


class Agreeing(BaseHTTPRequestHandler):
    """Answers 200, whatever it is asked."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_log_that_grew_long_keeps_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"begin" + b"." * LOG_BYTES + b"last words\n")
    number = os.open(path, os.O_RDWR | os.O_APPEND)
    try:
        shorten(number)
        os.write(number, b"and more\n")
    finally:
        os.close(number)
    left = path.read_bytes()
    assert len(left) < LOG_BYTES
    assert left.endswith(b"last words\nand more\n")
    assert not left.startswith(b"begin")


def test_the_temporary_server_takes_no_signal_that_is_meant_for_its_parent() -> None:
    code = """
import os, signal, threading
import trueup.flows.prefect_server as server
with server.DeafServer(server.uvicorn.Config("nothing:here")).capture_signals():
    print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "True", f"uvicorn took {signal.SIGTERM.name}"


def test_ending_while_the_server_is_away_is_not_complained_of(caplog: pytest.LogCaptureFixture) -> None:
    from prefect._internal.observers import FlowRunCancellingObserver
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from trueup.flows.runner import Absence, QuietRunner

    failed: list[object] = []

    async def serve() -> None:
        runner = QuietRunner(Absence(), limit=1)
        watcher: Any = FlowRunCancellingObserver
        observer = watcher(print, polling_interval=0.1, on_failure=failed.append)
        runner._cancelling_observer = observer
        async with observer:  # without an events stream it polls
            await asyncio.sleep(0.3)
            runner.handle_sigterm()
        # Prefect closed its client before it ended the poll, which may ask once more.
        observer._is_shutting_down = False
        await observer._check_for_cancelled_flow_runs()

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}), caplog.at_level("ERROR"):
        asyncio.run(serve())
    assert not failed
    assert [record.getMessage() for record in caplog.records] == []


def test_before_the_end_prefect_is_told_what_failed() -> None:
    from prefect._internal.observers import FlowRunCancellingObserver

    from trueup.flows.runner import Absence, QuietRunner

    runner = QuietRunner(Absence(), limit=1)
    watcher: Any = FlowRunCancellingObserver
    observer = watcher(print)
    runner._cancelling_observer = observer
    with pytest.raises(RuntimeError, match="not initialized"):
        asyncio.run(observer._check_for_cancelled_flow_runs())
