"""A socket to serve on."""

from __future__ import annotations

import socket

from trueup.transforms.errors import Failed


def listen(host: str, port: int, *, remedy: str) -> socket.socket:
    """A socket at ``host``; port 0 picks a free one. Whoever connects from now on waits until it is served.

    Raises:
        Failed: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Said to be TCP: else asyncio does not know it is, and the second half of an answer waits 40 ms for the first.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(socket.SOMAXCONN)
    except (OSError, OverflowError) as error:
        listener.close()
        raise Failed(f"{host}:{port} cannot be listened on.", remedy=remedy) from error
    return listener
