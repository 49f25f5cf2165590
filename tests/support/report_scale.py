"""A run with as many changes as asked for, made by DuckDB: what the report must stay quick with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.report_runs import AT, DEPARTMENT, RUN_ID, Case, manifest_of, usual_limits
from trueup.transforms.duck.database import connect
from trueup.transforms.run_files import RunFiles

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.transforms.manifest import Manifest

_PEOPLE = """
SELECT
    printf('5eed0000-0000-4000-8000-%012d', n) AS key,
    key AS source_id,
    'p-' || n AS profile_id,
    printf('person%06d@contoso.example', n) AS user_name,
    'link' AS matched_by,
    'person' AS verdict,
    CASE WHEN n % 50 = 0 THEN 'hold' WHEN n % 33 = 0 THEN 'create' ELSE 'update' END AS decision,
    CASE WHEN n % 50 = 0 THEN 'finding' ELSE 'differs' END AS reason_code,
    CASE WHEN n % 50 = 0 THEN 'The account has no last name.' ELSE 'The profile differs from the source.' END AS reason
FROM range($people) AS t (n)
"""
_CHANGES = f"""
SELECT
    printf('5eed0000-0000-4000-8000-%012d', n % $people) AS key,
    CASE n // $people WHEN 0 THEN 'title' WHEN 1 THEN '{DEPARTMENT}' ELSE 'displayName' END AS attribute,
    to_json(CASE n // $people WHEN 1 THEN 'Department ' || (n % 211) ELSE 'Before ' || (n % $people) END)::VARCHAR
        AS before,
    to_json(CASE n // $people WHEN 1 THEN 'Division ' || (n % 211) ELSE 'After Lovelace ' || n END)::VARCHAR AS after,
    CASE WHEN n % 7 = 0 THEN 'edited_in_target' ELSE 'source_changed' END AS cause
FROM range($changes) AS t (n)
"""


def write_big_run(folder: Path, changes: int) -> tuple[RunFiles, Manifest]:
    """A run whose people have two changes each, a third of them shared with others."""
    files = RunFiles(folder / RUN_ID)
    files.path.mkdir(parents=True)
    people = max(changes // 2, 1)
    with connect() as db:
        db.execute("CREATE TABLE people AS " + _PEOPLE, {"people": people})
        db.execute("CREATE TABLE changes AS " + _CHANGES, {"people": people, "changes": changes})
        db.execute(f"COPY people TO '{files.decisions}' (FORMAT parquet)")
        db.execute(f"COPY changes TO '{files.changes}' (FORMAT parquet)")
        db.execute(
            f"COPY (SELECT key, 'Person ' || right(key, 6) AS \"displayName\" FROM people) "
            f"TO '{files.desired}' (FORMAT parquet)"
        )
        counts = dict(db.execute("SELECT decision, count(*) FROM people GROUP BY ALL").fetchall())
    manifest = manifest_of(Case((), limits=usual_limits()), started=AT)
    words = {**manifest.counts, **counts}
    return files, manifest.model_copy(update={"counts": words, "changes": changes, "users": people, "profiles": people})
