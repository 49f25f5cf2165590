"""How Prefect is to be wherever flows of ours run: quiet, private, and quick to see what is due."""

from __future__ import annotations

import os

HEARTBEAT_SECONDS = 30
"""How often a run says that it is alive: Prefect's own least."""
POLL_SECONDS = 3
"""How often is asked which runs are due. At Prefect's 10 s a run was seen to leave Scheduled 13.8 s late."""
_QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    # Of an absent server Prefect's threads and asyncio would say more than anybody wants to know; we say it once.
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_ROOT_LEVEL": "CRITICAL",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
}
_PRIVATE = {
    # A log line that Prefect makes of an exception could carry more than we would say; so could a result that it keeps.
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    # Which runs are lost is judged by these; and when a run begins.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
    "PREFECT_RUNNER_POLL_FREQUENCY": str(POLL_SECONDS),
}
"""Whatever the environment says, as an office may set these for all its flows."""
ON_A_WORKER = {name: value for name, value in {**_QUIET, **_PRIVATE}.items() if name != "PREFECT_RUNNER_POLL_FREQUENCY"}
"""What a worker starts our flow runs with: whatever keeps Prefect quiet here keeps it quiet there."""


def set_prefect(port: int = 0, auth: str = "") -> None:
    """Say how Prefect is to be here and, with ``port``, which temporary server is its; before Prefect is imported."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    os.environ.update(_PRIVATE)
    if port:
        os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
    if auth:
        os.environ["PREFECT_API_AUTH_STRING"] = auth
