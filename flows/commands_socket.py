"""The socket on which commands are handed over, in the private folder of the Prefect server that is kept.

Linux only. Both ends see to it that the other one is the same user's.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import struct
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from trueup.flows import kept_server
from trueup.flows.circumstances import Circumstances

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TAKEN = b"+"
"""Told to a command that is taken, and must not go on by itself."""
_SOCKET = "commands.socket"
_ANSWER_SECONDS = 2.0
_LENGTH = struct.Struct("!I")
_PEER = struct.Struct("3i")
"""Process, user and group at the other end."""
_STREAMS = 3


@dataclass(frozen=True, slots=True)
class Order:
    """A command that was handed over."""

    words: list[str]
    umask: int
    circumstances: Circumstances
    told: kept_server.Told
    streams: tuple[int, ...]
    folder: int
    """The working folder, open."""
    lock: int
    """The commands' shared lock on the kept server."""

    def close(self) -> None:
        """Let go of everything that came along."""
        for number in (*self.streams, self.folder, self.lock):
            os.close(number)


def listening(folder: Path) -> socket.socket:
    """The socket that commands find in ``folder``."""
    (folder / _SOCKET).unlink(missing_ok=True)
    own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short(folder) as place:
        own.bind(place)
    (folder / _SOCKET).chmod(0o600)
    own.listen()
    return own


def connected(folder: Path) -> socket.socket:
    """The way to the process that takes commands.

    Raises:
        OSError: nobody is there, or somebody else.
    """
    facts = (folder / _SOCKET).lstat()
    if not stat.S_ISSOCK(facts.st_mode) or facts.st_uid != os.geteuid():
        raise ConnectionRefusedError
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(folder) as place:
            client.connect(place)
        _refuse_others(client)
    except OSError:
        client.close()
        raise
    client.settimeout(_ANSWER_SECONDS)
    return client


def accepted(own: socket.socket) -> socket.socket:
    """Whoever has connected.

    Raises:
        OSError: it is somebody else's process.
    """
    client, _ = own.accept()
    client.settimeout(_ANSWER_SECONDS)
    try:
        _refuse_others(client)
    except OSError:
        client.close()
        raise
    return client


def _refuse_others(client: socket.socket) -> None:
    said = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    if _PEER.unpack(said)[1] != os.geteuid():
        raise ConnectionRefusedError


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """The socket's name, however long its folder's is: a socket's address has room for a hundred bytes."""
    number = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{number}/{_SOCKET}"
    finally:
        os.close(number)


def send(client: socket.socket, words: Sequence[str], begun: Circumstances, kept: kept_server.InUse) -> None:
    """Hand over the command with these words, the program's name first."""
    umask = os.umask(0o077)
    os.umask(umask)
    said = {"words": [*words], "umask": umask, "circumstances": asdict(begun), "told": asdict(kept.told)}
    content = json.dumps(said).encode()
    folder = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        socket.send_fds(client, [_LENGTH.pack(len(content))], [*range(_STREAMS), folder, kept.lock.fileno()])
    finally:
        os.close(folder)
    client.sendall(content)


def received(client: socket.socket) -> Order:
    """The command that is handed over.

    Raises:
        OSError, ValueError, TypeError, KeyError: it did not come whole; nothing of it is kept open.
    """
    head, numbers, _, _ = socket.recv_fds(client, _LENGTH.size, _STREAMS + 2)
    try:
        content = bytearray()
        while len(content) < _LENGTH.unpack(head)[0]:
            if not (block := client.recv(1 << 16)):
                raise ConnectionResetError
            content += block
        said = json.loads(content)
        return Order(
            words=said["words"],
            umask=said["umask"],
            circumstances=Circumstances(**said["circumstances"]),
            told=kept_server.Told(**said["told"]),
            streams=tuple(numbers[:_STREAMS]),
            folder=numbers[_STREAMS],
            lock=numbers[_STREAMS + 1],
        )
    except BaseException:
        for number in numbers:
            os.close(number)
        raise


def tell_child(client: socket.socket, process: int) -> None:
    """Tell the command which child does its work (``os.pidfd_open``)."""
    socket.send_fds(client, [TAKEN], [process])


def process_of_child(client: socket.socket) -> int | None:
    """The child that does the work, also where it has ended already; None where nobody says."""
    _, numbers, _, _ = socket.recv_fds(client, len(TAKEN), 1)
    return numbers[0] if numbers else None
