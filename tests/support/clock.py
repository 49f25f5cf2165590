"""``trueup serve`` under a clock: started as a service is, with a Prefect server of its own or a real one beside it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trueup.sandbox import Sandbox

NOISE = re.compile(r"Traceback|RuntimeWarning|never awaited|Exception in callback|Error")
EVERY_MINUTE = "* * * * *"
SERVE = """
import trueup.flows.serve, sys
trueup.flows.serve.FIRST_LOOK_SECONDS, trueup.flows.serve.LOOK_SECONDS = {first}, {look}
sys.argv = ["trueup", "serve"]
from trueup.flows.commands.cli import main
main()
"""
"""The command itself, with the watch switched off or looking more often."""


def until(condition: Callable[[], Any], what: str, seconds: float = 150) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.2)
    return found


@dataclass
class NightRun:
    """A flow run of ``nightly`` as the Prefect server tells of it, with its states in order."""

    row: dict[str, Any]
    states: list[dict[str, Any]]

    @property
    def expected(self) -> datetime:
        return datetime.fromisoformat(self.row["expected_start_time"])

    @property
    def kind(self) -> str:
        return str(self.row["state_type"])

    @property
    def message(self) -> str:
        return str(self.states[-1]["message"] or "")

    @property
    def was_planned(self) -> bool:
        """Whether it came to its end with a plan; the first ones of the sandbox are over their limits."""
        return self.kind == "COMPLETED" or (self.kind == "FAILED" and self.message.startswith("Refused: "))

    def seconds_to(self, leaves: Callable[[dict[str, Any]], bool]) -> float:
        """From its tick to its first state of that sort."""
        [first, *_] = [state for state in self.states if leaves(state)]
        return (datetime.fromisoformat(first["timestamp"]) - self.expected).total_seconds()


@dataclass
class PrefectServer:
    """A Prefect server as an office runs one; it can go away and come back."""

    home: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    more: dict[str, str] = field(default_factory=dict)
    """Further environment."""
    command: tuple[str, ...] = ("prefect", "server", "start", "--host", "127.0.0.1", "--port", "{port}")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def start(self) -> None:
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PREFECT_API")},
            "PREFECT_HOME": str(self.home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_LEVEL": "CRITICAL",
            **self.more,
        }
        command = [sys.executable, "-m", *(word.format(port=self.port) for word in self.command)]
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        until(self._answers, "the Prefect server", 400)  # it makes its database first

    def stop(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", trust_env=False, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


@dataclass
class Clock:
    """A folder with a configuration, a sandbox behind it, and the service."""

    folder: Path
    sandbox: Sandbox
    real: PrefectServer | None = None
    services: list[subprocess.Popen[bytes]] = field(default_factory=list)
    more: dict[str, str] = field(default_factory=dict)
    """Further environment of the service."""

    def configure(self, cron: str = EVERY_MINUTE, more: str = "") -> None:
        script = self.folder / "told.py"
        told = f"open({str(self.folder / 'told')!r}, 'a').write(os.environ['TRUEUP_MESSAGE'] + chr(10))\n"
        script.write_text(f"import os\n{told}", encoding="utf-8")
        notify = f"[notify]\ncommand = {json.dumps(f'{sys.executable} {script}')}\n"
        text = self.sandbox.configuration(self.archive, more=f'[schedule]\ncron = "{cron}"\n{notify}{more}')
        (self.folder / "trueup.toml").write_text(text, encoding="utf-8")

    @property
    def archive(self) -> Path:
        return self.folder / "runs"

    @property
    def told(self) -> list[str]:
        path = self.folder / "told"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    @property
    def said(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")

    def serve(self, *, watching: bool = False, look: int = 60) -> subprocess.Popen[bytes]:
        """Start the service in a process group of its own, as a service manager does."""
        own = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PREFECT_API")},
            **self.sandbox.environment,
            "PREFECT_HOME": str(self.folder / "prefect"),
            **({"PREFECT_API_URL": self.real.url} if self.real else {}),
            **self.more,
        }
        (self.folder / "prefect").mkdir(exist_ok=True)
        code = SERVE.format(first=10 if watching else 1e9, look=look)
        before = self.said.count("Planning at") if (self.folder / "log").exists() else 0
        with (self.folder / "log").open("ab") as log:
            service = subprocess.Popen(
                [sys.executable, "-c", code],
                cwd=self.folder,
                env=own,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.services.append(service)
        until(lambda: self.said.count("Planning at") > before or service.poll() is not None, "the service")
        assert service.poll() is None, self.said
        return service

    def end(self, service: subprocess.Popen[bytes]) -> float:
        """SIGTERM to the whole group, as systemd sends it; returns the seconds it took to end with 0."""
        since = time.monotonic()
        os.killpg(service.pid, signal.SIGTERM)
        code = service.wait(60)
        took = time.monotonic() - since
        assert code == 0, self.said
        assert not NOISE.search(self.said), self.said
        assert took < 10, f"it took {took:.1f} s to end"
        return took

    def kill(self, service: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(service.pid, signal.SIGKILL)
        service.wait()

    def close(self) -> None:
        for service in self.services:
            self.kill(service)
            if service.stdin is not None:
                service.stdin.close()
        if self.services:
            sys.stdout.write(self.said)  # shown where the test has failed

    def api(self, path: str, document: Any = None, *, method: str = "POST") -> Any:
        url = self.real.url if self.real else f"http://127.0.0.1:{self._port()}/api"
        with httpx.Client(trust_env=False, timeout=60) as client:
            for _ in range(20):
                answer = client.request(method, f"{url}{path}", json=document)
                if answer.status_code != 503:  # SQLite under load: Prefect's own client asks again too
                    break
                time.sleep(0.5)
        assert answer.is_success, (path, answer.text)
        return answer.json() if answer.content else None

    def deployment(self, flow: str = "nightly") -> Any:
        host = self.sandbox.scim_url.split("/")[2]
        return self.api(f"/deployments/name/{flow}/{host}", method="GET")

    def late_run(self, expected: datetime) -> str:
        """A run of the night meant for ``expected``, as Prefect has one while no service is there to begin it."""
        details = {"scheduled_time": expected.isoformat()}
        state = {"type": "SCHEDULED", "name": "Late", "state_details": details}
        run = self.api(f"/deployments/{self.deployment()['id']}/create_flow_run", {"state": state})
        return str(run["id"])

    def run_at_work(self, tags: list[str], lock: str, *, below: str = "") -> str:
        """A run that Prefect takes to be at work, of a flow with no deployment."""
        flow = self.api("/flows/", {"name": "at work"})["id"]
        document = {"flow_id": flow, "tags": tags, "state": {"type": "RUNNING"}, "labels": {"trueup.lock": lock}}
        if below:
            task = {"flow_run_id": below, "task_key": "below", "dynamic_key": "0"}
            document["parent_task_run_id"] = self.api("/task_runs/", task)["id"]
        return str(self.api("/flow_runs/", document)["id"])

    def kind_of(self, run: str) -> str:
        return str(self.api(f"/flow_runs/{run}", method="GET")["state_type"])

    def heartbeat(self, run: str) -> None:
        event = {
            "id": str(uuid.uuid4()),
            "occurred": datetime.now(UTC).isoformat(),
            "event": "prefect.flow-run.heartbeat",
            "resource": {"prefect.resource.id": f"prefect.flow-run.{run}"},
        }
        before = len(self.heartbeats(run))
        self.api("/events", [event])
        until(lambda: len(self.heartbeats(run)) > before, "the heartbeat to arrive", 30)

    def heartbeats(self, run: str) -> list[dict[str, Any]]:
        wanted = {
            "event": {"name": ["prefect.flow-run.heartbeat"]},
            "resource": {"id": [f"prefect.flow-run.{run}"]},
        }
        return list(self.api("/events/filter", {"filter": wanted, "limit": 50})["events"])

    def nights(self) -> list[NightRun]:
        """All flow runs of this target's ``nightly``, by the moment they are meant for."""
        own = {"id": {"any_": [self.deployment()["id"]]}}
        wanted = {"deployments": own, "sort": "EXPECTED_START_TIME_ASC", "limit": 200}
        rows = self.api("/flow_runs/filter", wanted)
        return [NightRun(row, self.states(row["id"])) for row in rows]

    def states(self, run: str) -> list[dict[str, Any]]:
        found = self.api(f"/flow_run_states/?flow_run_id={run}", method="GET")
        return sorted(found, key=lambda state: str(state["timestamp"]))

    def manifests(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(self.archive.glob("*/manifest.json"))]

    def is_planning(self) -> bool:
        """A night has begun to read, and has not sealed."""
        return any(not (path.parent / "manifest.json").exists() for path in self.archive.glob("2*/.work"))

    def engines(self) -> list[int]:
        """The processes of flow runs that the services have begun."""
        return [pid for pid, words in self._processes() if "prefect.engine" in words]

    def is_answered(self) -> bool:
        try:
            return bool(self.deployment()["name"])
        except (httpx.HTTPError, ValueError):
            return False

    def server(self) -> int:
        """The temporary server's process."""
        [pid] = [pid for pid, words in self._processes() if "trueup.flows.prefect_server" in words]
        return pid

    def _port(self) -> int:
        [port] = [int(words[-1]) for _, words in self._processes() if "trueup.flows.prefect_server" in words]
        return port

    def _processes(self) -> Iterator[tuple[int, list[str]]]:
        own = {service.pid for service in self.services if service.poll() is None}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
                words = (entry / "cmdline").read_text(encoding="utf-8", errors="replace").rstrip("\0").split("\0")
                if parent in own:
                    yield int(entry.name), words


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
