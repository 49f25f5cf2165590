from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.support.archive_runs import (
    TARGET,
    Person,
    applied,
    approved,
    archive_in,
    begin_journal,
    sealed_run,
    settings_in,
)
from trueup.connectors.analysis.views_file import write_views
from trueup.connectors.archive import examine
from trueup.connectors.archive.views import connected, history_of
from trueup.transforms.errors import Misused
from trueup.transforms.vocabulary import Kind

if TYPE_CHECKING:
    from trueup.connectors.archive import Archive

VIEWS = ("runs", "acts", "decisions", "changes", "findings", "links", "outcome")


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return archive_in(tmp_path)


def test_an_empty_archive_has_every_view_empty(archive: Archive) -> None:
    with connected(archive) as connection:
        for view in VIEWS:
            assert connection.execute(f"FROM {view}").fetchall() == []


def test_views_show_sealed_runs_only_with_their_state(archive: Archive) -> None:
    first = applied(archive, approved(archive, sealed_run(archive)))
    second = approved(archive, sealed_run(archive, days=1))
    begin_journal(second)
    torn = archive.new_run(Kind.RECONCILE, second.manifest.started)
    torn.decisions.write_bytes(b"PAR1 torn")
    with connected(archive) as connection:
        states = connection.execute("SELECT run_id, state FROM runs ORDER BY run_id").fetchall()
        assert states == [(first.run_id, "applied"), (second.run_id, "interrupted")]
        acts = connection.execute("SELECT run_id, number, act, who FROM acts ORDER BY ALL").fetchall()
        assert acts == [
            (first.run_id, 1, "approved", "ann"),
            (first.run_id, 2, "applied", "trueup"),
            (second.run_id, 1, "approved", "ann"),
        ]
        results = connection.execute("SELECT run_id, key, result FROM outcome").fetchall()
        assert results == [(first.run_id, "k-1", "applied")]


def test_the_archive_opens_in_the_shell_from_its_own_directory(archive: Archive, tmp_path: Path) -> None:
    run = applied(archive, approved(archive, sealed_run(archive)))
    path = write_views(archive.path)
    assert path.stat().st_mode & 0o077 == 0
    moved = tmp_path / "it's a copy"
    archive.path.rename(moved)
    before = Path.cwd()
    os.chdir(moved)
    try:
        with duckdb.connect() as connection:
            connection.execute((moved / "views.sql").read_text(encoding="utf-8"))
            query = "SELECT run_id, state, key, attribute FROM runs JOIN changes USING (run_id)"
            assert connection.execute(query).fetchall() == [(run.run_id, "applied", "k-1", "title")]
    finally:
        os.chdir(before)


def test_history_tells_who_changed_what_when_and_who_approved(archive: Archive) -> None:
    ann = Person("k-1", changes={"title": ("Clerk", "Chief")}, user_name="Ann@x.example", profile_id="p-1")
    bob = Person("k-2", changes={"title": ("Clerk", "Cook")}, user_name="bob@x.example", profile_id="p-2")
    first = applied(archive, approved(archive, approved(archive, sealed_run(archive, [ann, bob]), "cy")))
    second = sealed_run(archive, [Person("k-1", "hold", user_name="new@x.example", profile_id="p-1")], days=1)
    rows = history_of(archive, "ann@X.example")
    assert [(row["run_id"], row["decision"], row["result"]) for row in rows] == [
        (second.run_id, "hold", None),
        (first.run_id, "update", "applied"),
    ]
    done = rows[1]
    assert (done["attribute"], done["before"], done["after"]) == ("title", '"Clerk"', '"Chief"')
    assert (done["approved_by"], done["cause"], done["at"]) == ("ann, cy", "source_changed", "2026-11-23T01:00:00Z")
    for name in ("k-1", "profile:p-1", "new@x.example"):
        assert history_of(archive, name) == rows


def test_history_follows_a_profile_from_before_it_was_linked(archive: Archive) -> None:
    sealed_run(archive, [Person("profile:p-1", "conflict", profile_id="p-1")])
    sealed_run(archive, [Person("k-1", changes={"title": ("a", "b")}, profile_id="p-1")], days=1)
    assert [row["decision"] for row in history_of(archive, "k-1")] == ["update", "conflict"]
    assert history_of(archive, "profile:p-1") == history_of(archive, "k-1")


def test_history_finds_people_by_the_mail_of_the_newest_run(archive: Archive) -> None:
    sealed_run(archive, [Person("k-1", changes={"title": ("a", "b")}, mail="Ann.Lee@x.example")])
    assert len(history_of(archive, "ann.lee@x.example")) == 1


@pytest.mark.parametrize("name", ["nobody", "", "'; DROP TABLE person; --", "%", "\x00"])
def test_history_of_nobody_is_a_mistake(archive: Archive, name: str) -> None:
    sealed_run(archive)
    with pytest.raises(Misused, match="No run knows"):
        history_of(archive, name)


def lines(folder: Path) -> dict[str, str]:
    return {line.subject: line.status for line in examine(settings_in(folder))}


def test_doctor_says_what_the_archive_is_like(tmp_path: Path) -> None:
    assert lines(tmp_path) == {"archive": "ok", "last good run": "warning", "free disk": "ok"}
    archive = archive_in(tmp_path)
    run = applied(archive, approved(archive, sealed_run(archive)))
    assert lines(tmp_path)["last good run"] == "ok"
    begin_journal(run)
    assert lines(tmp_path)["interrupted run"] == "warning"
    run.files.path.chmod(0o755)
    assert lines(tmp_path)["archive rights"] == "warning"
    run.files.manifest.write_bytes(b"{}")
    assert lines(tmp_path)["archive runs"] == "fix"


def test_doctor_cannot_use_an_archive_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("", encoding="utf-8")
    assert lines(tmp_path) == {"archive": "fix"}


def test_doctor_warns_of_a_git_work_tree_unless_it_ignores_the_archive(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert lines(tmp_path)["archive and git"] == "warning"
    (tmp_path / ".gitignore").write_text("data/runs/\n", encoding="utf-8")
    assert lines(tmp_path)["archive and git"] == "ok"


def test_only_what_target_url_means_decides_whose_run_is_the_last(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    applied(archive, sealed_run(archive, target="https://other.example"))
    assert lines(tmp_path)["last good run"] == "warning"
    applied(archive, sealed_run(archive, target=TARGET + "/"))
    assert lines(tmp_path)["last good run"] == "ok"
