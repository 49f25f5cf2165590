#!/bin/sh
# Two Parquet files, of which the newer has one column more, read as one list.
#
# One would guess that both orders do the same: an error, or nulls for the older one. DuckDB takes the columns of the file
# that stands first. The newer one first: an error that names the column. The older one first: the new column is left out
# of the result, of the newer file too, and nothing is said.
#
# It matters for tables over all runs of an archive: in order of time the oldest comes first, so what later versions
# began to write would never be seen. `union_by_name = true` gives nulls instead, in either order.
#
# Seen on 2026-11-29 with Python 3.11 and duckdb 2.0.0.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.0
venv/bin/python - <<'PY'
import duckdb

duckdb.execute("COPY (SELECT 'ann' AS key) TO 'older.parquet'")
duckdb.execute("COPY (SELECT 'bo' AS key, 'a rule' AS reason) TO 'newer.parquet'")


def columns(files: str, more: str = "") -> str:
    """The names of the columns of a list of files, or the kind of the error."""
    try:
        found = duckdb.execute(f"SELECT * FROM read_parquet({files}{more})")
        found.fetchall()
        return ", ".join(column[0] for column in found.description)
    except duckdb.Error as error:
        return type(error).__name__


up, down = "['older.parquet', 'newer.parquet']", "['newer.parquet', 'older.parquet']"
seen = [columns(up), columns(down), columns(up, ", union_by_name = true"), columns(down, ", union_by_name = true")]
for order, what in zip(("older first", "newer first", "older first, by name", "newer first, by name"), seen):
    print(f"{order}: {what}")
raise SystemExit(seen != ["key", "InvalidInputException", "key, reason", "key, reason"])
PY
