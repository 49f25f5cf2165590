"""How a command at a terminal is handed over to the process that has everything imported already.

That process (``trueup.flows.warm_process``) listens on a socket beside the Prefect server that is kept. It gets the
command's words, folder and streams and the lock by which the server stays, and a child forked off it does the work. The
command that was started waits, hands on what signals it gets, and ends as the child ended.

Where anything is not as it was when that process was started, the command goes on by itself, as if there were none.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, NoReturn, Self

from trueup.flows import commands_socket, kept_server
from trueup.flows.circumstances import Circumstances
from trueup.flows.own_process import begin, module
from trueup.flows.prefect_settings import set_prefect
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

ALONE = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""No threads of libraries in a warm process: a fork takes none of them along, but whatever they held at that moment."""
_HANDED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_BEGUN: list[Circumstances] = []
"""What this command was begun in, before it changed anything; empty for those that are not handed over."""


def handed_over(words: Sequence[str]) -> int | None:
    """Run the command with these words, the program's name first, in a child of the warm process; to be called first.

    Returns:
        its exit code, below zero for the signal that ended it; None where nobody took it: it is to go on here.

    Raises:
        Failed: it was taken, and how it ended is not known.
    """
    if not hasattr(signal, "pidfd_send_signal") or os.environ.get("PREFECT_API_URL") or kept_server.HANDED:
        return None
    with contextlib.suppress(OSError):
        _BEGUN.append(Circumstances.now())
    set_prefect()  # what a server was started with counts, and it was started with these
    if not _BEGUN or (kept := kept_server.found(kept_server.home_folder())) is None:
        return None
    with contextlib.ExitStack() as held:
        held.callback(kept.let_go)
        waiting = held.enter_context(_Waiting())
        try:
            client = commands_socket.connected(kept.folder)
            commands_socket.send(client, words, _BEGUN[0], kept)
            is_taken = client.recv(1) == commands_socket.TAKEN
        except OSError:
            return None
        held.enter_context(client)
        client.settimeout(None)
        return waiting.for_the_end(client) if is_taken else None


class _Waiting:
    """For a child that does the work: signals are held until it is known, and handed on to it from then on."""

    def __init__(self) -> None:
        self._before: set[int] = set()

    def __enter__(self) -> Self:
        self._before = signal.pthread_sigmask(signal.SIG_BLOCK, {*_HANDED_ON, signal.SIGTSTP})
        return self

    def __exit__(self, *_: object) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)

    def for_the_end(self, client: socket.socket) -> int:
        """The child's exit code, below zero for the signal that ended it."""
        child = commands_socket.process_of_child(client)
        if child is None:
            raise _lost()
        self._hand_on(child)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)
        with client.makefile("r", encoding="ascii") as said:
            code = said.readline()
        if not code:  # whoever was to tell us is gone; the child goes on
            select.select([child], [], [])
            raise _lost()
        return int(code)

    def _hand_on(self, child: int) -> None:
        def send(number: int, _frame: object) -> None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(child, number)

        def stop(_number: int, frame: object) -> None:
            send(signal.SIGSTOP, frame)
            os.kill(os.getpid(), signal.SIGSTOP)
            send(signal.SIGCONT, frame)  # we are gone on with, and so is the child

        for number, handler in (*((one, send) for one in _HANDED_ON), (signal.SIGTSTP, stop)):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and `trap '' HUP` leave it
                signal.signal(number, handler)


def end_like(code: int) -> NoReturn:
    """End this process as the child ended that did the work."""
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


def _lost() -> Failed:
    return Failed(
        "The process that did the work is gone, and how it ended is not known.",
        remedy="See what was done: trueup runs. An apply that was broken off goes on with: trueup apply RUN",
    )


def would_be_warm(kept: kept_server.InUse) -> bool:
    """Whether this command is to leave a warm process beside the kept server, for the commands that follow it."""
    is_one = bool(_BEGUN) and not kept_server.HANDED
    return is_one and kept_server.is_alive(kept.folder) and not kept_server.is_alive(kept.folder, kept_server.WARM)


def start_warm(kept: kept_server.InUse, log: IO[bytes]) -> None:
    """Leave a warm process, whose last words go to ``log``; of two started at once the first stays."""
    begun = _BEGUN[0]
    process = begin(
        module("trueup.flows.warm_process", str(kept.folder), log.name),
        env={**begun.environment, **ALONE},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=log,
        start_new_session=True,
    )
    if process.stdin is not None:
        with contextlib.suppress(OSError), process.stdin as told:
            told.write(json.dumps({"told": asdict(kept.told), "begun": asdict(begun)}).encode() + b"\n")
    process.returncode = 0  # it lives on: nothing that this process should wait for, or complain of
