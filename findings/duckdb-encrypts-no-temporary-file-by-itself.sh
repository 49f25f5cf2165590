#!/bin/sh
# temp_file_encryption of DuckDB, where a query does not fit into memory.
#
# One would guess that the setting, which is taken, encrypts what is spilt: AES is built in, and encrypted Parquet and databases are read with
# it. What happens is that the query ends: "DuckDB currently has a read-only crypto module loaded. Please ensure httpfs is loaded". Whatever
# writes needs an extension that has to be downloaded, and no wheel of it fits this version. Without the setting the rows lie in the
# temporary folder in clear.
#
# It matters where nothing may reach a disk in clear: the setting looks right in every test that fits into memory, and the first big night fails.
#
# Seen on 2026-11-30 with Python 3.11 and duckdb 2.0.0.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.0
venv/bin/python - <<'PY'
import pathlib

import duckdb


def spilt(encrypted):
    folder = pathlib.Path(f"spill-{encrypted}")
    options = {"temp_directory": str(folder), "memory_limit": "60MB", "temp_file_encryption": encrypted, "threads": 1}
    base = duckdb.connect(config=options)
    try:
        base.execute("CREATE TABLE t AS SELECT md5(i::VARCHAR) || 'Ann Example' AS v FROM range(1500000) AS r(i)")
        said = "taken"
    except duckdb.Error as error:
        said = "a read-only crypto module" if "read-only crypto module" in str(error) else str(error)
    clear = any(b"Ann Example" in one.read_bytes() for one in folder.glob("*") if one.is_file())
    print(f"temp_file_encryption {encrypted}: {said}; rows in clear on disk: {clear}")
    return said, clear


raise SystemExit([spilt(False), spilt(True)] != [("taken", True), ("a read-only crypto module", False)])
PY
