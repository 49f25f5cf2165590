"""The Prefect server kept for the commands that follow: whom it is believed, and what makes nobody use it."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from trueup.flows import kept_server, prefect_server, screen
from trueup.flows.commands.server import server_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trueup.flows.kept_server import Told

AUTH = "only-we-know-this"


class Answering(ThreadingHTTPServer):
    """What a kept server knows, and what it was asked."""

    auth = AUTH

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Proving)
        self.seen: list[str] = []


class Proving(BaseHTTPRequestHandler):
    """Answers as a kept server does, with the auth string that the server object has."""

    server: Answering

    def do_GET(self) -> None:
        nonce = self.path.removeprefix(kept_server.PROOF)
        body = kept_server.proof_of(self.server.auth, f"server {self.server.server_port} {nonce}").encode()
        self.server.seen.append(str(self.headers) + self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def answering() -> Iterator[Answering]:
    with Answering() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    (tmp_path / "prefect").mkdir()
    return tmp_path / "prefect"


@pytest.fixture
def told(home: Path, answering: Answering) -> Iterator[Told]:
    """A server that is told of, lives and proves itself."""
    folder = kept_server.private_folder(home)
    assert folder is not None
    alive = kept_server.locked(folder, "alive", fcntl.LOCK_EX)
    assert alive is not None
    told = kept_server.told_now(home, answering.server_port, AUTH, 1, "log")
    kept_server.tell(folder, told)
    with alive:
        yield told


def folder_of(home: Path) -> Path:
    folder = kept_server.private_folder(home)
    assert folder is not None
    return folder


def is_found(home: Path) -> bool:
    found = kept_server.found(home)
    if found is not None:
        found.let_go()
    return found is not None


def test_what_is_told_of_lives_and_proves_itself_is_used(home: Path, told: Told, answering: Answering) -> None:
    found = kept_server.found(home)
    assert found is not None
    assert found.told == told
    assert kept_server.locked(folder_of(home), "use", fcntl.LOCK_EX) is None, "the server sees that it is in use"
    found.let_go()
    assert AUTH not in "".join(answering.seen), "what proves itself is not told the secret for it"


@pytest.mark.parametrize(
    ("name", "text", "is_ours"),
    [
        (".env", "PREFECT_RESULTS_LOCAL_STORAGE_PATH=/elsewhere\n", False),
        (".env", "COLOUR=red\n", True),
        ("prefect.toml", "[logging]\nlevel = 'DEBUG'\n", False),
        ("pyproject.toml", "[tool.prefect.logging]\nlevel = 'DEBUG'\n", False),
        ("pyproject.toml", "[project]\ndependencies = ['prefect']\n", True),
    ],
)
def test_a_command_in_a_folder_with_settings_of_prefect_uses_no_server_started_without_them(
    home: Path, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, name: str, text: str, is_ours: bool
) -> None:
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    assert is_found(home)
    (tmp_path / "desk" / name).write_text(text, encoding="utf-8")
    assert is_found(home) is is_ours


def test_only_we_can_read_what_is_told(home: Path, told: Told) -> None:
    folder = folder_of(home)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "server.json").stat().st_mode) == 0o600
    secret_files = [path for path in folder.rglob("*") if path.is_file() and told.auth in path.read_text("utf-8")]
    assert secret_files == [folder / "server.json"]


def test_a_server_that_died_is_not_used_whatever_process_has_its_number_now(home: Path, answering: Answering) -> None:
    told = kept_server.told_now(home, answering.server_port, AUTH, os.getpid(), "log")
    kept_server.tell(folder_of(home), told)
    assert not is_found(home)
    assert kept_server.free_folder(home) == folder_of(home), "a new one takes its place"
    assert kept_server.living(home) is None


def test_somebody_else_at_its_port_is_not_used(home: Path, told: Told, answering: Answering) -> None:
    answering.auth = "something else"
    assert not is_found(home)


def test_nobody_at_its_port_is_not_waited_for(home: Path, told: Told) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        kept_server.tell(folder_of(home), kept_server.told_now(home, free.getsockname()[1], AUTH, 1, "log"))
        assert not is_found(home)


@pytest.mark.parametrize("setting", ["PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_REQUEST_TIMEOUT"])
def test_a_server_started_with_other_settings_is_not_used(
    home: Path, told: Told, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv(setting, "17")
    assert not is_found(home)


def test_a_server_of_another_version_is_not_used_and_is_told_to_end(
    home: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_server, "version", lambda part: f"another {part}")
    assert not is_found(home)
    assert kept_server.free_folder(home, patience=0) is None, "it still lives: nothing else can be kept there"
    assert kept_server.told_in(folder_of(home)) is None


def test_profiles_that_changed_make_another_server(home: Path, told: Told) -> None:
    (home / "profiles.toml").write_text('active = "other"\n', encoding="utf-8")
    assert not is_found(home)


def test_a_home_that_was_copied_does_not_bring_a_server_along(home: Path, told: Told, tmp_path: Path) -> None:
    elsewhere = tmp_path / "copy"
    elsewhere.mkdir()
    folder = folder_of(elsewhere)
    kept_server.tell(folder, told)
    alive = kept_server.locked(folder, "alive", fcntl.LOCK_EX)
    assert alive is not None
    with alive:
        assert not is_found(elsewhere)


def test_what_others_may_read_or_write_is_not_believed(home: Path, told: Told) -> None:
    state = folder_of(home) / "server.json"
    state.chmod(0o644)
    assert not is_found(home)
    state.chmod(0o600)
    assert is_found(home)
    folder_of(home).chmod(0o755)
    assert kept_server.private_folder(home) is None
    assert not is_found(home)


def test_what_somebody_else_owns_is_not_believed(home: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert kept_server.private_folder(home) is None
    assert kept_server.told_in(home / next(home.iterdir()).name) is None


def test_a_link_in_place_of_the_folder_or_the_file_is_not_followed(home: Path, told: Told, tmp_path: Path) -> None:
    folder = folder_of(home)
    elsewhere = tmp_path / "elsewhere.json"
    (folder / "server.json").rename(elsewhere)
    (folder / "server.json").symlink_to(elsewhere)
    assert not is_found(home)
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    assert kept_server.private_folder(home) is None


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"port": 1}', '{"port": "80", "auth": 1, "pid": [], "since": 0}']
)
def test_a_file_that_says_nonsense_is_not_believed(home: Path, told: Told, content: str) -> None:
    (folder_of(home) / "server.json").write_text(content, encoding="utf-8")
    assert not is_found(home)


def test_a_file_without_a_secret_is_not_believed(home: Path, told: Told) -> None:
    path = folder_of(home) / "server.json"
    said = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**said, "auth": "", "likeness": kept_server.likeness(home, "")}), encoding="utf-8")
    assert not is_found(home)


def test_no_terminal_or_a_wish_against_it_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def __init__(self, *, shown: bool) -> None:
            self.isatty = lambda: shown

    for stdin, stderr, wish, keeps in (
        (True, True, "yes", True),
        (False, True, "yes", False),
        (True, False, "yes", False),
        (True, True, "No", False),
        (True, True, "0", False),
    ):
        monkeypatch.setattr("sys.stdin", Terminal(shown=stdin))
        monkeypatch.setattr("sys.stderr", Terminal(shown=stderr))
        monkeypatch.setenv("TRUEUP_KEEP_SERVER", wish)
        assert screen.is_for_a_person() is keeps


class Watching(threading.Thread):
    """A kept server's own look at whether it is time to end."""

    def __init__(self, home: Path, idle_seconds: float) -> None:
        super().__init__(daemon=True)
        self.kept = prefect_server.Kept(folder_of(home), idle_seconds=idle_seconds, log=home / "log", port=7)
        kept_server.tell(folder_of(home), kept_server.told_now(home, 7, AUTH, os.getpid(), "log"))

    def run(self) -> None:
        self.kept.done_with().close()

    def has_ended(self, within: float) -> bool:
        self.join(within)
        return not self.is_alive()


def test_it_ends_when_nobody_used_it_for_a_while_and_never_while_somebody_does(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefect_server, "_USE_SECONDS", 0.01)
    in_use = kept_server.use(folder_of(home))
    assert in_use is not None
    server = Watching(home, idle_seconds=0.1)
    server.start()
    assert not server.has_ended(within=0.5)
    server.kept.is_told_to_end = True
    assert not server.has_ended(within=0.2), "not even when it is told to"
    server.kept.is_told_to_end = False
    in_use.close()
    assert server.has_ended(within=10)
    assert kept_server.told_in(folder_of(home)) is None


@pytest.mark.parametrize("reason", ["told", "forgotten", "replaced"])
def test_it_ends_at_once_when_nobody_could_find_it_any_more(
    home: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    monkeypatch.setattr(prefect_server, "_USE_SECONDS", 0.01)
    server = Watching(home, idle_seconds=600)
    server.start()
    assert not server.has_ended(within=0.3)
    if reason == "told":
        server.kept.is_told_to_end = True
    elif reason == "forgotten":
        kept_server.forget(folder_of(home))
    else:
        kept_server.tell(folder_of(home), kept_server.told_now(home, 8, AUTH, 1, "log"))
    assert server.has_ended(within=10)
    others = kept_server.told_in(folder_of(home))
    assert (others is not None) is (reason == "replaced"), "another server's word is left alone"


def test_the_command_says_what_is_kept_and_that_one_in_use_ends_later(
    home: Path, told: Told, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server_command(stop=False, as_json=False) == 0
    assert f"port {told.port}" in capsys.readouterr().out
    monkeypatch.setattr(kept_server, "end", lambda _place: False)
    assert server_command(stop=True, as_json=True) == 4
    said = capsys.readouterr().out
    assert json.loads(said)["kept"] is True
    assert told.auth not in said


def test_the_command_without_a_server_says_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for stop in (False, True):
        assert server_command(stop=stop, as_json=False) == 0
        assert "No temporary Prefect server is kept" in capsys.readouterr().out
