"""``trueup review --listen`` that dies by SIGKILL on the way to a decision: before its act is on disk, or just after.

``python -m tests.support.killed_review CONFIG HOST:PORT drafted|written``
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from trueup.connectors.archive import atomic_files
from trueup.flows.review import building, deciding, serving


def _die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Serve until then."""
    config, listen, where = sys.argv[1:]
    building._elsewhere = lambda job, *words: building.JOBS[job](*words)  # no process of it outlives it
    if where == "drafted":
        move = atomic_files._move

        def moved(draft: Path, path: Path) -> None:
            if path.parent.name == "acts":
                _die()
            move(draft, path)

        atomic_files._move = moved
    else:
        approve = deciding.approve

        def approved(*words: Any) -> Any:
            approve(*words)
            _die()

        vars(deciding)["approve"] = approved
    serving.serve_team_review(Path(config), listen)


if __name__ == "__main__":
    main()
