"""The temporary Prefect server's own process: ``python -m trueup.flows.prefect_server PORT``.

It ignores Ctrl-C and SIGTERM, which are meant for the process that started it: a terminal and systemd send them to a
whole group, and we need the server to record how our runs ended. It ends as soon as that process is gone: then the pipe
on standard input closes. What it has to say goes to its stderr, a private file that never grows past a megabyte.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys
import threading
import time
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG_BYTES = 1 << 20
_KEPT_BYTES = 1 << 18
_LOOK_SECONDS = 60


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


def main() -> None:
    """Serve Prefect's API on loopback until the parent is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for task in (_end_with_parent, _keep_log_short):
        threading.Thread(target=task, daemon=True).start()
    from prefect.server.api.server import create_app

    DeafServer(
        uvicorn.Config(create_app, factory=True, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", ws="auto")
    ).run()


if __name__ == "__main__":
    main()
