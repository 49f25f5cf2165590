"""The process a person's next commands start from: ``python -m trueup.flows.warm_process FOLDER``.

Beside a Prefect server that is kept (``trueup.flows.kept_server``) it has imported what commands import, and does
nothing else. A command that finds it hands over its words, streams and folder (``trueup.flows.handing_over``); it is
forked off for it, and the child goes through the same ``main`` to the same end. What the child may not share with the
command it stands for (environment, rights, limits) is compared first, and so is every file that was imported.

It ends when its server is told of no more. A child whose command is gone is killed as the command was.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import os
import selectors
import signal
import struct
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.machinery import all_suffixes
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.flows import commands_socket, kept_server
from trueup.flows.circumstances import Circumstances
from trueup.flows.commands.beginning import spare_memory
from trueup.flows.commands.cli import main as run
from trueup.flows.commands_socket import TAKEN, Order
from trueup.flows.prefect_settings import set_prefect

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

LOADED = """
trueup.connectors.archive trueup.connectors.entra.pages trueup.connectors.entra.tenant trueup.connectors.entra.trying
trueup.connectors.entra.users trueup.connectors.notify.channels trueup.connectors.scim.session
trueup.connectors.scim_writer.applying trueup.connectors.source trueup.connectors.trying
great_expectations trueup.expectations.check_relations trueup.expectations.custom_checks
trueup.expectations.evaluation trueup.expectations.frames trueup.expectations.gates trueup.expectations.metrics
trueup.expectations.people trueup.expectations.plan_checks trueup.expectations.suites
trueup.flows.apply trueup.flows.bars trueup.flows.commands.approve trueup.flows.commands.archive
trueup.flows.commands.cli trueup.flows.commands.plan trueup.flows.commands.verify trueup.flows.only_check
trueup.flows.reconcile trueup.flows.rollback
prefect.artifacts prefect.flow_engine prefect.task_engine prefect.utilities.visualization
trueup.reports.html trueup.reports.markdown trueup.reports.summaries trueup.reports.terminal trueup.reports.view
trueup.transforms.mapping trueup.transforms.planning.plan trueup.transforms.rollback.plan
anyio._backends._asyncio duckdb.func email_validator fastapi httpcore2 kiota_abstractions.native_response_handler
msgraph.graph_service_client multiprocessing.synchronize pyarrow.acero pyarrow.dataset pyarrow.parquet rich._emoji_codes
truststore
"""
"""What plan, approve, apply, verify and rollback import."""
_MODULES = (*all_suffixes(), ".pth")
"""Names of files end so from which Python imports, or which say where it imports from."""
_LOOK_SECONDS = 1.0
_BEGUN = time.time_ns() - 10**9
"""Nothing of ours was imported before; a second is for what was, on the way to this module."""


def load() -> None:
    """Import everything, compile the pages' templates, and put it all out of the sight of Python's garbage collection.

    Raises:
        RuntimeError: an import has started a thread, so that nothing can safely be forked off.
    """
    for name in LOADED.split():
        importlib.import_module(name)
    from trueup.reports.templating import template

    pages = template("report.html.j2").environment
    for name in pages.list_templates(filter_func=lambda name: name.endswith(".j2")):
        pages.get_template(name)
    threads = sorted((task / "comm").read_text(encoding="utf-8").strip() for task in Path("/proc/self/task").iterdir())
    if len(threads) > 1:
        raise RuntimeError(f"an import has started a thread: {', '.join(threads)}")
    gc.freeze()


@dataclass(frozen=True, slots=True)
class Child:
    """A command at work."""

    process: int
    """Readable when it has ended (``os.pidfd_open``)."""
    pid: int
    client: socket.socket


class Warm:
    """The process, ready to fork."""

    def __init__(self, folder: Path, told: kept_server.Told, begun: Circumstances) -> None:
        """Answer in ``folder``, for commands that work with the server ``told`` in the circumstances ``begun``."""
        self._folder, self._told, self._begun = folder, told, begun
        self._files = dict(imported())
        self._listening = commands_socket.listening(folder)
        self._looking = selectors.DefaultSelector()
        self._looking.register(self._listening, selectors.EVENT_READ)
        self._children: list[Child] = []

    def serve(self) -> Order | None:
        """Fork for each command until no more can come; in a child, returns what it is to run."""
        while self._children or self._is_wanted():
            for key, _ in self._looking.select(_LOOK_SECONDS):
                child: Child | None = key.data
                if child is None:
                    if (order := self._taken()) is not None:
                        return order
                elif child in self._children:
                    self._end(child)
        return None

    def _is_wanted(self) -> bool:
        return kept_server.told_in(self._folder) == self._told and kept_server.is_alive(self._folder)

    def _taken(self) -> Order | None:
        """In the child, what it is to run; None in this process, whether somebody was served or not."""
        with suppress(OSError):
            client = commands_socket.accepted(self._listening)
            with ExitStack() as unless_taken:
                unless_taken.callback(client.close)
                try:
                    order = commands_socket.received(client)
                except (ValueError, TypeError, KeyError, struct.error):
                    return None
                unless_taken.callback(order.close)
                if not self._fits(order):
                    return None
                client.sendall(TAKEN)
                known, tell = os.pipe()
                if (pid := os.fork()) == 0:
                    unless_taken.pop_all()
                    os.close(tell)
                    if not os.read(known, 1):  # nobody has been told of this process: it would not be waited for
                        os._exit(1)
                    os.close(known)
                    self._leave(client)
                    return order
                os.close(known)
                unless_taken.callback(os.close, tell)
                child = Child(os.pidfd_open(pid), pid, client)
                unless_taken.pop_all()
                order.close()
            self._children.append(child)
            self._looking.register(child.process, selectors.EVENT_READ, child)
            self._looking.register(client, selectors.EVENT_READ, child)
            with os.fdopen(tell, "wb", buffering=0) as telling:
                commands_socket.tell_child(client, child.process)
                telling.write(b".")
        return None

    def _fits(self, order: Order) -> bool:
        return order.told == self._told and order.circumstances.like(self._begun) and dict(imported()) == self._files

    def _leave(self, client: socket.socket) -> None:
        """In a child: what only its parent has use for."""
        self._looking.close()
        self._listening.close()
        client.close()
        for child in self._children:
            child.client.close()
            os.close(child.process)

    def _end(self, child: Child) -> None:
        """It has ended, or its command is gone: then it is killed as that was, for nobody can end it any more."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(child.process, signal.SIGKILL)
        _, status = os.waitpid(child.pid, 0)
        self._looking.unregister(child.process)
        self._looking.unregister(child.client)
        with suppress(OSError), child.client:
            child.client.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
        os.close(child.process)
        self._children.remove(child)


def imported() -> Iterator[tuple[str, object]]:
    """Every file of ours that was imported or compiled, and what stands beside anything imported, as on disk."""
    ours = _files_of_ours()
    for file in ours:
        with suppress(OSError):
            facts = file.stat()
            yield str(file), (facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size, facts.st_ino)
    for folder in {*(one.parent for one in ours), *map(Path, sys.path)}:
        with suppress(OSError):
            yield str(folder), _importable(folder)


def _importable(folder: Path) -> frozenset[tuple[str, int, int]]:
    """All that could be imported from there, so that it differs once something was replaced as package tools do it.

    What Python, other tools and people keep beside it, also while commands are at work, does not count.
    """
    with os.scandir(folder) as entries:
        visible = [one for one in entries if not one.name.startswith((".", "__pycache__"))]
        there = [one for one in visible if one.is_dir() or one.name.endswith(_MODULES)]
        return frozenset((one.name, one.inode(), 0 if _is_package(one) else one.stat().st_ctime_ns) for one in there)


def _is_package(entry: os.DirEntry[str]) -> bool:
    """A folder that changes when a module in it is compiled for the first time."""
    return entry.is_dir() and not entry.name.endswith(".dist-info")


def _files_of_ours() -> list[Path]:
    modules = {module.__file__ for name, module in [*sys.modules.items()] if name.split(".")[0] == "trueup"}
    return [
        Path(__file__),
        *(Path(one) for one in modules if one),
        *(Path(__file__).parents[1] / "reports" / "templates").rglob("*.*"),
    ]


def is_older(moment: int) -> bool:
    """Whether all that was imported was there at that moment (nanoseconds): else a part of it may be of before."""
    return all(place.stat().st_ctime_ns < moment for place in _files_of_ours() if place.exists())


def _become(order: Order, folder: Path) -> None:
    """Take over what the command was given, as its own."""
    for number, handed in enumerate(order.streams):
        os.dup2(handed, number)
        os.close(handed)
    os.fchdir(order.folder)
    os.close(order.folder)
    os.umask(order.umask)
    os.environ.clear()
    os.environ.update(order.circumstances.environment)
    sys.argv = [*order.words]
    sys.modules["__main__"].__package__ = None  # a script, not a module: help names the command by it
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _open_streams()
    kept_server.HANDED.append(kept_server.InUse(order.told, os.fdopen(order.lock, "r+b", buffering=0), folder))


def _open_streams() -> None:
    """As Python opens them when it starts, in the same locale."""
    said, shown = sys.stdin, sys.stdout
    sys.stdin = os.fdopen(0, encoding=said.encoding, errors=said.errors, closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding=shown.encoding, errors=shown.errors, closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding=shown.encoding, errors="backslashreplace", closefd=False)


def main() -> None:
    """Be the warm process; the first line on standard input says of what server, and what it was begun in."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # as the server does: told to end is the server
    folder, log = Path(sys.argv[1]), Path(sys.argv[2])
    said = json.loads(sys.stdin.readline())
    told, begun = kept_server.Told(**said["told"]), Circumstances(**said["begun"])
    lock = kept_server.waited_for(folder, kept_server.WARM, fcntl.LOCK_EX)
    if lock is None:  # another one is kept
        log.unlink(missing_ok=True)
        return
    set_prefect(told.port, told.auth)
    spare_memory()
    load()
    if not is_older(_BEGUN):  # an upgrade that is under way: nobody knows which of it was imported
        log.unlink(missing_ok=True)
        return
    lock.truncate()
    lock.write(b"%d\n" % os.getpid())
    order = Warm(folder, told, begun).serve()
    if order is None:
        log.unlink(missing_ok=True)
        return
    lock.close()
    _become(order, folder)
    run()


if __name__ == "__main__":
    main()
