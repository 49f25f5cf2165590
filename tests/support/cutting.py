"""A door in front of a real server that falls shut in the middle of its streams of events."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BYTES = 1 << 16


class Door:
    """Passes bytes both ways; the first ``cuts`` websockets are cut when the client says its ``words``-th word."""

    def __init__(self, port: int, *, cuts: int, words: int) -> None:
        self._port = port
        self._left = cuts
        self._words = words
        self.asked: list[bytes] = []
        """The first line of whatever was said."""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def cuts_left(self) -> int:
        return self._left

    def has_asked(self, begin: bytes) -> bool:
        """Whether somebody has said words that begin so."""
        return any(said.startswith(begin) for said in self.asked)

    def close(self) -> None:
        self._listening.close()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            threading.Thread(target=self._pass, args=(client, server), daemon=True).start()
            threading.Thread(target=self._pass_back, args=(server, client), daemon=True).start()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        said, is_stream = 0, False
        try:
            while given := client.recv(_BYTES):
                self.asked.append(given.split(b"\r\n", 1)[0])
                is_stream = is_stream or b"/events/in " in self.asked[-1]
                said += 1
                if is_stream and self._left and said >= self._words:
                    self._left -= 1
                    break
                server.sendall(given)
        except OSError:
            pass
        for end in (client, server):
            end.close()

    @staticmethod
    def _pass_back(server: socket.socket, client: socket.socket) -> None:
        try:
            while given := server.recv(_BYTES):
                client.sendall(given)
        except OSError:
            pass
        client.close()


@contextmanager
def cutting(port: int, *, cuts: int = 1, words: int) -> Iterator[Door]:
    """A door in front of the server at ``port``.

    Args:
        port: of the server on loopback.
        cuts: how many streams of events are cut.
        words: with which of the client's words: 1 its request, 2 its ping, 3 who it is.
    """
    door = Door(port, cuts=cuts, words=words)
    try:
        yield door
    finally:
        door.close()
