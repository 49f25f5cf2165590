"""What a process inherits from whoever starts it, and whether two were started alike."""

from __future__ import annotations

import json
import os
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_OF_THE_SHELL = frozenset({"_", "PWD", "OLDPWD", "SHLVL"})
"""Variables that differ from command to command and mean nothing to us."""
_RIGHTS = ("Cap", "NoNewPrivs", "Seccomp:")
"""Lines of ``/proc/self/status``."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a process inherits and a command may rest on: equal, or the command is not handed over."""

    environment: dict[str, str]
    others: dict[str, Any]
    """User and groups, limits, processors, priorities, root, namespaces, and what else the kernel allows."""

    @classmethod
    def now(cls) -> Circumstances:
        """Those of this process."""
        spaces = sorted((space.name, str(space.readlink())) for space in Path("/proc/self/ns").iterdir())
        limits = {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name[:7] == "RLIMIT_"}
        root = Path("/").stat()
        others = {
            "user": [*os.getresuid(), *os.getresgid(), *sorted(os.getgroups())],
            "limits": limits,
            "processors": sorted(os.sched_getaffinity(0)),
            "priority": [os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)],
            "root": [root.st_dev, root.st_ino],
            "spaces": spaces,
            "rights": [line for line in _status() if line.startswith(_RIGHTS)],
        }
        return cls(dict(os.environ), json.loads(json.dumps(others)))

    def like(self, other: Circumstances) -> bool:
        """Whether a command begun in the one can be run in the other."""
        first, second = (
            {name: value for name, value in one.environment.items() if name not in _OF_THE_SHELL}
            for one in (self, other)
        )
        return first == second and self.others == other.others


def _status() -> list[str]:
    return Path("/proc/self/status").read_text(encoding="utf-8", errors="replace").splitlines()
