"""An archive of many nights, as large as asked for: sealed by the archive itself, people made by DuckDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb

from tests.support.archive_runs import manifest_of
from trueup.connectors.archive import add_act, open_archive, seal
from trueup.transforms.settings import Settings
from trueup.transforms.summary import write_apply_summary, write_plan_summary
from trueup.transforms.vocabulary import Act, Decision, Kind

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.archive import Archive
    from trueup.transforms.run_files import RunFiles

FIRST = datetime(2025, 10, 1, 1, 0, tzinfo=UTC)
TARGET = "https://directory.example/scim/v2"
DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"


def many_nights(folder: Path, *, nights: int, people: int, changing: int, first: datetime = FIRST) -> Archive:
    """``nights`` applied runs of ``people``, of whom one in ``changing`` gets another title and department a night."""
    archive = open_archive(Settings.model_validate({"target": {"url": TARGET}}).placed_in(folder))
    with duckdb.connect() as engine:
        engine.execute(
            "CREATE TABLE people AS SELECT md5(range::VARCHAR) AS key, range AS n, range % 20 AS d FROM range($1)",
            [people],
        )
        for number in range(nights):
            _night(archive, engine, first + timedelta(days=number), number, changing)
            engine.execute("UPDATE people SET d = (d + 1) % 20 WHERE n % $1 = $2", [changing, number % changing])
    return archive


def _night(archive: Archive, engine: duckdb.DuckDBPyConnection, at: datetime, number: int, changing: int) -> None:
    files = archive.new_run(Kind.RECONCILE, at)
    mine = f"n % {changing} = {number % changing}"
    said = f"""(SELECT key, 'p-' || n AS profile_id, 'user' || n || '@x.example' AS user_name,
        CASE WHEN {mine} THEN 'update' WHEN n % 1000 = 999 THEN 'hold' ELSE 'unchanged' END AS decision FROM people)"""
    _copy(
        engine,
        f"""SELECT key, key AS source_id, profile_id, user_name, 'link' AS matched_by, 'person' AS verdict, decision,
        'same' AS reason_code, 'Nothing differs.' AS reason FROM {said} ORDER BY key""",
        files,
        "decisions",
    )
    actual = f"""SELECT key, 'user' || n || '@x.example' AS "userName", 'Person ' || n AS "displayName",
        'Title ' || d AS title, 'Department ' || d AS "{DEPARTMENT}", true AS active, []::VARCHAR[] AS left_alone
        FROM people ORDER BY key"""
    _copy(engine, actual, files, "actual")
    _copy(engine, actual, files, "desired")
    changes = f"""SELECT key, attribute, to_json(word || d)::VARCHAR AS before,
        to_json(word || ((d + 1) % 20))::VARCHAR AS after, 'source_changed' AS cause
        FROM people, (VALUES ('title', 'Title '), ('{DEPARTMENT}', 'Department ')) AS t(attribute, word)
        WHERE {mine}"""
    _copy(engine, f"{changes} ORDER BY key, attribute", files, "changes")
    _copy(
        engine,
        """SELECT key, 'mononym' AS "check", 'warning' AS severity, 'One name only.' AS reason, '' AS remedy
        FROM people WHERE n % 1000 = 999 ORDER BY key""",
        files,
        "findings",
    )
    _copy(
        engine,
        "SELECT key AS source_id, 'p-' || n AS profile_id, 'link' AS matched_by, '' AS since FROM people",
        files,
        "links",
    )
    write_plan_summary(files, files.summary)
    row = engine.execute(f"SELECT count(*) FILTER (WHERE {mine}), count(*) FROM people").fetchone() or (0, 0)
    counts = {one.value: 0 for one in Decision} | {"update": row[0], "unchanged": row[1] - row[0]}
    facts = {"started": at, "sealed": at, "night": at.date(), "counts": counts, "changes": 2 * row[0], "target": TARGET}
    seconds = {"source": 12.5, "target": 8.0, "map": 2.0, "check": 5.0, "plan": 3.0}
    seal(files, manifest_of(files, **facts, users=row[1], profiles=row[1], stage_seconds=seconds))
    run = archive.load(files.run_id)
    add_act(run, Act.APPROVED, "ann" if number % 3 else "bo", at=at, fingerprint=run.manifest.fingerprint)
    files.journal.write_text('{"n": 1, "event": "intent"}\n', encoding="utf-8")
    _copy(
        engine,
        f"""SELECT key, 'p-' || any_value(n) AS profile_id, 'update' AS operation, 'applied' AS result, '' AS reason,
        1::INTEGER AS attempts, list(struct_pack(attribute := attribute, value := before)) AS before,
        list(struct_pack(attribute := attribute, value := after)) AS written,
        list(struct_pack(attribute := attribute, value := after, "class" := 'kept')) AS found
        FROM ({changes}) JOIN people USING (key) GROUP BY key ORDER BY key""",
        files,
        "outcome",
    )
    summary = files.path / "summary-001.parquet"
    write_apply_summary(files, summary)
    add_act(run, Act.APPLIED, "trueup", at=at, files=(files.journal, files.outcome, summary))


def _copy(engine: duckdb.DuckDBPyConnection, query: str, files: RunFiles, name: str) -> None:
    engine.execute(f"COPY ({query}) TO '{files.path / f'{name}.parquet'}' (FORMAT parquet)")
