#!/bin/sh
# The same SELECT, written to Parquet on two nights; then both nights are put under each other with pyarrow.
#
# One would guess that the same query gives the same schema. DuckDB 2.0's COPY marks a column as required where none of
# the rows that happened to come has a null, and as optional else. On a night on which somebody lost a title, `title` is
# another kind of column, and pyarrow refuses to concatenate both tables, and to write one into the other's file. (A
# dataset over both files, and DuckDB itself, take them.)
#
# It matters wherever files of several nights meet: compare types, not schemas; concatenate with promotion, or in DuckDB;
# and take "not null" in a file for what was so that night, not for a rule.
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
import pyarrow.parquet as pq

nights = []
for name, title in (("monday", "'Clerk'"), ("tuesday", "NULL::VARCHAR")):
    duckdb.execute(f"COPY (SELECT '1' AS id, {title} AS title) TO '{name}.parquet'")
    nights.append(pq.read_table(f"{name}.parquet"))
    print(f"{name}:", ", ".join(str(field) for field in nights[-1].schema))
try:
    pa.concat_tables(nights)
    plainly = "taken"
except pa.ArrowInvalid:
    plainly = "refused"
promoted = pa.concat_tables(nights, promote_options="default").num_rows
print(f"concat_tables: {plainly}; with promotion: {promoted} rows")
nullable = [night.schema.field("title").nullable for night in nights]
raise SystemExit((nullable, plainly, promoted) != ([False, True], "refused", 2))
PY
