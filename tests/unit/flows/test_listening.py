"""Where a server says that it answers, whoever comes at once is not turned away."""

from __future__ import annotations

import socket

from trueup.flows.listening import listen


def test_whoever_connects_before_it_is_served_waits() -> None:
    with listen("127.0.0.1", 0, remedy="") as listener:
        early = socket.create_connection(listener.getsockname(), timeout=10)
        early.sendall(b"early")
        served, _ = listener.accept()
        with early, served:
            assert served.recv(5) == b"early"
