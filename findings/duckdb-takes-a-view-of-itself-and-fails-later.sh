#!/bin/sh
# CREATE OR REPLACE … x AS SELECT … FROM x, of a table and of a view.
#
# One would guess that both work, or that both are refused: the statement is the same but for a word. Of a table it adds a
# column to what is there. Of a view DuckDB takes the statement without a complaint, and the view that stood there before
# is gone; whoever asks it the next time is told of an infinite recursion.
#
# It matters where a step widens what the step before left under one name: a table may be made of itself, a view needs
# another name, and the fault shows far from the line that made it.
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

base = duckdb.connect()
base.execute("CREATE TABLE t AS SELECT 1 AS id")
base.execute("CREATE VIEW v AS SELECT 1 AS id")
base.execute("CREATE OR REPLACE TABLE t AS SELECT *, 2 AS more FROM t")
table = base.execute("FROM t").fetchall()
print("the table made of itself:", table)
base.execute("CREATE OR REPLACE VIEW v AS SELECT *, 2 AS more FROM v")
print("the view made of itself: taken")
try:
    base.execute("FROM v").fetchall()
    later = "works"
except duckdb.BinderException as error:
    later = str(error).split(":")[1].strip()
print("asked for its rows:", later)
raise SystemExit(table != [(1, 2)] or later != "infinite recursion detected")
PY
