"""Verifying: what was written against what is there now."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.scim_directory import Directory, Manners, serving
from tests.support.scim_runs import MANAGER, WORK_MAIL, brisk, plan, settings_for
from trueup.connectors.scim.read_back import verify
from trueup.connectors.scim_writer.applying import apply_run
from trueup.transforms.errors import Failed
from trueup.transforms.work import plan_work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.scim_runs import Wish
    from trueup.connectors.scim.read_back import VerifyResult
    from trueup.transforms.run_files import RunFiles


MAILS = "emails"


@pytest.fixture
def directory() -> Iterator[Directory]:
    with serving(Directory()) as running:
        yield running


def wishes_for(directory: Directory) -> list[Wish]:
    for number in (1, 2, 3):
        directory.add({"id": f"p{number}", "userName": f"u{number}", "title": "Old", "externalId": f"k{number}"})
    return [
        ("k0", "create", None, {"userName": (None, "NEW"), "nickName": (None, "N"), MANAGER: (None, "k1")}),
        ("k1", "update", "p1", {"title": ("Old", "New"), MANAGER: (None, "k0")}),
        ("k2", "deactivate", "p2", {"active": (True, False)}),
        ("k3", "delete", "p3", {}),
    ]


def applied(directory: Directory, files: RunFiles, left_out: Path | None = None) -> None:
    work = plan_work(files, left_out=left_out)
    apply_run(settings_for(directory), files, work, stop=threading.Event(), pace=brisk())
    work.close()


def verified(directory: Directory, files: RunFiles, left_out: Path | None = None) -> VerifyResult:
    into = files.path / "verified-001.parquet"
    result = verify(settings_for(directory), files, into=into, left_out=left_out)
    rows = pq.read_table(into).to_pylist()
    assert [row for row in rows if row["class"] != "kept"] == sorted(result.records, key=rows.index)
    return result


def told(result: VerifyResult) -> dict[tuple[str, str | None], str]:
    return {(record["key"], record["attribute"]): record["class"] for record in result.records}


def test_a_good_server_is_as_the_plan_wanted(tmp_path: Path, directory: Directory) -> None:
    files = plan(tmp_path / "run", directory, wishes_for(directory))
    applied(directory, files)
    result = verified(directory, files)
    assert (result.converged, result.residual, result.records) == (True, 0, [])


def test_what_was_dropped_altered_or_moved_since_is_told_apart(tmp_path: Path, directory: Directory) -> None:
    directory.manners = Manners(
        drops=frozenset({"nickName"}), alter=lambda user: user.update(userName=user["userName"].lower())
    )
    files = plan(tmp_path / "run", directory, wishes_for(directory))
    applied(directory, files)
    directory.users["p1"]["title"] = "By hand"
    result = verified(directory, files)
    assert told(result) == {
        ("k0", "nickName"): "not_kept",
        ("k0", "userName"): "normalised",
        ("k1", "title"): "moved",
    }
    title = next(record for record in result.records if record["attribute"] == "title")
    assert (title["expected"], title["found"]) == ('"New"', '"By hand"')


def test_somebody_who_was_not_written_is_part_of_the_residual(tmp_path: Path, directory: Directory) -> None:
    files = plan(tmp_path / "run", directory, wishes_for(directory))
    directory.users["p1"]["title"] = "By hand"
    directory.users["p3"]["title"] = "By hand"
    directory.add({"id": "other", "userName": "new"})
    applied(directory, files)
    found = told(verified(directory, files))
    assert found["k1", "title"] == "moved"
    assert found["k3", None] == "moved"
    assert found["k0", "userName"] == "moved"


def test_what_the_approval_left_out_was_never_promised(tmp_path: Path, directory: Directory) -> None:
    files = plan(tmp_path / "run", directory, wishes_for(directory))
    left_out = tmp_path / "left_out.parquet"
    rows: dict[str, Any] = {"key": ["k0", "k1", "k3"], "attribute": [MANAGER, "title", None]}
    pq.write_table(pa.table(rows, schema=pa.schema([("key", pa.string()), ("attribute", pa.string())])), left_out)
    applied(directory, files, left_out)
    assert directory.users["p1"]["title"] == "Old"
    assert "p3" in directory.users
    assert verified(directory, files, left_out).converged
    outcome = {row["key"]: row["result"] for row in pq.read_table(files.outcome).to_pylist()}
    assert outcome["k3"] == "left_out"


def test_a_value_lost_beside_a_write_shows_and_what_was_left_out_does_not(tmp_path: Path, directory: Directory) -> None:
    directory.add({"id": "p1", "userName": "u1", "title": "Old", MAILS: [{"type": "work", "value": "one@x.example"}]})
    directory.add({"id": "p2", "userName": "u2", "title": "Old", MAILS: [{"type": "work", "value": "two@x.example"}]})
    wishes: list[Wish] = [
        ("k1", "update", "p1", {"title": ("Old", "New")}),
        ("k2", "update", "p2", {"userName": ("u2", "NEW"), "title": ("Old", "New")}),
    ]
    files = plan(tmp_path / "run", directory, wishes)
    left_out = tmp_path / "left_out.parquet"
    pq.write_table(pa.table({"key": ["k2"], "attribute": ["title"]}), left_out)
    applied(directory, files, left_out)
    assert verified(directory, files, left_out).converged
    del directory.users["p1"][MAILS]
    directory.users["p2"]["title"] = "By hand"
    assert [
        (r["key"], r["attribute"], r["expected"], r["found"]) for r in verified(directory, files, left_out).records
    ] == [("k1", WORK_MAIL, '"one@x.example"', None)]


def test_references_are_told_as_people(tmp_path: Path, directory: Directory) -> None:
    files = plan(tmp_path / "run", directory, wishes_for(directory))
    applied(directory, files)
    directory.users["p1"]["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["manager"] = {"value": "p2"}
    record = verified(directory, files).records[0]
    assert (json.loads(record["expected"]), json.loads(record["found"]), record["class"]) == ("k0", "k2", "moved")


def test_a_target_that_does_not_answer_is_no_proof_of_anything(tmp_path: Path, directory: Directory) -> None:
    files = plan(tmp_path / "run", directory, wishes_for(directory))
    applied(directory, files)
    directory.fault = lambda _, path, __: "refuse" if path == "/Users/p1" else None
    with pytest.raises(Failed, match="could not be read while verifying"):
        verified(directory, files)
    assert not (files.path / "verified-001.parquet").exists()
