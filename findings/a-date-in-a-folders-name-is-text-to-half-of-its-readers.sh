#!/bin/sh
# people/night=2026-11-30/data.parquet, read by DuckDB, polars, pyarrow and pandas.
#
# Each takes `night` from the name of the folder by itself, so one would guess that all make the same of it. DuckDB 2.0 and
# polars 2.1 make it a date. For pyarrow 26 it is text, and for pandas 3.1 a category of text; told to use Arrow's own types
# (dtype_backend="pyarrow") pandas makes a dictionary of text of it. None says a word.
#
# It matters where an export is for everybody's tools: `night >= date` works in one and raises or compares letters in the
# next, and a table joined by night finds nothing. Cast it, or write the date into the file as well under another name.
#
# Seen on 2026-11-30 with Python 3.11, duckdb 2.0.0, polars 2.1.0, pyarrow 26.0.1 and pandas 3.1.1.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.0 polars==2.1.0 pyarrow==26.0.1 pandas==3.1.1
venv/bin/python - <<'PY'
import os

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

os.makedirs("people/night=2026-11-30")
pq.write_table(pa.table({"name": ["Bo"]}), "people/night=2026-11-30/data.parquet")
files = "people/*/*.parquet"
seen = {
    "duckdb": str(duckdb.sql(f"SELECT typeof(night) FROM read_parquet('{files}')").fetchall()[0][0]),
    "polars": str(pl.scan_parquet("people", hive_partitioning=True).collect_schema()["night"]),
    "pyarrow": str(ds.dataset("people", partitioning="hive").schema.field("night").type),
    "pandas": f"{(read := pd.read_parquet('people'))['night'].dtype} of {type(read['night'].iloc[0]).__name__}",
    "pandas on Arrow": str(pd.read_parquet("people", dtype_backend="pyarrow")["night"].dtype.pyarrow_dtype.value_type),
}
for reader, kind in seen.items():
    print(f"{reader}: {kind}")
wanted = {"duckdb": "DATE", "polars": "Date", "pyarrow": "string", "pandas": "category of str", "pandas on Arrow": "string"}
raise SystemExit(seen != wanted)
PY
