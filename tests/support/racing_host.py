"""A host with an archive in a store: applies runs to a real directory, and stands still where it is told to.

Orders come by stdin: ``RUN NTH``. Right after its ``NTH`` announcement is in the store, and before any request that it
announces is sent, the process says ``frozen`` and stops itself; 0 never. It answers ``done``, or ``lost`` and why.
All times it writes are shifted. A library that shifts the clock of a whole process (libfaketime 0.9.10) will not do:
Python's waits for a while, such as that of whoever renews a lease, then take as much longer, or fail.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.archive_runs import settings_in
from tests.support.scim_runs import brisk
from trueup.connectors.archive import add_act, apply_lock, open_archive
from trueup.connectors.archive.segments import Sequence
from trueup.connectors.scim_writer.applying import apply_run
from trueup.transforms.errors import TrueupError
from trueup.transforms.vocabulary import Act
from trueup.transforms.work import plan_work

_ANNOUNCE, _HEAD = Sequence.announce, Sequence._head
_HOST = Path(sys.argv[1]).name
_left = [0]


def _announce(self: Sequence, run_id: str, group: bytes) -> None:
    _ANNOUNCE(self, run_id, group)
    _left[0] -= b'"intent"' in group
    if _left[0] == 0 and b'"intent"' in group:
        _say("frozen")
        # To this thread: sent to the process, another thread takes it, and this one may go on for a while.
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


def _head(self: Sequence, run_id: str) -> bytes:
    """The same, and whose it is: for whoever looks at them afterwards."""
    return json.dumps({**json.loads(_HEAD(self, run_id)), "host": _HOST}).encode() + b"\n"


def shift_written_times(seconds: int) -> None:
    """From now on this process takes it to be so much later."""

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + timedelta(seconds=seconds)

    for name, module in [*sys.modules.items()]:
        if name.startswith("trueup.connectors.") and vars(module).get("datetime") is datetime:
            module.__dict__["datetime"] = Shifted


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main(folder: str, sections: str, clock: str) -> None:
    shift_written_times(int(clock))
    said: dict[str, Any] = json.loads(sections)
    settings = settings_in(Path(folder), **said)
    patch = pytest.MonkeyPatch()
    patch.setattr(Sequence, "announce", _announce)
    patch.setattr(Sequence, "_head", _head)
    _say("ready")
    for order in sys.stdin:
        run_id, nth = order.split()
        _left[0] = int(nth)
        try:
            archive = open_archive(settings)
            with apply_lock(archive.path, settings.target.url, f"apply {run_id}"):
                run = archive.load(run_id)
                if run.state != Act.APPLIED:
                    work = plan_work(run.files)
                    try:
                        apply_run(settings, run.files, work, stop=threading.Event(), pace=brisk())
                    finally:
                        work.close()
                    added = (run.files.journal, run.files.outcome, run.files.target_after)
                    files = tuple(path for path in added if path.exists())
                    add_act(run, Act.APPLIED, "trueup", at=datetime.now(UTC), files=files)
            _say("done")
        except TrueupError as error:
            _say(f"lost: {error.message}")


if __name__ == "__main__":
    main(*sys.argv[1:])
