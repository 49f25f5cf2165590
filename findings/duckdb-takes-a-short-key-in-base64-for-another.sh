#!/bin/sh
# PRAGMA add_parquet_key of DuckDB with a key of 16 or 24 bytes, given in base64.
#
# One would guess that base64 is decoded whatever the key's length: 16, 24 and 32 bytes are all allowed. But the base64 of 16 bytes
# has 24 letters, and that of 24 bytes has 32: DuckDB takes text of such a length for the key itself, without a word, and then calls
# every file under the real key one of another key. Only a key of 32 bytes, whose base64 has 44 letters, is decoded.
#
# It matters for whoever hands keys to DuckDB as base64: 32 bytes are not merely the safer choice, they are the only one that is read as meant.
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

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe


def reads(in_file, given):
    pq.write_table(pa.table({"n": [1, 2]}), "e.parquet", encryption_properties=pe.create_encryption_properties(footer_key=in_file))
    base = duckdb.connect()
    base.execute(f"PRAGMA add_parquet_key('mine', '{given}')")
    try:
        return base.execute("SELECT n FROM read_parquet('e.parquet', encryption_config = {footer_key: 'mine'})").fetchall() == [(1,), (2,)]
    except duckdb.InvalidInputException:
        return False


seen = {}
for length in (16, 24, 32):
    key = bytes(range(65, 65 + length))
    seen[length] = reads(key, base64.b64encode(key).decode())
    print(f"{length} bytes, given in base64: {'read' if seen[length] else 'taken for another key'}")
letters = base64.b64encode(bytes(range(65, 81)))
itself = reads(letters, letters.decode())
print(f"the 24 letters of the shortest, taken as a key of 24 bytes: {'read' if itself else 'not read'}")
raise SystemExit(seen != {16: False, 24: False, 32: True} or not itself)
PY
