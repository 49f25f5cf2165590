"""Commands handed over to the process that has imported everything: real processes, sockets, terminals and signals.

What a command would do is played by a few lines, so that neither Prefect nor a plan has to be waited for.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.flows.test_kept_server import AUTH, Answering, answering, home
from trueup.flows import commands_socket, kept_server, warm_process
from trueup.flows.circumstances import Circumstances
from trueup.flows.handing_over import ALONE
from trueup.flows.prefect_settings import set_prefect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["answering", "home"]

PLAYED = """
import json, os, resource, signal, sys, time
from pathlib import Path
def run():
    word = sys.argv[2]
    seen = {"words": sys.argv, "folder": os.getcwd(), "umask": os.umask(0), "pid": os.getpid(), "parent": os.getppid(),
            "terminal": [stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)],
            "secret": os.environ.get("TOKEN"), "kept": [kept.told.port for kept in kept_server.HANDED]}
    print("out", word)
    print("err", word, file=sys.stderr)
    try:
        Path(word).write_text(json.dumps(seen))  # whoever reads it may interrupt us from now on
        if word.startswith("wait"):
            time.sleep(60)
    except KeyboardInterrupt:
        print("Stopped.")
        sys.exit(1)
    sys.exit(int(sys.argv[3]) if len(sys.argv) > 3 else 0)
"""
WARM = f"""
from trueup.flows import kept_server, warm_process
{PLAYED}
warm_process.load = lambda: None
warm_process.run = run
warm_process.main()
"""
COMMAND = f"""
import sys
from trueup.flows import kept_server
from trueup.flows.commands.beginning import begin
{PLAYED}
begin()
run()
"""
"""As ``trueup`` begins; what goes on by itself plays the same."""


@dataclass
class Begun:
    """A command on a terminal of its own."""

    process: subprocess.Popen[bytes]
    ours: int
    said: str = ""

    def ended(self) -> int:
        """Its exit code; what it said stands in ``said``."""
        said = b""
        with suppress(OSError):
            while block := os.read(self.ours, 4096):
                said += block
        os.close(self.ours)
        self.said = said.decode()
        return self.process.wait(30)


@dataclass
class Desk:
    """A person's terminal windows, a kept server, and the warm process beside it."""

    folder: Path
    home: Path
    kept: Path
    warm: subprocess.Popen[bytes]
    environment: dict[str, str] = field(default_factory=dict)

    def begin(self, *words: str, ignores: str = "USR2", **more: Any) -> Begun:
        ours, theirs = pty.openpty()
        given = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "cwd": self.folder, **more}
        given["env"] = {**self.environment, **more.get("env", {})}

        # The shell leads a session and opens the terminal, so that Ctrl-C is for whoever works there.
        shell = f'trap \'\' {ignores}; exec 3<"$0"; exec "$@"'
        words = ("sh", "-c", shell, os.ttyname(theirs), sys.executable, "-P", "-c", COMMAND, *words)
        process = subprocess.Popen(words, start_new_session=True, **given)
        os.close(theirs)
        return Begun(process, ours)

    def seen(self, name: str) -> dict[str, Any]:
        """What the command of that name saw, as soon as it has."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            with suppress(OSError, ValueError):
                found: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
                return found
            time.sleep(0.02)
        raise AssertionError(name)

    def is_warm(self, name: str) -> bool:
        """Whether that command was run by a child of the warm process."""
        return bool(self.seen(name)["parent"] == self.warm.pid)


@contextmanager
def surroundings(environment: dict[str, str]) -> Iterator[None]:
    """This process's environment, for a moment."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def desk(tmp_path: Path, home: Path, answering: Answering) -> Iterator[Desk]:
    folder = kept_server.private_folder(home)
    assert folder is not None
    alive = kept_server.locked(folder, "alive", fcntl.LOCK_EX)
    assert alive is not None
    environment = {**os.environ, "PREFECT_HOME": str(home), "TOKEN": "only-in-the-environment", "TERM": "xterm"}
    environment.pop("PREFECT_API_URL", None)
    with surroundings(environment):
        begun = Circumstances.now()
        set_prefect()
        told = kept_server.told_now(home, answering.server_port, AUTH, 1, "log")
    kept_server.tell(folder, told)
    (tmp_path / "desk").mkdir()
    log = tmp_path / "warm.log"
    with log.open("wb") as words:
        warm = subprocess.Popen(
            [sys.executable, "-P", "-c", WARM, str(folder), str(log)],
            env={**environment, **ALONE},
            stdin=subprocess.PIPE,
            stderr=words,
            start_new_session=True,
        )
    assert warm.stdin is not None
    warm.stdin.write(json.dumps({"told": asdict(told), "begun": asdict(begun)}).encode() + b"\n")
    warm.stdin.close()
    until = time.monotonic() + 30
    while not (folder / "commands.socket").exists() and time.monotonic() < until:
        time.sleep(0.02)
    yield Desk(tmp_path / "desk", home, folder, warm, environment)
    kept_server.forget(folder)
    assert warm.wait(30) == 0, log.read_text(encoding="utf-8")
    assert not log.exists(), "who ends in order leaves no last words"
    alive.close()


def test_a_command_is_run_by_a_child_of_the_warm_process_as_it_was_given(desk: Desk) -> None:
    umask = os.umask(0o027)
    command = desk.begin("show", "first", "3")
    os.umask(umask)
    assert command.ended() == 3
    assert command.said.split() == ["out", "first", "err", "first"]
    seen = desk.seen("first")
    assert desk.is_warm("first")
    assert seen["words"][1:] == ["show", "first", "3"]
    assert (seen["folder"], seen["umask"], seen["secret"]) == (str(desk.folder), 0o027, "only-in-the-environment")
    assert seen["terminal"] == [True, True, True]
    assert len(seen["kept"]) == 1, "it works with the server that its command has found"


def test_what_is_shown_goes_where_the_command_was_told_to(desk: Desk) -> None:
    with (desk.folder / "file").open("wb") as file:
        command = desk.begin("show", "first", stdout=file)
        assert command.ended() == 0
    assert (desk.folder / "file").read_text(encoding="utf-8") == "out first\n"
    assert command.said.strip() == "err first"
    assert desk.seen("first")["terminal"] == [True, False, True]


def test_two_commands_at_once_are_both_served(desk: Desk) -> None:
    both = [desk.begin("show", f"wait {number}") for number in (1, 2)]
    assert all(desk.is_warm(f"wait {number}") for number in (1, 2))
    for command in both:
        command.process.terminate()
        assert command.ended() == -signal.SIGTERM


def test_ctrl_c_reaches_the_child(desk: Desk) -> None:
    command = desk.begin("plan", "wait")
    assert desk.is_warm("wait")
    os.write(command.ours, b"\x03")
    assert command.ended() == 1
    assert "Stopped." in command.said


def test_ctrl_z_stops_the_child_too_and_it_goes_on_with_the_command(desk: Desk) -> None:
    command = desk.begin("plan", "wait")
    child = int(desk.seen("wait")["pid"])
    os.kill(command.process.pid, signal.SIGTSTP)
    await_that(lambda: state_of(child) == state_of(command.process.pid) == "T")
    os.kill(command.process.pid, signal.SIGCONT)
    await_that(lambda: state_of(child) == "S")
    command.process.terminate()
    assert command.ended() == -signal.SIGTERM


def test_a_command_that_is_killed_takes_its_child_along(desk: Desk) -> None:
    command = desk.begin("apply", "wait")
    child = int(desk.seen("wait")["pid"])
    command.process.kill()
    await_that(lambda: not Path(f"/proc/{child}").exists())
    assert command.ended() == -signal.SIGKILL


def test_where_the_warm_process_is_killed_the_command_waits_for_its_child_and_says_what_is_not_known(
    desk: Desk,
) -> None:
    command = desk.begin("apply", "wait")
    child = int(desk.seen("wait")["pid"])
    desk.warm.kill()
    desk.warm.wait()
    with pytest.raises(subprocess.TimeoutExpired):
        command.process.wait(1)
    os.kill(child, signal.SIGKILL)
    assert command.ended() == 1
    assert "how it ended is not known" in command.said
    second = desk.begin("show", "second")
    assert second.ended() == 0, "and the next goes on by itself"
    desk.warm.returncode = 0
    Path(desk.folder.parent / "warm.log").unlink()


@pytest.mark.parametrize(
    ("words", "more"),
    [
        pytest.param(("show", "other"), {"env": {"TOKEN": "another"}}, id="another environment"),
        pytest.param(("show", "other"), {"env": {"PREFECT_API_URL": "http://127.0.0.1:1/api"}}, id="another server"),
        pytest.param(("show", "other"), {"env": {"TRUEUP_KEEP_SERVER": "no"}}, id="not wanted"),
        pytest.param(("serve", "other"), {}, id="a command that stays"),
        pytest.param(("show", "other"), {"stdin": subprocess.DEVNULL}, id="nobody there"),
    ],
)
def test_a_command_begun_otherwise_goes_on_by_itself(desk: Desk, words: tuple[str, ...], more: dict[str, Any]) -> None:
    command = desk.begin(*words, **more)
    assert command.ended() == 0
    assert desk.seen("other")["pid"] == command.process.pid


def test_a_command_with_other_limits_goes_on_by_itself(desk: Desk) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[0] - 1, limits[1]))
    command = desk.begin("show", "other")
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert command.ended() == 0
    assert desk.seen("other")["pid"] == command.process.pid


def test_after_an_upgrade_a_command_goes_on_by_itself(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "part.py"
    file.write_text("A = 1\n", encoding="utf-8")
    part = ModuleType("trueup.part")
    part.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "trueup.part", part)
    before = dict(warm_process.imported())
    assert dict(warm_process.imported()) == before
    file.write_text("A = 2\n", encoding="utf-8")
    os.utime(file, ns=(1, 1))
    assert dict(warm_process.imported()) != before, "which is compared for each command that comes"


def test_only_what_can_be_imported_counts_beside_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "part.py").write_text("A = 1\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages)])
    before = dict(warm_process.imported())
    (packages / ".tool_cache").mkdir()
    (packages / "__pycache__").mkdir()
    assert dict(warm_process.imported()) == before, "tools keep things there, also while commands are at work"
    with (packages / "nights.log").open("a", encoding="utf-8") as log:
        for line in ("one night\n", "another\n"):
            log.write(line)
            log.flush()
            assert dict(warm_process.imported()) == before, "and people write there: nobody can import that"
    (packages / "more.pth").write_text("elsewhere\n", encoding="utf-8")
    assert dict(warm_process.imported()) != before, "it says where else to import from"
    (packages / "part-2.dist-info").mkdir()
    later = dict(warm_process.imported())
    assert later != before, "an upgrade"
    (packages / "part-2.dist-info" / "RECORD").touch()
    assert dict(warm_process.imported()) != later, "installed once more"
    later = dict(warm_process.imported())
    (packages / "part.new").write_text("A = 2\n", encoding="utf-8")
    (packages / "part.new").replace(packages / "part.py")
    assert dict(warm_process.imported()) != later, "a module replaced"


def test_what_was_imported_while_it_was_replaced_is_not_begun_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = time.time_ns()
    assert warm_process.is_older(before)
    time.sleep(0.05)
    file = tmp_path / "part.py"
    file.write_text("A = 1\n", encoding="utf-8")
    os.utime(file, ns=(1, 1))  # as an archive has it that is unpacked
    part = ModuleType("trueup.part")
    part.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "trueup.part", part)
    assert not warm_process.is_older(before)


def test_a_page_that_changed_since_it_was_compiled_is_not_shown() -> None:
    page = Path(warm_process.__file__).parents[1] / "reports" / "templates" / "report.html.j2"
    assert str(page) in dict(warm_process.imported())


def test_a_signal_that_a_command_was_begun_to_ignore_is_ignored(desk: Desk) -> None:
    command = desk.begin("plan", "wait", ignores="HUP")
    child = int(desk.seen("wait")["pid"])
    command.process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        command.process.wait(0.5)
    assert state_of(child) == "S"
    command.process.terminate()
    assert command.ended() == -signal.SIGTERM


def test_nothing_is_handed_to_a_socket_of_somebody_else(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    with pytest.raises(ConnectionRefusedError):
        commands_socket.connected(desk.kept)


def await_that(what: Callable[[], bool]) -> None:
    """Wait for something that comes by itself."""
    until = time.monotonic() + 30
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


def state_of(pid: int) -> str:
    """R, S, T …, as ``/proc`` has it."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
