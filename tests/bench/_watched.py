"""A command watched from outside: wall clock, processor seconds and memory of its whole tree of processes.

Memory is the sum of PSS (what is shared counts once, in shares) over all processes of the tree, looked at several times
a second: a peak shorter than that may be missed. Linux only, as ``/proc`` is asked.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_EVERY = 0.2
_TICK = os.sysconf("SC_CLK_TCK")
_PSS = re.compile(rb"^Pss:\s+(\d+)", re.MULTILINE)


@dataclass(slots=True)
class Seen:
    """What was seen of one command."""

    wall: float = 0.0
    processor: float = 0.0
    """Of the command and all it started, also what goes on after it."""
    peak: float = 0.0
    """Megabytes."""
    code: int = 0
    said: str = ""

    def __str__(self) -> str:
        return f"{self.wall:.1f} s, {self.processor:.1f} s of processor time, {self.peak:,.0f} MB"


def watched(words: Sequence[str], folder: Path, environment: Mapping[str, str], *, beside: Iterable[int] = ()) -> Seen:
    """Run a command on a pseudo-terminal to its end.

    Args:
        words: the command.
        folder: where it runs.
        environment: all of it.
        beside: processes that work for it and were there before; what they use in the meantime counts.
    """
    before = {number: _used(number) for number in beside}
    seen = Seen()
    ours, theirs = pty.openpty()
    said: list[bytes] = []
    begun = time.perf_counter()
    process = subprocess.Popen(
        [*words], cwd=folder, env=dict(environment), stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    reading = threading.Thread(target=_read, args=(ours, said), daemon=True)
    reading.start()
    ended = threading.Event()
    used: dict[int, float] = {}
    watching = threading.Thread(target=_watch, args=(process.pid, before, seen, used, ended), daemon=True)
    watching.start()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seen.wall = time.perf_counter() - begun
    ended.set()
    watching.join()
    reading.join(timeout=1)
    os.close(ours)
    kept = {number: _used(number) for number in used if number != process.pid and Path(f"/proc/{number}").exists()}
    seen.processor = usage.ru_utime + usage.ru_stime
    seen.processor += sum(total - before.get(number, 0.0) for number, total in kept.items())
    seen.code = process.returncode
    seen.said = b"".join(said).decode(errors="replace")
    return seen


def _read(number: int, said: list[bytes]) -> None:
    with contextlib.suppress(OSError):
        while block := os.read(number, 65536):
            said.append(block)


def _watch(root: int, beside: Mapping[int, float], seen: Seen, used: dict[int, float], ended: threading.Event) -> None:
    while not ended.wait(_EVERY):
        tree = {one for number in (root, *beside) for one in _tree(number)}
        seen.peak = max(seen.peak, sum(map(_pss, tree)) / 1024)
        for number in {*_tree(root), *beside}:
            used[number] = _used(number)


def _tree(root: int) -> Iterator[int]:
    yield root
    for task in Path(f"/proc/{root}/task").glob("*/children"):
        with contextlib.suppress(OSError, ValueError):
            for child in task.read_text(encoding="ascii").split():
                yield from _tree(int(child))


def _pss(number: int) -> int:
    with contextlib.suppress(OSError):
        found = _PSS.search(Path(f"/proc/{number}/smaps_rollup").read_bytes())
        return int(found[1]) if found else 0
    return 0


def _used(number: int) -> float:
    """Seconds of processor time of one process so far, and of the children it waited for."""
    with contextlib.suppress(OSError, IndexError):
        fields = Path(f"/proc/{number}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) / _TICK
    return 0.0
