"""The temporary Prefect server's own process: ``python -m flows.prefect_server PORT``.

It ignores Ctrl-C, which is meant for the process that started it, and ends as soon as that process is gone: then the
pipe on standard input closes.
"""

from __future__ import annotations

import os
import signal
import sys
import threading


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)


def main() -> None:
    """Serve Prefect's API on loopback until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import uvicorn
    from prefect.server.api.server import create_app

    uvicorn.run(create_app, factory=True, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", ws="auto")


if __name__ == "__main__":
    main()
