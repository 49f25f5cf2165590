"""The product as a user starts it: the command line, a sandbox over HTTP, one Prefect server for all tests.

Most tests are about what commands do, not about how long Python takes to import Prefect and Great Expectations: theirs
are forked off a process that has done that (``tests.support.warm_commands``). An office that is ``installed`` starts
the installed command anew every time.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.first_nights import FirstNight, Night, doors
from tests.support.warm_commands import PATIENCE, TRUEUP, Warm, warm_commands
from trueup.flows.orchestrator import orchestrator
from trueup.sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trueup.sandbox import Sandbox

__all__ = [
    "TRUEUP",
    "Done",
    "Office",
    "applied",
    "approved",
    "first_night",
    "installed",
    "office",
    "planned",
    "prefect",
    "warm",
]


@dataclass(frozen=True)
class Done:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Office:
    """A working folder with a configuration, a sandbox behind it, and the command line."""

    folder: Path
    sandbox: Sandbox
    environment: dict[str, str] = field(default_factory=dict)
    warm: Warm | None = None
    """None starts the installed command anew every time."""

    @property
    def config(self) -> Path:
        return self.folder / "trueup.toml"

    @property
    def archive(self) -> Path:
        return self.folder / "runs"

    def configure(self, more: str = "", **replaced: str) -> None:
        text = self.sandbox.configuration(self.archive, more=more)
        for before, after in replaced.items():
            assert before in text
            text = text.replace(before, after)
        self.config.write_text(text, encoding="utf-8")

    def trueup(self, *words: str, **environment: str) -> Done:
        every = {**os.environ, **self.sandbox.environment, **self.environment, **environment}
        if self.warm is not None:
            done = self.warm.run(words, self.folder, every)
        else:
            done = subprocess.run(
                [TRUEUP, *words],
                cwd=self.folder,
                env=every,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def begun(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """The installed command at work, in a process group of its own; what is left of that is killed afterwards."""
        process = subprocess.Popen(
            [TRUEUP, *words],
            cwd=self.folder,
            env={**os.environ, **self.sandbox.environment, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def plan(self, *words: str) -> Any:
        done = self.trueup("plan", "--json", *words)
        assert done.code in {0, 3}, done.err
        return done.json

    def accept(self, plan: Any, *words: str) -> Done:
        allow = [
            word
            for refusal in plan["refusals"]
            for word in ("--allow", refusal["code"].removeprefix("limit_"), "--reason", "a test")
        ]
        done = self.trueup("approve", plan["run_id"], "--as", "Reviewer", *allow, *words)
        assert done.code == 0, done.err
        return done

    def apply(self, plan: Any, code: int = 0) -> Any:
        done = self.trueup("apply", plan["run_id"], "--json")
        assert done.code == code, (done.code, done.err, done.out[:2000])
        return done.json

    def everything(self) -> dict[str, dict[str, Any]]:
        """Every profile, asked of the directory by raw HTTP, by id; no product code is in the way."""
        found: dict[str, dict[str, Any]] = {}
        headers = {"Authorization": f"Bearer {self.sandbox.scim_token}"}
        with httpx.Client(headers=headers, trust_env=False, timeout=120) as client:
            while True:
                page = client.get(
                    f"{self.sandbox.scim_url}/Users", params={"startIndex": len(found) + 1, "count": 100}
                ).json()
                for one in page.get("Resources", []):
                    found[one["id"]] = {key: value for key, value in one.items() if key != "meta"}
                if len(found) >= page["totalResults"]:
                    return found

    def run_folder(self, plan: Any) -> Path:
        return self.archive / str(plan["run_id"])


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Prefect server for the whole session, as a user with PREFECT_API_URL has one."""
    home = tmp_path_factory.mktemp("prefect")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(home))
        patch.delenv("PREFECT_API_URL", raising=False)
        with orchestrator() as server:
            server.ready()
            yield {"PREFECT_HOME": str(home), "PREFECT_API_URL": os.environ["PREFECT_API_URL"]}


@pytest.fixture(scope="session")
def warm(prefect: dict[str, str]) -> Iterator[Warm]:
    """Commands that need not import everything anew, at the session's Prefect server."""
    with warm_commands(prefect) as commands:
        yield commands


@pytest.fixture
def office(tmp_path: Path, prefect: dict[str, str], warm: Warm) -> Iterator[Office]:
    """The sample tenant and the half-right directory, fresh for each test."""
    with running() as sandbox:
        office = Office(tmp_path, sandbox, dict(prefect), warm)
        office.configure()
        yield office


@pytest.fixture
def installed(office: Office) -> Office:
    """The same, where every command is the installed one, started anew."""
    office.warm = None
    return office


@pytest.fixture(scope="session")
def first_night(prefect: dict[str, str], warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstNight]:
    """The first night of the sample, for tests that begin after some of it."""

    def open_office(folder: Path, sandbox: Sandbox) -> Office:
        return Office(folder, sandbox, dict(prefect), warm)

    with doors() as both:
        yield FirstNight(tmp_path_factory.mktemp("first_night"), open_office, both)


@pytest.fixture
def planned(tmp_path: Path, first_night: FirstNight) -> Night:
    """The first night, planned: it waits for somebody to approve it."""
    return first_night.at("planned", tmp_path)


@pytest.fixture
def approved(tmp_path: Path, first_night: FirstNight) -> Night:
    """The first night, planned and approved."""
    return first_night.at("approved", tmp_path)


@pytest.fixture
def applied(tmp_path: Path, first_night: FirstNight) -> Night:
    """The first night, planned, approved and applied."""
    return first_night.at("applied", tmp_path)
