#!/bin/sh
# "2026-01-02T10:00:00+02:00" as a time without a zone.
#
# Both DuckDB and pyarrow read the text, both have a type for a moment without a zone, and both take it without an error.
# One would guess that they agree. pyarrow.json goes to UTC and gives 08:00; a cast to TIMESTAMP in DuckDB 2.0 keeps the
# clock on the wall, drops the offset and gives 10:00. (A cast to TIMESTAMPTZ gives 08:00 UTC, and so does what read_json
# finds out by itself.)
#
# It matters where one of them reads a file and the other compares with what was read before: everybody from another
# zone seems to have changed, or to have been hired on another day. Dates and times stay text until they are meant.
#
# Seen on 2026-11-29 with Python 3.11, duckdb 2.0.0 and pyarrow 26.0.1.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.0 pyarrow==26.0.1 pytz tzdata
venv/bin/python - <<'PY'
import io

import duckdb
import pyarrow as pa
from pyarrow import json

said = "2026-01-02T10:00:00+02:00"
schema = pa.schema([("at", pa.timestamp("s"))])
line = f'{{"at": "{said}"}}\n'.encode()
arrow = json.read_json(io.BytesIO(line), parse_options=json.ParseOptions(explicit_schema=schema))
seen = [
    str(arrow["at"][0].as_py()),
    duckdb.execute("SELECT CAST(? AS TIMESTAMP)::VARCHAR", [said]).fetchone()[0],
    duckdb.execute("SELECT (CAST(? AS TIMESTAMPTZ) AT TIME ZONE 'UTC')::VARCHAR", [said]).fetchone()[0],
]
for who, what in zip(("pyarrow.json, timestamp:  ", "DuckDB, TIMESTAMP:        ", "DuckDB, TIMESTAMPTZ, UTC: "), seen):
    print(who, what)
raise SystemExit(seen != ["2026-01-02 08:00:00", "2026-01-02 10:00:00", "2026-01-02 08:00:00"])
PY
