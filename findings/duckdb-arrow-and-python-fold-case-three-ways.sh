#!/bin/sh
# The same names in small and in capital letters, by DuckDB, by pyarrow and by Python.
#
# One would guess that all three do what Unicode says. Python does it in full: İ becomes i with a dot of its own (two
# characters), a sigma at the end of a word becomes ς, ß becomes SS. DuckDB and pyarrow go letter by letter: İ becomes a
# plain i, every sigma becomes σ, and ß becomes the capital ẞ. So a value folded in Python and one folded in SQL are not
# equal for Turkish and Greek names and for everybody called Weiß.
#
# It matters wherever user names are compared without case: both sides must be folded by the same part, once.
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

seen = []
for text, way in (("İNCİ", "lower"), ("ΝΙΚΟΣ", "lower"), ("Weiß", "upper")):
    by_duckdb = duckdb.execute(f"SELECT {way}(?)", [text]).fetchone()[0]
    by_arrow = getattr(pc, f"utf8_{way}")(pa.array([text]))[0].as_py()
    by_python = getattr(text, way)()
    seen.append((by_duckdb == by_arrow, by_duckdb == by_python))
    print(f"{way}({text}): duckdb {ascii(by_duckdb)}, pyarrow {ascii(by_arrow)}, Python {ascii(by_python)}")
raise SystemExit(seen != [(True, False)] * 3)
PY
