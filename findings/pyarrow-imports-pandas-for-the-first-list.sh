#!/bin/sh
# The first list, or single value, that pyarrow makes an array or a scalar of.
#
# One would guess that pyarrow needs pandas only where a frame comes in or goes out. But to find out whether what it was
# given is a Series, it imports pandas wherever that is installed: pa.array(["a"]), pa.Table.from_pylist, and pa.scalar("a")
# too, which pyarrow.compute calls for every constant; so does pyarrow.parquet.read_table. ParquetFile(…).read(), writing
# Parquet, casts and to_pylist do not.
#
# It matters where a command that shows ten rows should answer at once: this import is half of what it does, and the
# profile blames whichever line happened to make the first small array. DuckDB takes a list without it.
#
# Seen on 2026-11-30 with Python 3.11, pyarrow 26.0.1, pandas 3.1.1 and duckdb 2.0.0.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1 pandas==3.1.1 duckdb==2.0.0
cat >loads.py <<'PY'
import sys
import time

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

table = duckdb.sql("SELECT unnest($1) AS name", params=[["a", "b"]]).to_arrow_table()
begun = time.process_time()
exec(sys.argv[1])
print(f"{'pandas' in sys.modules!s:5} {time.process_time() - begun:.2f} s  {sys.argv[1]}")
raise SystemExit("pandas" in sys.modules)
PY
wrong=0
for code in 'pa.array(["a"], pa.string())' 'pa.scalar("a")' 'pa.Table.from_pylist([{"name": "a"}])' \
    'pc.fill_null(table["name"], "")'; do
    if venv/bin/python loads.py "$code"; then wrong=1; fi
done
for code in 'pq.write_table(table, "a.parquet")' 'pq.ParquetFile("a.parquet").read().to_pylist()'; do
    venv/bin/python loads.py "$code" || wrong=1
done
exit $wrong
