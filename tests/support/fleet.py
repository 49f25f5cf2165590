"""A fleet: a real Prefect server with a work pool, workers with homes of their own, and a target behind each night."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.support.allowed import BY_ITSELF
from tests.support.clock import until
from tests.support.object_stores import ENVIRONMENT, KEYS
from trueup.sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.clock import PrefectServer
    from tests.support.object_stores import Bucket
    from trueup.sandbox import Sandbox

POOL = "nights"
NEVER = "0 3 29 2 *"
"""A schedule that comes once in four years: nights are begun by the test."""
_QUIET = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", "PREFECT_LOGGING_LEVEL": "INFO"}


@dataclass
class Target:
    """One directory, with its configuration, its archive and the secrets that open it."""

    number: int
    config: Path
    archive: Path
    sandbox: Sandbox
    bucket: Bucket | None = None
    """Where its archive is, if not in a folder."""

    @property
    def places(self) -> list[Path]:
        """Where its runs lie: the archive, or what the workers have of it in their homes."""
        if self.bucket is None:
            return [self.archive]
        return sorted(self.archive.parent.glob(f"worker-*/trueup-cache/s3-{self.bucket.name}-*"))

    def found(self, pattern: str) -> dict[str, Path]:
        """Files of its runs, by their name in the archive, in that order."""
        found = {str(path.relative_to(place)): path for place in self.places for path in place.glob(pattern)}
        return dict(sorted(found.items()))

    @property
    def secrets(self) -> dict[str, str]:
        return {f"{name}_{self.number}": value for name, value in self.sandbox.environment.items()}

    def configure(self, more: str = BY_ITSELF, cron: str = NEVER, per_second: int = 200) -> None:
        if self.bucket is not None:
            told = {"endpoint": self.bucket.endpoint, **KEYS}
            more += "[archive.options]\n" + "".join(f'{key} = "{value}"\n' for key, value in told.items())
        archive = self.bucket.address if self.bucket else self.archive
        text = self.sandbox.configuration(archive, more=f'[schedule]\ncron = "{cron}"\n{more}')
        for name in self.sandbox.environment:
            text = text.replace(f"env:{name}", f"env:{name}_{self.number}")
        text = text.replace("requests_per_second = 200", f"requests_per_second = {per_second}")
        self.config.write_text(text, encoding="utf-8")

    def manifests(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text(encoding="utf-8")) for path in self.found("2*/manifest.json").values()]

    def is_planning(self) -> bool:
        """A night has begun to read, and has not sealed."""
        return any(not (path.parent / "manifest.json").exists() for path in self.found("2*/.work").values())

    def is_applying(self) -> bool:
        """A night has sent something, and has not come to its end."""
        for journal in self.found("2*/journal.jsonl").values():
            ended = list((journal.parent / "acts").glob("*applied.json"))
            if not ended and b'"intent"' in journal.read_bytes():
                return True
        return False

    def people(self) -> dict[str, dict[str, Any]]:
        """Every profile as the directory has it, by user name; managers by theirs. One name twice is refused."""
        profiles = self.sandbox.directory.profiles()
        names = {one["id"]: one["userName"] for one in profiles}
        assert len(set(names.values())) == len(profiles), "somebody was made twice"
        return {one["userName"]: _without_ids(one, names) for one in profiles}

    def sent(self) -> list[dict[str, Any]]:
        """The journal of its newest run, as far as it stands."""
        journals = [path for place in self.places for path in place.glob("2*/journal.jsonl")]
        journal = max(journals, key=lambda path: (path.parent.name, path.stat().st_size))
        found = []
        for line in journal.read_bytes().split(b"\n"):
            with contextlib.suppress(ValueError):  # one that a crash cut short
                found.append(json.loads(line))
        return found

    def settled(self) -> list[tuple[str, str]]:
        """Whom the journal of its newest run says to be settled, and in which step."""
        return [(row["key"], row["step"]) for row in self.sent() if row["event"] == "settled"]

    def made(self) -> int:
        """How many people the directory was asked to make, and did."""
        return sum(one.method == "POST" and one.status == 201 for one in self.sandbox.directory.requests)

    def acts(self) -> list[str]:
        """What happened to its runs after they were sealed, in order."""
        return [path.name.split("-", 1)[1].removesuffix(".json") for path in self.found("2*/acts/*.json").values()]


@dataclass
class Worker:
    """``prefect worker start --type process --limit 1``, in a process group with what it starts."""

    home: Path
    process: subprocess.Popen[bytes]

    @property
    def said(self) -> str:
        return (self.home / "log").read_text(encoding="utf-8", errors="replace")

    def descendants(self) -> list[int]:
        parents: dict[int, int] = {}
        for entry in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                after = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                parents[int(entry.parent.name)] = int(after[1])
        found = [self.process.pid]
        for one in found:
            found += [pid for pid, parent in parents.items() if parent == one]
        return found

    def runs(self, flow_run: str) -> bool:
        """Whether one of its processes is at this flow run."""
        for pid in self.descendants():
            with contextlib.suppress(OSError):
                if flow_run.encode() in (Path("/proc") / str(pid) / "environ").read_bytes():
                    return True
        return False

    def kill(self) -> None:
        """As when its host loses power: the worker and the night it runs are gone at once."""
        for pid in (self.process.pid, *self.descendants()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        for pid in reversed(self.descendants()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Fleet:
    """Everything of it that a test needs."""

    folder: Path
    server: PrefectServer
    targets: list[Target] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_API", "TRUEUP_"))}
        return {**kept, **_QUIET, **ENVIRONMENT, "PREFECT_API_URL": self.server.url}

    def add(self, bucket: Bucket | None = None, **of_sandbox: Any) -> Target:
        number = len(self.targets)
        sandbox = self.stack.enter_context(running(**of_sandbox))
        target = Target(number, self.folder / f"t{number}.toml", self.folder / f"runs-{number}", sandbox, bucket)
        target.configure()
        self.targets.append(target)
        return target

    def trueup(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        home = self.folder / "deploying"
        home.mkdir(exist_ok=True)
        known = {**self.environment, "PREFECT_HOME": str(home), **environment}
        command = [str(Path(sys.executable).with_name("trueup")), *words]
        return subprocess.run(
            command, cwd=self.folder, env=known, capture_output=True, text=True, timeout=300, check=False
        )

    def shell(self, script: str) -> subprocess.Popen[bytes]:
        """A script at work in the folder, with the secrets of all targets and the installed commands."""
        home = self.folder / "shell"
        home.mkdir()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        known = {**self.environment, **self.secrets, "PREFECT_HOME": str(home), "PATH": path}
        with (home / "log").open("ab") as log:
            return subprocess.Popen(
                ["sh", "-c", script],
                cwd=self.folder,
                env=known,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def secrets(self) -> dict[str, str]:
        return {name: value for target in self.targets for name, value in target.secrets.items()}

    def pool(self) -> None:
        self.api("/work_pools/", {"name": POOL, "type": "process", "base_job_template": _template()})

    def worker(self, **more: str) -> Worker:
        """One more, with a home of its own and every target's secrets; ``more`` is further environment."""
        home = self.folder / f"worker-{len(self.workers)}"
        home.mkdir()
        known = {
            **self.environment,
            **self.secrets,
            "PREFECT_HOME": str(home),
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            **more,
        }
        command = [sys.executable, "-m", "prefect", "worker", "start", "--type", "process", "--pool", POOL]
        command += ["--limit", "1", "--name", home.name]
        with (home / "log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=home,
                env={name: value for name, value in known.items() if value},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        worker = Worker(home, process)
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()
        self.stack.close()

    def api(self, path: str, document: Any = None, *, method: str = "POST") -> Any:
        with httpx.Client(trust_env=False, timeout=60) as client:
            for _ in range(40):
                try:
                    answer = client.request(method, f"{self.server.url}{path}", json=document)
                except httpx.TransportError:
                    time.sleep(0.5)  # the server is started anew
                    continue
                if answer.status_code != 503:
                    break
                time.sleep(0.5)
        assert answer.is_success, (path, answer.text)
        return answer.json() if answer.content else None

    def host(self, target: Target) -> str:
        return target.sandbox.scim_url.split("/")[2]

    def deployment(self, target: Target) -> Any:
        return self.api(f"/deployments/name/nightly/{self.host(target)}", method="GET")

    def begin(self, target: Target, **parameters: Any) -> str:
        """Begin a night, as the schedule would; returns the flow run's id."""
        state = {"type": "SCHEDULED", "name": "Scheduled"}
        document = {"state": state, **({"parameters": parameters} if parameters else {})}
        return str(self.api(f"/deployments/{self.deployment(target)['id']}/create_flow_run", document)["id"])

    def runs(self, target: Target) -> list[dict[str, Any]]:
        """All flow runs of the target's deployment, the first begun first."""
        own = {"id": {"any_": [self.deployment(target)["id"]]}}
        rows = self.api("/flow_runs/filter", {"deployments": own, "sort": "EXPECTED_START_TIME_ASC", "limit": 200})
        return [row for row in rows if row["state_type"] != "SCHEDULED" or not row["auto_scheduled"]]

    def worker_of(self, run: str) -> Worker:
        """The worker that is at this flow run."""
        return next(one for one in self.workers if one.process.poll() is None and one.runs(run))

    def ended(self, run: str, seconds: float = 240) -> tuple[str, str]:
        """The state of a flow run that has come to its end, and its message."""

        def end() -> Any:
            row = self.api(f"/flow_runs/{run}", method="GET")
            return row if row["state_type"] in {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"} else None

        row = until(end, f"the end of {run}: {[worker.said[-2000:] for worker in self.workers]}", seconds)
        return row["state_type"], row["state"]["message"] or ""


def _without_ids(profile: Any, names: dict[str, str]) -> Any:
    """``profile`` in words that are the same in two directories."""
    if isinstance(profile, dict):
        kept = {key: value for key, value in profile.items() if key not in {"id", "meta", "$ref"}}
        return {key: _without_ids(value, names) for key, value in kept.items()}
    if isinstance(profile, list):
        return [_without_ids(one, names) for one in profile]
    return names.get(profile, profile) if isinstance(profile, str) else profile


def _template() -> dict[str, Any]:
    from prefect.workers.process import ProcessWorker

    return ProcessWorker.get_default_base_job_template()


@contextlib.contextmanager
def a_fleet(
    folder: Path, server: PrefectServer, *, targets: int, pool: str = POOL, **of_sandbox: Any
) -> Iterator[Fleet]:
    """A pool on ``server`` (unless it is called nothing) with so many targets, and no worker yet."""
    fleet = Fleet(folder, server)
    try:
        if pool:
            fleet.pool()
        for _ in range(targets):
            fleet.add(**of_sandbox)
        yield fleet
    finally:
        fleet.close()
