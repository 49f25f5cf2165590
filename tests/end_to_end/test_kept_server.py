"""Commands of a person at a terminal share one temporary Prefect server, really started, found, killed and ended."""

from __future__ import annotations

import base64
import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.end_to_end.conftest import TRUEUP
from trueup.flows import kept_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.conftest import Office

pytestmark = pytest.mark.nights
CODE = """
import os, sys
from trueup.flows.orchestrator import orchestrator
with orchestrator(keep=True) as server:
    server.ready()
    from prefect.client.orchestration import get_client
    with get_client(sync_client=True) as client:
        client.read_flow_runs()
    open(sys.argv[1], "w").write(os.environ["PREFECT_API_URL"])
assert not [name for name in os.environ if name in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING")]
"""


class Command:
    """A command that asks its Prefect server something, on a terminal of its own or on none."""

    def __init__(self, home: Path, into: Path, *, terminal: bool = True) -> None:
        self.into = into
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        ours, theirs = pty.openpty() if terminal else os.pipe()
        self._ours = ours
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", CODE, str(into)],
            env={**environment, "PREFECT_HOME": str(home)},
            stdin=theirs if terminal else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def url(self) -> str:
        """The server it worked with; once it has ended."""
        said = b""
        with suppress(OSError):  # a terminal without anybody at the other end
            while block := os.read(self._ours, 4096):
                said += block
        os.close(self._ours)
        assert self.process.wait(120) == 0, said
        self.said = said.decode()
        return self.into.read_text("utf-8")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "prefect"
    place.mkdir(mode=0o700)
    yield place
    assert kept_server.end(place, patience=30)
    assert not list(place.glob("trueup-server-*.log")), "who ended in order leaves no last words"


def port_of(url: str) -> int:
    return int(httpx.URL(url).port or 0)


def processes_that_show(text: str) -> list[str]:
    """Every process whose command line or first environment holds ``text``."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(text.encode() in (place / name).read_bytes() for name in ("cmdline", "environ")):
                found.append(place.name)
    return found


def test_commands_at_a_terminal_share_a_server_that_nobody_else_can_use(home: Path, tmp_path: Path) -> None:
    at_once = [Command(home, tmp_path / f"first {number}") for number in range(2)]
    ports = [port_of(command.url()) for command in at_once]
    told = kept_server.living(home)
    assert told is not None
    assert told.port in ports
    assert sum("trueup server --stop" in command.said for command in at_once) == 1, "one was kept, and says so"

    third = Command(home, tmp_path / "third")
    assert port_of(third.url()) == told.port
    assert "trueup server" not in third.said

    api = f"http://127.0.0.1:{told.port}/api"
    asked: dict[str, Any] = {"json": {}, "timeout": 60, "trust_env": False}
    assert httpx.post(f"{api}/flow_runs/filter", **asked).status_code == 401
    key = base64.b64encode(told.auth.encode()).decode()
    assert httpx.post(f"{api}/flow_runs/filter", headers={"Authorization": f"Basic {key}"}, **asked).is_success

    for secret in (told.auth, key):
        assert not processes_that_show(secret)
        files = [path for path in home.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
        assert [path.name for path in files] == (["server.json"] if secret == told.auth else [])

    service = Command(home, tmp_path / "service", terminal=False)
    assert port_of(service.url()) != told.port, "without a terminal a command has a server of its own, and ends it"
    assert kept_server.living(home) == told


def test_a_kept_server_that_was_killed_is_not_asked_again(home: Path, tmp_path: Path) -> None:
    first = port_of(Command(home, tmp_path / "first").url())
    told = kept_server.living(home)
    assert told is not None
    os.kill(told.pid, signal.SIGKILL)
    assert port_of(Command(home, tmp_path / "second").url()) != first
    for log in home.glob(f"{Path(told.log).name}"):
        log.unlink()  # its last words are left to be read, as nobody saw it end


def at_a_terminal(office: Office, home: Path, *words: str) -> tuple[int, str]:
    """What a command ends with and shows to whoever sits there."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [TRUEUP, *words],
        cwd=office.folder,
        env={**environment, **office.sandbox.environment, "PREFECT_HOME": str(home)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    with suppress(OSError):
        while block := os.read(ours, 4096):
            said += block
    os.close(ours)
    return process.wait(120), said.decode()


def children_ended(number: int) -> int:
    """Processor time of the children a process has waited for, in ticks."""
    return sum(map(int, Path(f"/proc/{number}/stat").read_text("ascii").rpartition(")")[2].split()[13:15]))


def test_the_commands_that_follow_a_plan_start_from_a_process_that_has_imported_everything(
    installed: Office, home: Path
) -> None:
    installed.configure()
    code, said = at_a_terminal(installed, home, "plan")
    assert code == 0, said
    kept, told = kept_server.private_folder(home), kept_server.living(home)
    assert kept is not None
    assert told is not None
    assert b"\0TRUEUP_" not in Path(f"/proc/{told.pid}/environ").read_bytes(), (
        "it lives on, and needs no secret of ours"
    )
    until = time.monotonic() + 120
    while not (kept / "commands.socket").exists():
        assert time.monotonic() < until, [log.read_text("utf-8") for log in home.glob("trueup-server-*.log")]
        time.sleep(0.1)
    warm = int(subprocess.run(["pgrep", "-f", f"warm_process {kept}"], capture_output=True, check=True).stdout)
    for words in (("plan",), ("approve", "latest", "--as", "ann"), ("apply", "latest"), ("verify", "latest")):
        before = children_ended(warm)
        code, said = at_a_terminal(installed, home, *words)
        assert code == 0, said
        assert children_ended(warm) > before, f"{words[0]} was not run by a child of it: {said}"
    assert "the target holds everything that was written" in said
    assert at_a_terminal(installed, home, "apply", "latest")[0] == 0, "what was applied is told again"
    assert kept_server.end(home, patience=30)
    while Path(f"/proc/{warm}").exists():
        assert time.monotonic() < until
        time.sleep(0.1)
