"""An apply that died between a request and its answer looks before it sends again: nothing is doubled, nothing lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import scim_apply_child
from tests.support.scim_directory import Directory, serving
from tests.support.scim_runs import brisk, plan, settings_for
from trueup.connectors.archive.journal import read_journal
from trueup.connectors.scim_writer.applying import apply_run
from trueup.transforms.work import plan_work

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.scim_runs import Wish
    from trueup.connectors.scim_writer.result import ApplyResult
    from trueup.transforms.run_files import RunFiles

CHILDREN = multiprocessing.get_context("forkserver")
CHILDREN.set_forkserver_preload(["tests.support.scim_apply_child", "trueup.connectors.scim_writer.sender"])


def wish_of(kind: str, directory: Directory) -> Wish:
    if kind == "create":
        return (
            "k1",
            kind,
            None,
            {"userName": (None, "ada@x.example"), "externalId": (None, "k1"), "title": (None, "New")},
        )
    directory.add({"id": "p1", "userName": "ada@x.example", "externalId": "k1", "title": "Old", "active": True})
    changes: dict[str, dict[str, tuple[Any, Any]]] = {
        "update": {"title": ("Old", "New")},
        "deactivate": {"active": (True, False)},
        "delete": {},
    }
    return ("k1", kind, "p1", changes[kind])


def died_at_the_first_write(directory: Directory, files: RunFiles, *, carried_out: bool) -> None:
    """Apply in a process that is killed as its first write arrives; the directory acts on it all the same, or not."""
    child = CHILDREN.Process(target=scim_apply_child.main, args=(str(files.path), directory.url), daemon=True)

    def strike(method: str, _path: str, _number: int) -> str | None:
        if method == "GET":
            return None
        os.kill(int(child.pid or 0), signal.SIGKILL)
        return "lost" if carried_out else "refuse"

    directory.fault = strike
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    child.close()
    directory.fault = None
    time.sleep(0.05)


def resumed(directory: Directory, files: RunFiles) -> ApplyResult:
    work = plan_work(files)
    try:
        return apply_run(settings_for(directory), files, work, stop=threading.Event(), pace=brisk())
    finally:
        work.close()


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("kind", ["create", "update", "deactivate", "delete"])
def test_what_was_sent_is_looked_at_and_sent_again_only_where_it_is_not_so(
    tmp_path: Path, kind: str, carried_out: bool
) -> None:
    with serving(Directory()) as directory:
        files = plan(tmp_path / "run", directory, [wish_of(kind, directory)])
        died_at_the_first_write(directory, files, carried_out=carried_out)
        events = [record["event"] for record in read_journal(files.journal)]
        assert "intent" in events
        assert "answer" not in events
        sent = len(directory.wrote())
        assert sent == 1
        result = resumed(directory, files)
        assert (result.applied, result.skipped, result.failed) == (1, 0, 0)
        assert len(directory.wrote()) == (sent if carried_out else sent + 1)
        held = [one for one in directory.users.values() if one.get("externalId") == "k1"]
        assert len(held) == (0 if kind == "delete" else 1)
        for one in held:
            assert one["active"] is (kind != "deactivate")
            assert one["title"] == ("Old" if kind == "deactivate" else "New")


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("attribute", ["title", "nickName"])
def test_what_somebody_edited_between_the_kill_and_the_resume_is_left_alone(
    tmp_path: Path, attribute: str, carried_out: bool
) -> None:
    with serving(Directory()) as directory:
        wish = wish_of("update", directory)
        directory.users["p1"]["nickName"] = "Al"
        files = plan(tmp_path / "run", directory, [wish])
        died_at_the_first_write(directory, files, carried_out=carried_out)
        directory.users["p1"][attribute] = "By hand"
        result = resumed(directory, files)
        moved = attribute == "title"
        told = ("skipped", "title moved since the snapshot") if moved else ("applied", "")
        assert [(one["result"], one["reason"]) for one in result.records] == [told]
        assert directory.users["p1"][attribute] == "By hand"
        assert directory.users["p1"]["title"] == ("By hand" if moved else "New")
