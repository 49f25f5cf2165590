#!/bin/sh
# DuckDB over Parquet that pyarrow encrypted (AES_GCM_V1, one key for all): whole columns, a condition, a list.
#
# One would guess that a file DuckDB can count and select from can be asked anything. Whole flat columns are read right. As soon
# as a condition goes down into the scan, or a column is a list, the same file under the same key ends in "Computed AES tag differs
# from read AES tag, are you using the right key?". With the optimizer's filter_pushdown off conditions work; lists never do. pyarrow
# reads all of it. The same holds for 1.5.6 and 2.0.1.
#
# It matters where private files are kept as encrypted Parquet for DuckDB to read: a first try with SELECT count(*) says that it works, and
# the message sends whoever meets the fault to look for another key.
#
# Seen on 2026-11-30 with Python 3.11, duckdb 2.0.0 and pyarrow 26.0.1.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.0 pyarrow==26.0.1
venv/bin/python - <<'PY'
import base64
import secrets

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

key = secrets.token_bytes(32)
rows = pa.table({"n": list(range(100)), "l": [["x", "y"]] * 100})
pq.write_table(rows, "e.parquet", encryption_properties=pe.create_encryption_properties(footer_key=key))
assert pq.read_table("e.parquet", decryption_properties=pe.create_decryption_properties(footer_key=key)).equals(rows)
base = duckdb.connect()
base.execute(f"PRAGMA add_parquet_key('mine', '{base64.b64encode(key).decode()}')")
file = "read_parquet('e.parquet', encryption_config = {footer_key: 'mine'})"


def asked(query):
    try:
        return str(len(base.execute(query).fetchall()))
    except duckdb.InvalidInputException as error:
        return "another key?" if "right key" in str(error) else str(error)


seen = [asked(f"SELECT n FROM {file}"), asked(f"SELECT n FROM {file} WHERE n < 5"), asked(f"SELECT l FROM {file}")]
base.execute("SET disabled_optimizers = 'filter_pushdown'")
seen += [asked(f"SELECT n FROM {file} WHERE n < 5"), asked(f"SELECT l FROM {file}")]
for what, one in zip(("a column", "a condition", "a list", "a condition, not pushed down", "a list then"), seen, strict=True):
    print(f"{what}: {one}")
raise SystemExit(seen != ["100", "another key?", "another key?", "5", "another key?"])
PY
