#!/bin/sh
# A SELECT with an INSERT in its WITH, as DuckDB's parser names it.
#
# One would guess that whoever takes only statements of the type SELECT, as extract_statements() names them, takes only
# what reads. DuckDB 2.0 knows INSERT, UPDATE and DELETE ... RETURNING inside WITH: the whole has the type SELECT, is
# serialised by json_serialize_sql() like any other, and writes. The tree tells: the WITH holds an INSERT_QUERY_NODE.
#
# It matters where SQL is taken from people who may only read: the nodes of the parsed tree decide, not the type.
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

db = duckdb.connect()
db.execute("CREATE TABLE t (n INTEGER)")
text = "WITH more AS (INSERT INTO t VALUES (1) RETURNING n) SELECT n FROM more"
(one,) = db.extract_statements(text)
tree = db.execute("SELECT json_serialize_sql($1)", [text]).fetchone()[0]
db.execute(text).fetchall()
rows = db.execute("SELECT count(*) FROM t").fetchone()[0]
print("type:", one.type, "- rows written:", rows, "- INSERT_QUERY_NODE in the tree:", "INSERT_QUERY_NODE" in tree)
raise SystemExit((one.type, rows, "INSERT_QUERY_NODE" in tree) != (duckdb.StatementType.SELECT, 1, True))
PY
