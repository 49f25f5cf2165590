"""An apply that is begun from the page: ``trueup apply`` in a process of its own, which alone can write.

It outlives this service, takes the target's lock and checks the approval itself, as when somebody types it.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from trueup.flows.own_process import COMMAND
from trueup.flows.safe_errors import impersonal
from trueup.flows.screen import PROGRESS
from trueup.transforms.errors import Refusal, Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LOOK_S = 0.3
"""Between two looks at how far it is."""
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
        try:
            code, document = await self._carried_out(run_id)
        except OSError as error:
            self.tell(run_id, _told(stage="ended", ended="failed", text=f"It could not be begun: {error.strerror}."))
            return
        self.tell(run_id, _end(code, document))
        self.ended(run_id, code)

    async def _carried_out(self, run_id: str) -> tuple[int, bytes]:
        """The exit code and the document; both streams go to files without a name, which nobody's end can break."""
        words = ("apply", run_id, "--config", str(self.config), "--json")
        with _nameless() as document, _nameless() as talk:
            process = await asyncio.create_subprocess_exec(
                *COMMAND,
                *words,
                env={**os.environ, PROGRESS: "lines"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=document,
                stderr=talk,
                start_new_session=True,
            )
            ending = asyncio.ensure_future(process.wait())
            while not ending.done():
                await asyncio.wait({ending}, timeout=_LOOK_S)
                self._follow(run_id, talk.fileno())
            document.seek(0)
            return ending.result(), document.read()

    def _follow(self, run_id: str, talk: int) -> None:
        """Tell how far it is, by the newest line that says so; everything else is the command's own talk."""
        size = os.fstat(talk).st_size
        for line in reversed(os.pread(talk, 4096, max(0, size - 4096)).splitlines()):
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if isinstance(said, dict) and {"stage", "done", "total"} <= said.keys():
                total = said["total"]
                done = said["done"] if total is None else min(said["done"], total)  # a second pass counts again
                self.tell(run_id, _told(stage=str(said["stage"]), done=done, total=total))
                return


def _nameless() -> IO[bytes]:
    """A file without a name, in memory: what an apply answers names people, and the temporary folder is not private."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("trueup apply"), "w+b")
    return tempfile.TemporaryFile()


def _told(*, stage: str, done: int = 0, total: int | None = None, ended: str | None = None, text: str = "") -> Told:
    return {"stage": stage, "done": done, "total": total, "ended": ended, "text": text}


def _end(code: int, document: bytes) -> Told:
    """How it ended, in a sentence without people."""
    try:
        said = json.loads(document)
    except ValueError:
        said = {}
    if not isinstance(said, dict):
        said = {}
    if "state" not in said:
        text = impersonal(str(said.get("error") or f"The apply ended with exit code {code}."))
        return _told(stage="ended", ended="refused" if code == 3 else "failed", text=text)
    counts = {word: int(said.get(word) or 0) for word in ("applied", "skipped", "failed")}
    text = f"{counts['applied']} applied, {counts['skipped']} skipped, {counts['failed']} failed."
    return _told(stage="ended", done=counts["applied"], total=sum(counts.values()), ended=str(said["state"]), text=text)
