#!/bin/sh
# Thousands of files named in DuckDB's allowed_paths.
#
# One would guess that naming each file a connection may read costs next to nothing. Setting 8,000 of them takes about a
# second, at every opening; one folder in allowed_directories is done at once.
#
# It matters where a tool opens DuckDB locked to a known set of files: lock the folder, and keep the list of files oneself.
#
# Seen on 2026-11-29 with Python 3.11 and duckdb 2.0.0.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.0
venv/bin/python - <<'PY'
import time

import duckdb


def seconds(setting: str, count: int) -> float:
    db = duckdb.connect()
    places = ", ".join(f"'/srv/archive/{number:06}/changes.parquet'" for number in range(count))
    begun = time.perf_counter()
    db.execute(f"SET {setting} = [{places}]")
    return time.perf_counter() - begun


folder = min(seconds("allowed_directories", 1) for _ in range(3))
taken = {count: min(seconds("allowed_paths", count) for _ in range(2)) for count in (2000, 8000)}
print(f"one folder {folder * 1000:.1f} ms;", "; ".join(f"{count} paths {took * 1000:.0f} ms" for count, took in taken.items()))
raise SystemExit(not taken[8000] > 20 * folder)
PY
