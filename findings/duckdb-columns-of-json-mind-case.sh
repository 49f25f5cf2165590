#!/bin/sh
# {"Title": "Clerk"}, read by DuckDB as the column title.
#
# DuckDB's names mind no case: with types found out by itself, `SELECT title` finds the key "Title". One would guess that
# naming the columns only fixes their types. It also makes their keys mind case: read_json(…, columns = {title: 'VARCHAR'})
# gives null for "Title", in every row, as if nobody had one, with no error, even without ignore_errors.
#
# It matters because to name the columns is what a careful reader does (dates stay text, numbers keep their zeros), and
# because exports do spell keys in other ways. A key that is not there and an empty value look the same afterwards: find
# out which keys there are before, and name each as it is spelt.
#
# Seen on 2026-11-29 with Python 3.11 and duckdb 2.0.0.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.0
echo '{"Title": "Clerk"}' > people.json
venv/bin/python - <<'PY'
import duckdb

found_out = duckdb.sql("SELECT title FROM read_json('people.json')").fetchall()
named = duckdb.sql("SELECT title FROM read_json('people.json', columns = {title: 'VARCHAR'})").fetchall()
spelt = duckdb.sql("SELECT title FROM read_json('people.json', columns = {Title: 'VARCHAR'})").fetchall()
print("columns found out:       ", found_out)
print("columns = {title: …}:    ", named)
print("columns = {Title: …}:    ", spelt)
raise SystemExit((found_out, named, spelt) != ([("Clerk",)], [(None,)], [("Clerk",)]))
PY
