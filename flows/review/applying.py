"""An apply that is begun from the page: ``trueup apply`` in a process of its own, which alone can write.

It outlives this service, takes the target's lock and checks the approval itself, as when somebody types it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trueup.flows.safe_errors import impersonal
from trueup.flows.screen import PROGRESS
from trueup.transforms.errors import Refusal, Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_COMMAND = "from trueup.flows.commands.cli import main; main()"
_LONGEST_LINE = 1 << 26
"""Bytes of the document an apply of many people ends with."""
Told = dict[str, Any]


@dataclass
class Applying:
    """At most one at a time from this service; the archive's lock keeps all others apart."""

    config: Path
    tell: Callable[[str, Told], None]
    """Called with the run's id and how far it is, as the live state has it."""
    ended: Callable[[str, int], None]
    """Called with the run's id and the exit code."""
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def begin(self, run_id: str) -> None:
        """Begin, and go on telling how far it is.

        Raises:
            Refused: an apply that was begun here is still at work.
        """
        if self._running:
            at_work = next(iter(self._running))
            raise Refused(
                Refusal("apply_running", f"An apply of run {at_work} is at work.", remedy="Wait until it ends.")
            )
        task = asyncio.create_task(self._run(run_id))
        self._running[run_id] = task
        task.add_done_callback(lambda _: self._running.pop(run_id, None))

    async def _run(self, run_id: str) -> None:
        self.tell(run_id, _told(stage="starting"))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _COMMAND,
            "apply",
            run_id,
            "--config",
            str(self.config),
            "--json",
            env={**os.environ, PROGRESS: "lines"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=_LONGEST_LINE,
        )
        if process.stdout is None or process.stderr is None:
            raise OSError(run_id)
        document, _ = await asyncio.gather(process.stdout.read(), self._follow(run_id, process.stderr))
        code = await process.wait()
        self.tell(run_id, _end(code, document))
        self.ended(run_id, code)

    async def _follow(self, run_id: str, lines: asyncio.StreamReader) -> None:
        """Tell of each line that says how far it is; everything else is the command's own talk."""
        while line := await lines.readline():
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if isinstance(said, dict) and {"stage", "done", "total"} <= said.keys():
                self.tell(run_id, _told(**{key: said[key] for key in ("stage", "done", "total")}))


def _told(*, stage: str, done: int = 0, total: int | None = None, ended: str | None = None, text: str = "") -> Told:
    return {"stage": stage, "done": done, "total": total, "ended": ended, "text": text}


def _end(code: int, document: bytes) -> Told:
    """What came of it, in a sentence without people."""
    try:
        said = json.loads(document)
    except ValueError:
        said = {}
    if not isinstance(said, dict):
        said = {}
    if "state" not in said:
        text = impersonal(str(said.get("error") or f"The apply ended with exit code {code}."))
        return _told(stage="ended", ended="refused" if code == 3 else "failed", text=text)
    counts = {word: int(said.get(word, 0)) for word in ("applied", "skipped", "failed")}
    text = f"{counts['applied']} applied, {counts['skipped']} skipped, {counts['failed']} failed."
    return _told(stage="ended", done=counts["applied"], total=sum(counts.values()), ended=str(said["state"]), text=text)
