"""Prefect, made ready: its own server where none is configured, quiet, private, and gone with us.

With ``PREFECT_API_URL`` set, runs appear on that server. Without it a temporary one is started on loopback, while
other work goes on. It ends when this process does, however that happens: it watches a pipe that only we hold open.
Until then no signal ends it. What it says goes to a private log, which is named when it fails and else removed.

The commands of a person at a terminal keep theirs for the commands that follow (``trueup.flows.kept_server``).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, TYPE_CHECKING

from trueup.flows import handing_over, kept_server, screen
from trueup.flows.own_process import begin, module
from trueup.flows.prefect_settings import set_prefect
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trueup.flows.kept_server import InUse

START_SECONDS = 90
MEND_SECONDS = 1.0
"""How often it is seen whether a temporary server that is to keep running has ended."""
MOST_MEND_SECONDS = 64.0
"""How long it is let be after it did not start again."""
_LOG_DAYS = 30
_PARTS = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
_OUTSPOKEN = {f"PREFECT_LOGGING_{part}LEVEL": "ERROR" for part in ("", "SERVER_", "INTERNAL_", "ROOT_")}
"""For the temporary server: what fails in it is said, in its own log."""


class Orchestrator:
    """A Prefect API this process may use, as soon as ``ready`` returns."""

    def __init__(self, *, scheduling: bool = False, keep: bool = False) -> None:
        """Begin to start a server in the background, unless one is configured, or kept and there.

        With ``scheduling`` the temporary server also has the parts that start runs by the clock. With ``keep`` one that
        is kept is used, and a new one kept.

        Raises:
            Failed: there is no home folder.
        """
        _find_a_home()
        self._parts = {**_OUTSPOKEN, **({} if scheduling else _PARTS)}
        set_prefect()
        self._process: subprocess.Popen[bytes] | None = None
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._log: Path | None = None
        self._ended = threading.Event()
        self._kept: InUse | None = None
        self._place: socket.socket | None = None
        """Where the server is to answer, held for it until it has been started."""
        self._keep = keep
        self._is_keeping = False
        """The server we have started is one that does not watch the pipe."""
        self._is_ours = not os.environ.get("PREFECT_API_URL")
        if not self._is_ours:
            return
        if keep and (kept := kept_server.handed() or kept_server.found(kept_server.home_folder())) is not None:
            self._kept, self._port, self._auth = kept, kept.told.port, kept.told.auth
        else:
            self._place = _place_at(0)
            self._port, self._auth = self._place.getsockname()[1], secrets.token_urlsafe(32) if keep else ""
            self._thread = threading.Thread(target=self._start, name="prefect-server", daemon=True)
        set_prefect(self._port, self._auth)
        if self._thread is not None:
            self._thread.start()

    def ready(self) -> None:
        """Wait until the server answers.

        Raises:
            Failed: it did not come up, or the configured one does not answer; the sentence says where to look.
        """
        if not self._is_ours:
            _reach_the_configured_one()
            return
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise Failed(
                f"The temporary Prefect server did not start.{self._last_words()}",
                remedy="Set PREFECT_API_URL to a running Prefect server, or PREFECT_HOME to a writable folder.",
            ) from self._error

    @property
    def is_starting(self) -> bool:
        """Whether ``ready`` would wait."""
        return self._thread is not None and self._thread.is_alive()

    def keep_running(self) -> None:
        """From now on, start the temporary server again, at the same address, whenever it ends by itself; say so."""
        if self._process is not None:
            self._thread = threading.Thread(target=self._mend_until_stopped, name="prefect-mender", daemon=True)
            self._thread.start()

    def _mend_until_stopped(self) -> None:
        pause = MEND_SECONDS
        while not self._ended.wait(pause):
            if self._process is not None and self._process.poll() is None:
                continue
            ended = f"ended with code {self._process.returncode}" if self._process is not None else "is not there"
            screen.note(f"The temporary Prefect server {ended}.{self._last_words()} It is started again.")
            self._close()
            self._start()
            # A full disk, say: ask less and less often.
            pause = MEND_SECONDS if self._error is None else min(2 * pause, MOST_MEND_SECONDS)
            if self._error is not None:
                screen.note(f"It did not start.{self._last_words()} It is tried again in {pause:.0f} s.")
                self._error = None

    def stop(self) -> None:
        """End the temporary server, also one that is still starting; let go of one that is kept."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=3)
        if self._place is not None:
            self._place.close()
        if self._kept is not None:
            self._let_go(self._kept)
        else:
            if self._process is not None and self._process.poll() is not None and self._error is None:
                screen.note(f"The temporary Prefect server had ended by itself.{self._last_words()}")
            elif self._log is not None and self._error is None:
                self._log.unlink(missing_ok=True)
            self._close()
        if self._is_ours:
            os.environ.pop("PREFECT_API_URL", None)
        if self._is_ours and self._auth:
            os.environ.pop("PREFECT_API_AUTH_STRING", None)

    def _let_go(self, kept: InUse) -> None:
        if not kept_server.is_alive(kept.folder):
            screen.note(f"The temporary Prefect server had ended by itself. Its log: {kept.told.log}.")
        elif handing_over.would_be_warm(kept):
            with _new_log(kept_server.home_folder(), f"trueup-server-{os.getpid()}-warm.log") as log:
                handing_over.start_warm(kept, log)
        kept.let_go()
        if self._process is not None and self._process.poll() is None:
            screen.note(
                f"The temporary Prefect server stays for the commands that follow, until none came for "
                f"{kept_server.IDLE_SECONDS / 60:.0f} minutes; end it with: trueup server --stop"
            )
            self._process.returncode = 0  # it lives on: nothing that this process should wait for, or complain of
        self._process = None

    def _close(self) -> None:
        if self._process is None:
            return
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()  # it ends on that, and on no signal
        try:
            self._process.wait(timeout=0 if self._is_keeping else 3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _last_words(self) -> str:
        """Where the server's log lies, for a sentence; nothing where there is none."""
        return f" Its log: {self._log}." if self._log is not None else ""

    def _start(self) -> None:
        try:
            home = kept_server.home_folder()
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Two first starts at once would migrate one database twice.
            with (home / "trueup-start.lock").open("w", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not self._ended.is_set():
                    self._serve(home, kept_server.free_folder(home) if self._keep else None)
        except BaseException as error:  # noqa: BLE001 - nobody hears what a thread raises, an exit included: it is kept here, and ready() raises it where the command waits
            self._error = error

    def _serve(self, home: Path, folder: Path | None) -> None:
        """Start the server and wait for it; with a ``folder`` it is kept and told of there."""
        with _new_log(home, f"trueup-server-{os.getpid()}-{self._port}.log") as log:
            self._log = Path(log.name)
            place, self._place = self._place or _place_at(self._port), None
            self._is_keeping = folder is not None
            keeping = [str(folder), str(kept_server.IDLE_SECONDS), log.name] if folder else []
            with place:
                self._process = begin(
                    module("trueup.flows.prefect_server", str(place.fileno()), str(self._port), *keeping),
                    env={**_for_a_server(os.environ), **self._parts},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    pass_fds=[place.fileno()],
                    start_new_session=True,  # what is sent to our group is not meant for it
                )
        lock = kept_server.use(folder) if folder else None
        if folder and self._process.stdin is not None:
            self._process.stdin.write(f"{self._auth}\n".encode())
            self._process.stdin.flush()
        self._wait_for_it()
        if folder and lock is not None and not self._ended.is_set():
            told = kept_server.told_now(home, self._port, self._auth, self._process.pid, str(self._log))
            kept_server.tell(folder, told)
            self._kept = kept_server.InUse(told, lock, folder)

    def _wait_for_it(self) -> None:
        url = f"http://127.0.0.1:{self._port}/api"
        deadline = time.monotonic() + START_SECONDS
        while not self._ended.is_set():
            is_there = _answers(f"{url}/health")
            # While it lives nobody else can be at its place; what answers after its end is another one.
            if self._process is not None and self._process.poll() is not None:
                raise RuntimeError(f"it ended with code {self._process.returncode}")
            if is_there:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"no answer within {START_SECONDS} s")
            self._ended.wait(0.1)


def _for_a_server(environment: Mapping[str, str]) -> dict[str, str]:
    """What a process is started with can be read as long as it lives: the server has no use for secrets of ours."""
    return {
        name: value
        for name, value in environment.items()
        if name != "PREFECT_API_AUTH_STRING" and not name.startswith("TRUEUP_")
    }


def _new_log(home: Path, name: str) -> IO[bytes]:
    """A private log for one server; those that servers of long ago left behind go."""
    for left in home.glob("trueup-server-*.log"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _LOG_DAYS * 86400:
                left.unlink()
    path = home / name
    path.unlink(missing_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    return open(path, "ab", buffering=0, opener=lambda place, _flags: os.open(place, flags, 0o600))


def _find_a_home() -> None:
    """See to a home folder: Prefect asks for one as it is imported, and a container's user may have none.

    Raises:
        Failed: there is none, and nothing that could stand for it.
    """
    try:
        Path.home()
    except RuntimeError as error:
        if not (place := os.environ.get("PREFECT_HOME")):
            raise Failed(
                "This user has no home folder, where Prefect keeps its database.",
                remedy="Set HOME, or PREFECT_HOME, to a private and writable folder.",
            ) from error
        os.environ["HOME"] = place


def _reach_the_configured_one() -> None:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        problem = client.api_healthcheck()
    if problem is not None:
        raise Failed(
            "The Prefect server that PREFECT_API_URL names cannot be reached.",
            remedy="Start it, correct PREFECT_API_URL, or unset it: Trueup then starts a temporary server of its own.",
        ) from problem


def _place_at(port: int) -> socket.socket:
    """A place on loopback that is ours alone, 0 meaning any that is free; nobody is answered there yet.

    Were only the number of a free port handed over, somebody else could be there before the server is, such as the
    server of a command begun at the same moment: what answers would be taken for ours.

    Raises:
        OSError: somebody else is there.
    """
    place = socket.socket()
    try:
        if port:  # connections of the server that was there may not be quite over
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(("127.0.0.1", port))
    except OSError:
        place.close()
        raise
    return place


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def orchestrator(*, scheduling: bool = False, keep: bool = False) -> Iterator[Orchestrator]:
    """A Prefect API for the length of the block; starting it overlaps with the block's first steps.

    With ``keep`` the temporary server is shared with the commands that follow, where a person sits at a terminal.
    """
    held = Orchestrator(scheduling=scheduling, keep=keep and screen.is_for_a_person())
    try:
        yield held
    finally:
        held.stop()
