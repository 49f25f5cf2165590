"""The temporary Prefect server's own process: ``python -m trueup.flows.prefect_server PLACE PORT [FOLDER IDLE LOG]``.

PLACE is the number of a socket that is bound to PORT on loopback, so that nobody else can be there.

It ignores Ctrl-C and SIGTERM, which are meant for the process that started it: a terminal and systemd send them to a
whole group, and we need the server to record how our runs ended. It ends as soon as that process is gone: then the pipe
on standard input closes. What it has to say goes to its stderr, a private file that never grows past a megabyte.

With a FOLDER it is kept for the commands that follow (``trueup.flows.kept_server``): the first line on standard input
is its auth string, and it ends when no command has used it for IDLE seconds, when it is told of there no more, or on
SIGTERM; never while a command uses it.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import signal
import socket
import stat
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import uvicorn

from trueup.flows import kept_server

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG_BYTES = 1 << 20
_KEPT_BYTES = 1 << 18
_LOOK_SECONDS = 60
_USE_SECONDS = 0.5
"""How often a kept server looks whether it is in use."""
_START_SECONDS = 120.0
"""So long it may not be told of yet."""


class DeafServer(uvicorn.Server):
    """A server that takes no signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave all handlers as they are: uvicorn's own would end the server on SIGTERM."""
        yield


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)


def _keep_log_short() -> None:
    while True:
        time.sleep(_LOOK_SECONDS)
        with contextlib.suppress(OSError):
            shorten(2)


def shorten(number: int) -> None:
    """Leave only the end of a log that has grown long; ``number`` is open for reading and appending."""
    facts = os.fstat(number)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size <= LOG_BYTES:
        return
    end = os.pread(number, _KEPT_BYTES, facts.st_size - _KEPT_BYTES)
    os.ftruncate(number, 0)
    os.write(number, end)


@dataclass(slots=True)
class Kept:
    """A server that outlives the command that started it."""

    folder: Path
    idle_seconds: float
    log: Path
    port: int
    is_told_to_end: bool = False

    def done_with(self) -> IO[bytes]:
        """Return when it is time to end; nobody can begin to use it while the lock that is returned is open."""
        begun = last_used = time.monotonic()
        was_told_of = False
        # Opened once: should the folder go, everybody who uses this server still holds this very file.
        use = kept_server.opened(self.folder, "use")
        while True:
            time.sleep(_USE_SECONDS)
            now, told = time.monotonic(), kept_server.told_in(self.folder)
            is_told_of = told is not None and (told.port, told.pid) == (self.port, os.getpid())
            was_told_of = was_told_of or is_told_of
            is_lost = not is_told_of and (was_told_of or now - begun > _START_SECONDS)
            if not kept_server.is_held(use, fcntl.LOCK_EX):
                last_used = now
            elif self.is_told_to_end or is_lost or now - last_used > self.idle_seconds:
                if is_told_of:
                    kept_server.forget(self.folder)
                return use
            else:
                fcntl.flock(use, fcntl.LOCK_UN)

    def end(self) -> None:
        """End the process when it is time; its log is of no interest then."""
        _HELD.append(self.done_with())
        with contextlib.suppress(OSError):
            self.log.unlink(missing_ok=True)
        os._exit(0)


def _kept(folder: Path, idle_seconds: float, log: Path, port: int) -> str:
    """Be kept; returns the auth string, which also stands in Prefect's settings of this process from now on."""
    auth = os.read(0, 1024).decode().strip()
    alive = kept_server.waited_for(folder, "alive", fcntl.LOCK_EX)
    if alive is None or not auth:
        sys.exit("another server is kept there, or nobody says how to know its commands")
    _HELD.append(alive)
    # Set here and not handed over: what a process is started with can be read by everybody who can list processes.
    os.environ["PREFECT_SERVER_API_AUTH_STRING"] = auth
    kept = Kept(folder, idle_seconds, log, port)
    signal.signal(signal.SIGTERM, lambda *_: setattr(kept, "is_told_to_end", True))
    threading.Thread(target=kept.end, daemon=True).start()
    return auth


_HELD: list[IO[bytes]] = []
"""Locks of this process."""


def main() -> None:
    """Serve Prefect's API on loopback until the parent is gone, or, where it is kept, until nobody uses it."""
    gc.set_threshold(50_000, 20, 50)  # a million objects are made as it starts, and stay
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    place, port, keeping = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]), sys.argv[3:]
    threading.Thread(target=_keep_log_short, daemon=True).start()
    auth = ""
    if keeping:
        auth = _kept(Path(keeping[0]), float(keeping[1]), Path(keeping[2]), port)
    else:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    from prefect.server.api.server import create_app

    def app() -> Any:
        return kept_server.proving(create_app(), auth, port) if keeping else create_app()

    DeafServer(uvicorn.Config(app, factory=True, log_level="error", ws="auto")).run([place])


if __name__ == "__main__":
    main()
