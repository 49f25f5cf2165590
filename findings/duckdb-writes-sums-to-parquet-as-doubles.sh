#!/bin/sh
# A sum of whole numbers, written to Parquet by COPY and read again.
#
# One would guess that it comes back as it was. DuckDB adds up BIGINTs as HUGEINT, which Parquet does not have, and COPY
# neither refuses that nor writes a DECIMAL(38, 0): it writes a DOUBLE. Above 2^53 the sum that comes back is another one,
# without a word, and every reader sees a column of floating-point numbers.
#
# It matters where what one step adds up (rows, bytes, a checksum over ids) is handed to the next as Parquet: cast it to
# BIGINT, which fails where it does not fit, before it is written.
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
import pyarrow.parquet as pq

db = duckdb.connect()
total = "SELECT sum(n) AS total FROM (VALUES (9007199254740992::BIGINT), (1)) v(n)"
before = db.execute(f"SELECT total, typeof(total) FROM ({total})").fetchone()
db.execute(f"COPY ({total}) TO 'total.parquet'")
after = db.execute("SELECT total, typeof(total) FROM 'total.parquet'").fetchone()
db.execute(f"COPY (SELECT total::BIGINT AS total FROM ({total})) TO 'cast.parquet'")
cast = pq.read_table("cast.parquet")["total"].to_pylist()
print("before:        ", *before)
print("from Parquet:  ", f"{after[0]:.0f}", after[1], "- pyarrow says", pq.read_schema("total.parquet").field("total").type)
print("cast to BIGINT:", *cast)
raise SystemExit((before, after, cast) != ((2**53 + 1, "HUGEINT"), (2.0**53, "DOUBLE"), [2**53 + 1]))
PY
