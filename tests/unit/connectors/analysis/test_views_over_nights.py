"""What the views say of many nights, and of runs that cannot be believed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import pytest

import trueup
from tests.support.archive_runs import Person, applied, approved, archive_in, begin_journal, sealed_run
from tests.support.many_nights import FIRST, many_nights
from trueup.connectors.analysis import relations
from trueup.connectors.analysis.export import export
from trueup.connectors.analysis.views_file import write_views
from trueup.connectors.archive import check_archive, open_archive, retention
from trueup.connectors.archive.records import rendered, signed
from trueup.transforms.errors import Misused, Refused
from trueup.transforms.manifest import SCHEMA_VERSION
from trueup.transforms.summary import word_macro
from trueup.transforms.values.labels import label
from trueup.transforms.vocabulary import Act, Kind

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return many_nights(tmp_path_factory.mktemp("nights"), nights=4, people=1000, changing=10).path


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    shutil.copytree(made, tmp_path / "runs", ignore=shutil.ignore_patterns(".cache"))
    return tmp_path / "runs"


def test_a_night_shows_the_directory_after_it(made: Path) -> None:
    with trueup.open(made) as archive:
        first, second = archive.nights[:2]
        people = archive.people(at=first).df().set_index("key")
        asked = archive.connection().sql(f"FROM people WHERE night = DATE '{first}'").df().set_index("key")
        pd.testing.assert_frame_equal(people.sort_index(), asked.sort_index())
        moves = archive.changes(until=first).df()
        assert set(moves["night"].dt.date) == {first}
        for move in moves.to_dict("records"):
            assert people.loc[str(move["key"]), str(move["attribute"])] == move["after"]
            assert move["before"] != move["after"]
        assert moves["applied"].all()
        assert set(moves["approved_by"]) == {"bo"}
        assert moves["display_name"].str.startswith("Person ").all()
        assert archive.people(at=second - timedelta(days=400)).fetchall() == []


def test_people_are_the_same_in_whatever_portions_nights_are_read(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    question = "FROM people ORDER BY night, key"
    with trueup.open(made) as archive:
        at_once = archive.connection().sql(question).df()
    monkeypatch.setattr(relations, "_AT_ONCE", 3)
    with trueup.open(made) as archive:
        pd.testing.assert_frame_equal(archive.connection().sql(question).df(), at_once)
        assert len(at_once) == len(archive.nights) * 1000


def test_people_held_have_names_whatever_was_asked_before(made: Path) -> None:
    with trueup.open(made) as archive:
        assert archive.changes().fetchall()
        assert [row[2] for row in archive.holds().fetchall()] == ["Person 999"]
        assert all(row[2] for row in archive.changes().fetchall())


def test_headcount_comes_from_summaries_and_agrees_with_people(made: Path) -> None:
    with trueup.open(made) as archive:
        sql = archive.connection().sql
        counted = sql(
            "SELECT night, department, count(*) FROM people WHERE active GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        assert sql("SELECT night, department, people FROM headcount ORDER BY ALL").fetchall() == counted


def test_the_last_whole_run_of_a_date_stands_for_its_night(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    first = applied(archive, approved(archive, sealed_run(archive, days=0)))
    sealed_run(archive, days=0.1, only=("k-1",))
    sealed_run(archive, days=0.2, kind=Kind.ROLLBACK)
    later = sealed_run(archive, days=0.3)
    with trueup.open(archive.path) as opened:
        sql = opened.connection().sql
        assert sql("SELECT run_id FROM nights").fetchall() == [(later.run_id,)]
        assert sql("SELECT DISTINCT run_id FROM people").fetchall() == [(first.run_id,)]
        assert next(row[0] for row in opened.runs().fetchall()) == later.run_id
        assert len(opened.runs().fetchall()) == 4
    with trueup.open(archive.path, timezone="Pacific/Honolulu") as opened:
        assert opened.nights == (date(2026, 11, 22),)


def test_a_hold_is_as_old_as_its_unbroken_row_of_nights(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    for day, decision in enumerate(("hold", "unchanged", "hold", "hold")):
        sealed_run(archive, (Person("k-1", decision, user_name="a@x"),), days=day)
    with trueup.open(archive.path) as opened:
        since = opened.connection().sql("SELECT night, since FROM holds ORDER BY night").fetchall()
        days = [date(2026, 11, 23) + timedelta(days=day) for day in range(4)]
        assert since == [(days[0], days[0]), (days[2], days[2]), (days[3], days[2])]
        assert [row[-1] for row in opened.holds().fetchall()] == [days[2]]


def test_a_restored_value_doubles_nobody(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tests.support.archive_runs import OUTCOME
    from trueup.connectors.archive import add_act

    archive = archive_in(tmp_path)
    run = approved(archive, sealed_run(archive))
    begin_journal(run)
    wrote = [{"attribute": "title", "value": '"Chief"'}]
    row = {"key": "k-1", "profile_id": "p", "operation": "update", "result": "applied", "reason": "", "found": []}
    back = {**row, "operation": "restore", "written": [{"attribute": "displayName", "value": '"Ann"'}]}
    pq.write_table(pa.Table.from_pylist([{**row, "written": wrote}, back], schema=OUTCOME), run.files.outcome)
    add_act(run, Act.APPLIED, "trueup", at=run.manifest.sealed, files=(run.files.journal, run.files.outcome))
    with trueup.open(archive.path) as opened:
        assert len(opened.changes().fetchall()) == 1
        assert opened.people().df()["title"].tolist() == ["Chief"]


def test_damaged_unfinished_and_pruned_runs_are_said_by_name_and_left_out(root: Path) -> None:
    runs = sorted(path for path in root.glob("2*"))
    changes = runs[1] / "changes.parquet"
    content = bytearray(changes.read_bytes())
    content[len(content) // 2] ^= 1
    changes.write_bytes(content)
    manifest = runs[2] / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"changes": 200', b'"changes": 201'))
    unfinished = open_archive_run(root)
    with trueup.open(root) as archive:
        assert {(one.run_id, one.kind) for one in archive.left_out} == {
            (runs[2].name, "damaged"),
            (unfinished, "unfinished"),
        }
        sql = archive.connection().sql
        found = sql("SELECT DISTINCT run_id FROM changes").fetchall()
        assert {row[0] for row in found} == {runs[0].name, runs[3].name}
        assert any(one.run_id == runs[1].name and "changes.parquet" in one.text for one in archive.left_out)
        assert {str(row[0]) for row in sql("SELECT DISTINCT night FROM moves").fetchall()} == {
            str(FIRST.date()),
            str(FIRST.date() + timedelta(days=3)),
        }
        with pytest.raises(Misused, match="not what was written"):
            sql(f"FROM '{changes}'").fetchall()


def open_archive_run(root: Path) -> str:
    from trueup.connectors.archive import Archive

    return Archive(root).new_run(Kind.RECONCILE, datetime(2026, 1, 1, tzinfo=UTC)).run_id


def test_a_file_changed_after_it_was_checked_is_checked_again(root: Path) -> None:
    with trueup.open(root) as archive:
        assert archive.connection().sql("SELECT count(*) FROM changes").fetchall() == [(800,)]
    place = next(root.glob("2*/changes.parquet"))
    place.write_bytes(b"PAR1" + place.read_bytes()[4:-4] + b"PAR1"[:3] + b"2")
    with trueup.open(root) as archive:
        assert archive.connection().sql("SELECT count(*) FROM changes").fetchall() == [(600,)]
        assert [one.kind for one in archive.left_out] == ["damaged"]


def test_figures_survive_pruning_and_people_do_not(root: Path) -> None:
    from trueup.connectors.archive import Archive

    with trueup.open(root) as archive:
        before = archive.connection().sql("FROM headcount ORDER BY ALL").fetchall()
    retention.prune(Archive(root), keep_days=1, who="ann", at=FIRST + timedelta(days=90))
    assert check_archive(root) == []
    with trueup.open(root) as archive:
        sql = archive.connection().sql
        assert sql("FROM headcount ORDER BY ALL").fetchall() == before
        assert sql("SELECT count(*) FROM nights").fetchall() == [(4,)]
        assert sql("SELECT count(DISTINCT night) FROM moves").fetchall() == [(1,)]
        assert [one.kind for one in archive.left_out] == ["pruned"] * 3


def test_runs_without_summaries_get_theirs_on_first_need(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    run = applied(archive, approved(archive, sealed_run(archive)))
    with trueup.open(archive.path) as opened:
        assert opened.connection().sql("SELECT night, people FROM headcount").fetchall() == [(date(2026, 11, 23), 1)]
    kept = [*(archive.path / ".cache" / "summaries").iterdir()]
    assert len(kept) == 2
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    assert check_archive(archive.path) == []
    assert not [path for path in run.files.path.iterdir() if path.name.startswith("summary")]


def test_a_newer_format_is_refused_with_the_version_it_needs(root: Path) -> None:
    manifest = max(root.glob("2*")) / "manifest.json"
    document = json.loads(manifest.read_bytes())
    document |= {"schema_version": SCHEMA_VERSION + 1, "versions": {"trueup": "9.1.0"}, "unheard_of": 1}
    manifest.write_bytes(rendered(signed(document)))
    with pytest.raises(Refused, match=f"format {SCHEMA_VERSION + 1}") as raised:
        trueup.open(root)
    assert "Trueup 9.1.0 or later" in raised.value.remedy


def test_an_export_appends_only_what_is_new(root: Path, tmp_path: Path) -> None:
    newest = max(root.glob("2*"))
    aside = tmp_path / newest.name
    newest.rename(aside)
    for to in ("parquet", "duckdb"):
        with trueup.open(root) as archive:
            assert len(export(archive, tmp_path / to, to=to).nights) == 3
            assert export(archive, tmp_path / to, to=to).nights == ()
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "parquet").rglob("data.parquet")}
    aside.rename(newest)
    for to in ("parquet", "duckdb"):
        with trueup.open(root) as archive:
            assert export(archive, tmp_path / to, to=to).nights == (archive.nights[-1],)
            moves = archive.changes().df()
            people = archive.connection().sql("SELECT count(*) FROM people").fetchall()
    assert all(path.stat().st_mtime_ns == then for path, then in times.items())
    header = (tmp_path / "duckdb" / "archive.duckdb").read_bytes()[:20]
    assert int.from_bytes(header[12:], "little") == 64, "the storage version that DuckDB 1.0 and all later ones open"
    with duckdb.connect(str(tmp_path / "duckdb" / "archive.duckdb"), read_only=True) as database:
        assert database.sql("SELECT count(*) FROM people").fetchall() == people
        assert database.sql("SELECT count(*) FROM moves").fetchall() == [(len(moves),)]
    with duckdb.connect() as bare:
        read = f"FROM read_parquet('{tmp_path}/parquet/moves/*/*.parquet', hive_partitioning = true)"
        assert bare.sql(f"SELECT count(*), count(DISTINCT night) {read}").fetchall() == [(len(moves), 4)]
    with trueup.open(root) as archive, pytest.raises(Misused, match="another folder|Give another|export to"):
        export(archive, tmp_path / "parquet", to="duckdb")


def test_an_export_night_by_night_is_the_same_as_one_of_all_nights(root: Path, tmp_path: Path) -> None:
    with trueup.open(root) as archive:
        export(archive, tmp_path / "at once", to="parquet")
    state = tmp_path / "bit by bit" / "trueup-export.json"
    with trueup.open(root) as archive:
        export(archive, state.parent, to="parquet")
        nights = archive.nights
    for night in (nights[-1], nights[1]):
        known = json.loads(state.read_text(encoding="utf-8"))
        del known["nights"][night.isoformat()]
        state.write_text(json.dumps(known), encoding="utf-8")
        for table in ("nights", "moves", "people"):
            shutil.rmtree(state.parent / table / f"night={night.isoformat()}")
        with trueup.open(root) as archive:
            assert export(archive, state.parent, to="parquet").nights == (night,)
    for path in sorted((tmp_path / "at once").rglob("data.parquet")):
        other = state.parent / path.relative_to(tmp_path / "at once")
        pd.testing.assert_frame_equal(pd.read_parquet(other), pd.read_parquet(path))


def exported(folder: Path, table: str) -> dict[str, int]:
    """Night → rows, as the other tool sees them."""
    with duckdb.connect() as bare:
        if folder.name == "duckdb":
            bare.execute(f"ATTACH '{folder}/archive.duckdb' AS made (READ_ONLY)")
            read = f"made.{table}"
        else:
            read = f"read_parquet('{folder}/{table}/*/*.parquet', hive_partitioning = true)"
        return dict(bare.execute(f"SELECT night::VARCHAR, count(*) FROM {read} GROUP BY ALL").fetchall())


@pytest.mark.parametrize("to", ["parquet", "duckdb"])
def test_what_was_exported_stays_when_the_archive_is_pruned_or_damaged_later(
    root: Path, tmp_path: Path, to: str
) -> None:
    from trueup.connectors.archive import Archive

    into = tmp_path / to
    with trueup.open(root) as archive:
        export(archive, into, to=to)
    before = {table: exported(into, table) for table in ("nights", "moves", "people")}
    assert len(before["people"]) == len(before["moves"]) == 4
    retention.prune(Archive(root), keep_days=1, who="ann", at=FIRST + timedelta(days=90))
    with trueup.open(root) as archive:
        assert {one.kind for one in archive.left_out} == {"pruned"}
        assert export(archive, into, to=to).nights == ()
    assert {table: exported(into, table) for table in before} == before

    newest = max(root.glob("2*"))
    (newest / "actual.parquet").write_bytes(b"PAR1 something else PAR1")
    state = into / "trueup-export.json"
    known = json.loads(state.read_text(encoding="utf-8"))
    known["nights"][str((FIRST + timedelta(days=3)).date())] = "another act since"
    state.write_text(json.dumps(known), encoding="utf-8")
    with trueup.open(root) as archive:
        assert export(archive, into, to=to).nights == ()
        assert "damaged" in {one.kind for one in archive.left_out}
    assert {table: exported(into, table) for table in before} == before


def test_a_damaged_night_is_exported_once_it_is_mended(root: Path, tmp_path: Path) -> None:
    place = min(root.glob("2*")) / "actual.parquet"
    whole = place.read_bytes()
    place.write_bytes(whole[:-1] + b"2")
    with trueup.open(root) as archive:
        assert len(export(archive, tmp_path / "parquet", to="parquet").nights) == 3
    place.write_bytes(whole)
    with trueup.open(root) as archive:
        assert export(archive, tmp_path / "parquet", to="parquet").nights == (FIRST.date(),)
    assert exported(tmp_path / "parquet", "people") == {str(FIRST.date() + timedelta(days=n)): 1000 for n in range(4)}


@pytest.mark.parametrize("damage", ["manifest", "act", "unreadable"])
def test_no_earlier_run_of_its_date_stands_in_for_a_damaged_one(tmp_path: Path, damage: str) -> None:
    archive = archive_in(tmp_path)
    applied(archive, approved(archive, sealed_run(archive)))
    before = applied(archive, approved(archive, sealed_run(archive, days=1)))
    night = applied(archive, approved(archive, sealed_run(archive, days=1.1)))
    trial = sealed_run(archive, days=0.2, only=("k-1",))
    for run in (night, trial):
        place = next(run.files.acts.glob("001-*")) if damage == "act" and run is night else run.files.manifest
        content = place.read_bytes().replace(b'"started"' if place == run.files.manifest else b'"at"', b'"begun"')
        place.write_bytes(b"{" if damage == "unreadable" and run is night else content)
    with trueup.open(archive.path) as opened:
        assert {one.run_id for one in opened.left_out} == {night.run_id, trial.run_id}
        assert opened.nights == (date(2026, 11, 23),), "neither that of before nor, for the trial, none"
        people = opened.connection().sql("SELECT DISTINCT run_id FROM people").fetchall()
        assert before.run_id not in {row[0] for row in people}
        assert len(people) == 1


def test_an_archive_of_several_targets_wants_to_know_which(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    sealed_run(archive)
    sealed_run(archive, days=1, target="https://other.example/scim")
    with pytest.raises(Misused, match="2 targets"):
        trueup.open(archive.path)
    with trueup.open(archive.path, target="https://OTHER.example/scim/") as opened:
        assert len(opened.runs().fetchall()) == 1


def test_the_shell_sees_the_same_views(made: Path) -> None:
    script = write_views(made).read_text(encoding="utf-8")
    code = "import duckdb, sys; c = duckdb.connect(); c.execute('SET enable_progress_bar = false')\n"
    code += "c.execute(sys.stdin.read())\n"
    code += "for v in ('people', 'moves', 'holds', 'nights', 'headcount'):\n"
    code += "    print(v, c.execute(f'SELECT count(*) FROM {v}').fetchone()[0])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=made, input=script, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    said = dict(line.split() for line in done.stdout.splitlines())
    with trueup.open(made) as archive:
        for view, count in said.items():
            assert archive.connection().sql(f"SELECT count(*) FROM {view}").fetchall() == [(int(count),)]


def test_attributes_have_the_same_words_in_sql_and_in_the_report() -> None:
    paths = (
        "userName",
        'emails[type eq "work"].value',
        'addresses[type eq "work"].formatted',
        "urn:x:y:manager",
        "a.b",
    )
    with duckdb.connect() as engine:
        engine.execute(word_macro())
        for path in paths:
            assert engine.execute("SELECT word($1)", [path]).fetchone() == (label(path),)


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, trueup; print({'duckdb', 'pyarrow', 'pandas', 'prefect', 'pydantic'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "set()\n"


def test_opening_an_archive_loads_no_arrow(made: Path) -> None:
    code = "import sys, trueup; trueup.open(sys.argv[1]); print({'pyarrow', 'numpy', 'pandas'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code, str(made)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "set()\n"


def test_an_empty_archive_has_every_view_empty(tmp_path: Path) -> None:
    archive = open_archive_in(tmp_path)
    with trueup.open(archive) as opened:
        for view in ("people", "moves", "holds", "nights", "headcount", "runs", "acts"):
            assert opened.connection().sql(f"FROM {view}").fetchall() == []
        assert opened.people().fetchall() == opened.holds().fetchall() == []


def open_archive_in(folder: Path) -> Path:
    from tests.support.archive_runs import settings_in

    return open_archive(settings_in(folder)).path
