"""Nothing that is given out can write, reach outside of the archive, or say more than it may read."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

import trueup
from tests.support.many_nights import many_nights
from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return many_nights(tmp_path_factory.mktemp("nights"), nights=2, people=50, changing=5).path


@pytest.fixture
def archive(root: Path) -> Iterator[trueup.Archive]:
    with trueup.open(root) as opened:
        yield opened


def _sealed(root: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in root.glob("2*/**/*") if path.is_file()}


WRITING = (
    "COPY (SELECT 1) TO '{file}' (FORMAT parquet)",
    "COPY changes TO '{file}'",
    "EXPORT DATABASE '{folder}'",
    "ATTACH '{file}' AS other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "RESET memory_limit",
    "PRAGMA enable_profiling",
    "CREATE TABLE mine AS SELECT 1",
    "CREATE OR REPLACE VIEW moves AS SELECT 1",
    "INSERT INTO names VALUES ('a', 'b')",
    "DELETE FROM names",
    "DROP VIEW moves",
    "CALL enable_logging()",
    "EXPLAIN ANALYZE SELECT 1",
    "SELECT 1; COPY (SELECT 1) TO '{file}'",
    "WITH gone AS (DELETE FROM names RETURNING *) SELECT * FROM gone",
    "SELECT * FROM (WITH more AS (INSERT INTO names VALUES ('a', 'b') RETURNING *) SELECT * FROM more)",
    "WITH out AS (COPY (SELECT 1) TO '{file}') SELECT 1",
    "FROM query('SELECT 1')",
    "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "FROM checkpoint()",
)


@pytest.mark.parametrize("statement", WRITING)
def test_a_statement_that_does_more_than_read_is_refused(archive: trueup.Archive, root: Path, statement: str) -> None:
    before = _sealed(root)
    place = next(root.glob("2*/changes.parquet"))
    text = statement.format(file=place, folder=place.parent)
    with pytest.raises(Misused):
        archive.connection().sql(text).fetchall()
    with pytest.raises(Misused):
        archive.runs().filter(f"1 = 1) ; {text} ; SELECT (1 = 1").fetchall()
    with pytest.raises(Misused):
        archive.runs().order(f"1 ; {text}").fetchall()
    assert _sealed(root) == before
    assert archive.changes().fetchall()


OUTSIDE = (
    "FROM read_text('{outside}')",
    "FROM '{outside}'",
    "FROM read_csv('{outside}')",
    "FROM read_text('{root}/../{name}')",
    "FROM read_text('{root}/*/manifest.json')",
    "FROM read_text('/etc' || '/passwd')",
    "FROM read_text((SELECT '{outside}'))",
    "FROM read_text('http://127.0.0.1:9/people')",
    "FROM read_parquet('https://example.com/people.parquet')",
    "FROM glob('{root}/*')",
    "FROM sniff_csv('{outside}')",
    "SELECT * FROM duckdb_secrets()",
)


@pytest.mark.parametrize("statement", OUTSIDE)
def test_nothing_outside_of_the_archives_own_files_is_read(archive: trueup.Archive, root: Path, statement: str) -> None:
    outside = root.parent / "outside.txt"
    outside.write_text("for nobody", encoding="utf-8")
    with pytest.raises(Misused) as raised:
        archive.connection().sql(statement.format(outside=outside, root=root, name=outside.name)).fetchall()
    assert "for nobody" not in str(raised.value)


def test_a_file_of_a_run_can_be_read_by_its_path(archive: trueup.Archive, root: Path) -> None:
    place = next(root.glob("2*/actual.parquet"))
    assert archive.connection().sql(f"SELECT count(*) FROM '{place}'").fetchall() == [(50,)]
    assert archive.connection().sql(f"SELECT count(*) FROM read_parquet(['{place}'])").fetchall() == [(50,)]


def test_results_and_connections_have_no_way_to_write(archive: trueup.Archive) -> None:
    for given in (archive.runs(), archive.people(), archive.connection(), archive.connection().sql("FROM moves")):
        for name in (
            "write_parquet",
            "to_parquet",
            "create",
            "create_view",
            "query",
            "execute",
            "insert_into",
            "to_csv",
        ):
            assert not hasattr(given, name)


def test_describe_and_summarize_are_taken(archive: trueup.Archive) -> None:
    sql = archive.connection().sql
    assert [row[0] for row in sql("DESCRIBE moves").fetchall()][:2] == ["night", "key"]
    assert sql("SUMMARIZE SELECT night FROM nights").fetchall()
    assert sql("  SELECT 1 AS one ; ").columns == ["one"]
    with pytest.raises(Misused, match="not SHOW"):
        sql("SHOW TABLES")
    with pytest.raises(Misused, match="peeple") as raised:
        sql("FROM peeple").fetchall()
    assert "people" in raised.value.remedy


def test_sums_are_whole_numbers_for_other_tools_too(archive: trueup.Archive) -> None:
    asked = archive.connection().sql("SELECT sum(people) AS people, sum(9e18::BIGINT) * 3 AS much FROM headcount")
    ((people, much),) = asked.fetchall()
    assert asked.arrow()["people"].to_pylist() == [people]
    assert [str(kind) for kind in asked.arrow().schema.types] == ["int64", "decimal128(38, 0)"]
    assert asked.df()["people"].tolist() == [people]
    assert str(asked.df()["people"].dtype) == "int64"
    assert asked.arrow()["much"].to_pylist() == [much]


def test_a_comment_in_a_condition_ends_nothing(archive: trueup.Archive) -> None:
    assert len(archive.people().filter("key IS NOT NULL -- all of them").limit(3).fetchall()) == 3
