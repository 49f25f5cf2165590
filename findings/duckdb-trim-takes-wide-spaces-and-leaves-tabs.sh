#!/bin/sh
# trim(x) in DuckDB, of a cell that holds nothing but a tab or a line end.
#
# One would guess that trim either takes plain spaces only, as SQL says, or all that is white, as Python's strip does.
# DuckDB's takes every space of Unicode (no-break, em, ideographic) and no tab and no line end: `trim(x) = ''` is true of
# a no-break space and false of a tab. pyarrow's utf8_trim_whitespace and Python's strip take both.
#
# It matters where a blank must count as nothing: an employee number that is a tab would be a number, and an account that
# has one looks more like a person. Spreadsheets leave exactly tabs and line ends behind.
#
# Seen on 2026-11-29 with Python 3.11, duckdb 2.0.0 and pyarrow 26.0.1.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.0 pyarrow==26.0.1
venv/bin/python - <<'PY'
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

white = {"tab": "\t", "line end": "\r\n", "no-break": "\u00a0", "em space": "\u2003", "ideographic": "\u3000"}
seen = {}
for name, text in white.items():
    by_duckdb = duckdb.execute("SELECT trim(?) = ''", [text]).fetchone()[0]
    by_arrow = pc.utf8_trim_whitespace(pa.array([text]))[0].as_py() == ""
    seen[name] = (by_duckdb, by_arrow, text.strip() == "")
    print(f"{name:12} blank to duckdb: {by_duckdb}, to pyarrow: {by_arrow}, to Python: {text.strip() == ''}")
left = {name for name, (by_duckdb, *_) in seen.items() if not by_duckdb}
raise SystemExit(left != {"tab", "line end"} or not all(a and p for _, a, p in seen.values()))
PY
