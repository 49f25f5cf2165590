from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

import trueup
from tests.support.archive_runs import AT, approved, archive_in, sealed_run
from trueup.connectors.analysis.export import export
from trueup.connectors.archive import check_archive, erasing, reading
from trueup.transforms.erasure.person import find
from trueup.transforms.errors import Refused

if TYPE_CHECKING:
    from trueup.connectors.archive import Archive
    from trueup.connectors.archive.erasing import Erased

KEPT = Path(__file__).resolve().parents[3] / "archives"
FORMATS = sorted(path.name for path in KEPT.iterdir())
WORDS = ("k-ann", "p-ann", "ann@contoso.example")


def kept_archive(tmp_path: Path, name: str) -> Archive:
    archive = archive_in(tmp_path)
    shutil.copytree(KEPT / name, archive.path, dirs_exist_ok=True)
    return archive


def erase(archive: Archive, *called: str) -> Erased:
    person = find(tuple(reading.directories(archive.path)), called, erasing.new_number())
    return erasing.erase(archive, person, reason="request", who="Chris", at=AT, render=lambda *_: None)


def everything(root: Path) -> str:
    """Every byte of every file, Parquet unpacked."""
    found = []
    for path in sorted(root.rglob("*")):
        if path.is_file():
            found.append(f"{path}\n{path.read_bytes().decode(errors='replace')}")
            if path.suffix in {".parquet", ".part"}:
                found.append(str(pq.read_table(path).to_pylist()))
    return "\n".join(found)


def rows_of_others(root: Path) -> dict[str, Any]:
    """The rows that are about somebody else, by file."""
    found = {}
    for path in sorted(root.rglob("*.parquet")):
        if not path.name.startswith(("people", "0", "summary")):
            rows = pq.read_table(path).to_pylist()
            found[str(path.relative_to(root))] = [
                row for row in rows if not {row.get("key"), row.get("source_id"), row.get("id")} & set(WORDS)
            ]
    return found


@pytest.mark.parametrize("name", FORMATS)
def test_a_person_is_out_of_an_archive_of_any_format_and_what_is_left_verifies_and_answers(
    name: str, tmp_path: Path
) -> None:
    archive = kept_archive(tmp_path, name)
    others = rows_of_others(archive.path)
    with trueup.open(archive.path) as data:
        export(data, tmp_path / "exported", to="parquet")
    assert "k-ann" in everything(tmp_path / "exported")
    done = erase(archive, "ann@contoso.example")
    assert done.runs == 3
    said = everything(archive.path)
    assert [word for word in WORDS if word in said] == []
    assert check_archive(archive.path) == []
    assert rows_of_others(archive.path) == others
    with trueup.open(archive.path) as data:
        assert data.left_out == ()
        assert data.nights == tuple(date(2026, 11, day) for day in (23, 24, 25))
        assert len(data.people().fetchall()) == 2
        export(data, tmp_path / "exported", to="parquet")
    assert [word for word in WORDS if word in everything(tmp_path / "exported")] == []
    for run in archive.runs():
        assert run.acts[-1].details["number"] == done.number
        assert run.state in {"applied", "ready"}
    assert not (archive.path / ".erasing").exists()


def test_a_second_erasure_builds_on_the_first_and_new_runs_are_sealed_onto_what_was_rewritten(tmp_path: Path) -> None:
    archive = kept_archive(tmp_path, "people_in_acts")
    first = erase(archive, "k-ann")
    newest = approved(archive, sealed_run(archive, days=30), "Chris")
    second = erase(archive, "profile:p-cleo")
    assert check_archive(archive.path) == []
    assert {act.details.get("number") for run in archive.runs() for act in run.acts if act.act == "erased"} == {
        first.number,
        second.number,
    }
    assert archive.load(newest.run_id).state == "approved"


class Killed(BaseException):
    """The process is gone."""


def dies_at(number: int) -> Any:
    left = number

    def step(_: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    return step


def content_of(archive: Archive) -> dict[str, bytes]:
    """Every file of every run, and whatever lies beside them but locks."""
    root = archive.path
    paths = [path for path in root.rglob("*") if path.is_file() and ".locks" not in path.parts]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


@pytest.fixture
def decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose archive waits for an erasure to be finished: its process died as soon as it was decided."""
    folder = tmp_path / "decided"
    folder.mkdir()
    archive = kept_archive(folder, "people_in_acts")
    reviews = archive.path / ".review"
    reviews.mkdir()
    (reviews / "a.json").write_text(
        '{"looked": ["k-ann", "k-bob"], "notes": {"k-ann": "x", "k-bob": "not Ann"}, "note": ""}'
    )
    (archive.path / "20270101T000000Z-0001" / ".work").mkdir(parents=True)
    (archive.path / "20270101T000000Z-0001" / ".work" / "request.json").write_text('{"only": ["k-ann"]}')
    with monkeypatch.context() as patched:
        patched.setattr(erasing, "seam", dies_at(1))
        with pytest.raises(Killed):
            erase(archive, "k-ann")
    return folder


def test_whoever_is_killed_at_any_step_leaves_an_archive_that_verifies_and_the_next_command_finishes(
    decided: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(decided, whole)
    done = content_of(archive_in(whole))  # the next command
    said = everything(whole / "data" / "runs")
    assert [word for word in WORDS if word in said] == []
    assert check_archive(whole / "data" / "runs") == []
    assert "not Ann" in done[".review/a.json"].decode()
    assert not [name for name in done if name.startswith((".erasing", "20270101"))]
    for step in range(1000):
        folder = tmp_path / str(step)
        shutil.copytree(decided, folder)
        with monkeypatch.context() as patched:
            patched.setattr(erasing, "seam", dies_at(step))
            try:
                archive_in(folder)
            except Killed:
                is_over = False
            else:
                is_over = True
        root = folder / "data" / "runs"
        assert check_archive(root) == [], step
        assert len(reading.undamaged(root)) == 3, step
        assert content_of(archive_in(folder)) == done, step
        if is_over:
            break
    assert step >= 30


def test_before_an_erasure_is_decided_a_crash_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = kept_archive(tmp_path, "people_in_acts")
    before = content_of(archive)
    with monkeypatch.context() as patched:
        patched.setattr(erasing, "seam", dies_at(0))
        with pytest.raises(Killed):
            erase(archive, "k-ann")
    assert check_archive(archive.path) == []
    assert content_of(archive_in(tmp_path)) == before


def test_a_file_that_somebody_changed_is_never_made_to_look_whole_by_erasing(tmp_path: Path) -> None:
    archive = kept_archive(tmp_path, "people_in_acts")
    path = next(archive.path.glob("20261123*/changes.parquet"))
    table = pq.read_table(path)
    pq.write_table(table.set_column(3, "after", [['"Title 9"']]), path)
    before = content_of(archive)
    with pytest.raises(Refused, match=r"changes\.parquet is not what was written"):
        erase(archive, "k-ann")
    assert content_of(archive_in(tmp_path)) == before
