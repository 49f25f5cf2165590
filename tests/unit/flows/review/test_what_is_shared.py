"""What reviewers share of a run: kept when the disk stumbles, and told in the order in which it came about."""

from __future__ import annotations

import asyncio
import errno
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from trueup.flows.review import shared
from trueup.flows.review.live import Board, Boards
from trueup.flows.review.shared import Shared
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Callable

RUN = "20261130T010000Z-abcd"


def test_what_cannot_be_read_right_now_is_not_taken_for_nothing_and_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shared.kept(tmp_path, RUN, "f") == Shared()
    said = Shared(left_out={"bo": ("Bo", ["ann"])})
    (tmp_path / ".review").mkdir()
    shared.place(tmp_path, RUN).write_text(json.dumps({"fingerprint": "f", **said.as_json()}), encoding="utf-8")
    assert shared.kept(tmp_path, RUN, "f") == said

    def too_many(_: Path) -> bytes:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(Path, "read_bytes", too_many)
    with pytest.raises(Failed, match="What reviewers share cannot be read: Too many open files"):
        shared.kept(tmp_path, RUN, "f")


def test_of_two_changes_at_once_the_later_one_is_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    on_disk, slow = Shared(), iter((0.2, 0.0))

    def changed(_root: Path, _run: str, _plan: str, change: Callable[[Shared], None]) -> Shared:
        change(on_disk)
        now = Shared(dict(on_disk.looked), dict(on_disk.notes), dict(on_disk.left_out))
        time.sleep(next(slow))  # written, and the thread that is to say so has to wait for its turn
        return now

    monkeypatch.setattr(shared, "changed", changed)
    service = SimpleNamespace(settings=SimpleNamespace(archive_root=Path()))

    async def both() -> dict[str, Any]:
        boards = Boards(cast("Any", service), cast("Any", None))
        board = Board(RUN, "f", "", {"version": 1, "apply": {"ended": None}, **Shared().as_json()})
        boards._boards[RUN] = board
        first = asyncio.create_task(boards.change(RUN, lambda one: one.leave_out(["ann"], "ada", "Ada", on=True)))
        await asyncio.sleep(0.05)
        await asyncio.gather(first, boards.change(RUN, lambda one: one.leave_out(["cyd"], "bo", "Bo", on=True)))
        return board.state

    assert sorted(asyncio.run(both())["left_out"]) == ["ada", "bo"]


def test_a_run_that_cannot_be_looked_at_keeps_no_other_from_being_watched(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("trueup.flows.review.live.LOOK_S", 0.01)
    monkeypatch.setattr(shared, "mark", lambda _root, _run: ())
    service = SimpleNamespace(settings=SimpleNamespace(archive_root=Path()))
    looked: list[str] = []

    async def watched() -> None:
        enough, loop = asyncio.Event(), asyncio.get_running_loop()

        def look(_: Path, run_id: str, _target: str) -> tuple[str, ...]:
            looked.append(run_id)
            if looked.count("another") >= 3:
                loop.call_soon_threadsafe(enough.set)
            if run_id == RUN:
                raise OSError(errno.EIO, "ann@contoso.example")
            return ()

        monkeypatch.setattr("trueup.flows.review.live.version", look)
        boards = Boards(cast("Any", service), cast("Any", None))
        for run_id in (RUN, "another"):
            boards._boards[run_id] = Board(run_id, "f", "", {"version": 1, "apply": None})
        watch = asyncio.create_task(boards.watch())
        await asyncio.wait_for(enough.wait(), 30)
        watch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watch

    asyncio.run(watched())
    assert looked.count(RUN) >= 3, "it is looked at again too"
    assert f"Run {RUN} could not be looked at: OSError." in caplog.text
    assert "contoso" not in caplog.text
