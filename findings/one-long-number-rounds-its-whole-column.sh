#!/bin/sh
# Three numbers of people in JSON, and in one of them somebody typed a digit or two too many.
#
# One would guess that a number too long for 64 bits is an error, or hurts itself alone. pyarrow.json makes the whole
# column floating-point, without a word: 9007199254740993, exact as long as it is among its like, comes out as
# 9007199254740992. DuckDB goes to HUGEINT and loses nothing up to 38 digits, so that both disagree about the same file;
# beyond HUGEINT it does as pyarrow does.
#
# It matters because one person's slip changes what others have. Numbers that name somebody are read as text: a schema
# that says text makes pyarrow refuse the number, DuckDB's hands on the digits as they stand.
#
# Seen on 2026-11-29 with Python 3.11, duckdb 2.0.0 and pyarrow 26.0.1.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.0 pyarrow==26.0.1
venv/bin/python - <<'PY'
from pathlib import Path

import duckdb
from pyarrow import json


def read(*numbers: str) -> tuple[object, object, object]:
    """The first of the numbers as pyarrow, DuckDB and DuckDB told that it is text have it."""
    Path("people.json").write_text("".join(f'{{"n": {number}}}\n' for number in numbers))
    ours = json.read_json("people.json")["n"][0].as_py()
    theirs = duckdb.execute("SELECT n FROM read_json('people.json')").fetchone()[0]
    text = duckdb.execute("SELECT n FROM read_json('people.json', columns = {n: 'VARCHAR'})").fetchone()[0]
    return ours, theirs, text


one, exact = "9007199254740993", 9007199254740993
seen = {
    "alone": read(one, "7"),
    "beside 20 digits": read(one, "12345678901234567890"),
    "beside 40 digits": read(one, "1234567890123456789012345678901234567890"),
}
for what, (arrow, duck, text) in seen.items():
    print(f"{what}: pyarrow {arrow!r}, DuckDB {duck!r}, DuckDB as text {text!r}")
rounded = 9007199254740992.0
expected = [(exact, exact, one), (rounded, exact, one), (rounded, rounded, one)]
raise SystemExit([*map(repr, seen.values())] != [*map(repr, expected)])
PY
