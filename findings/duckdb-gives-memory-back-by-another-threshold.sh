#!/bin/sh
# How does one keep the peak memory of a short-lived process small that works with DuckDB's tables in memory and
# hands the last of them to Arrow?
#
# One would guess the setting allocator_flush_threshold, described as the peak at which the allocator is flushed after
# a task, or fewer threads: what a finished statement has freed would then be used again, or given back. In truth that
# setting, even at 1 MB, changes nothing here. What counts is allocator_bulk_deallocation_flush_threshold: the allocator
# is flushed when so much is freed at once, 512 MB unless told otherwise, which a process that is meant to stay below
# 300 MB never reaches. Each statement's sort and join then comes on top of what those before it have freed.
#
# Here: a review is served by a process that has the pages of a run made by others, each within 300 MB. For 100,000
# people the first of them took 302 MB; with this setting at 1 MB it takes 248.
#
# Seen on 2026-11-30 with Python 3.11, duckdb 2.0.0 and pyarrow 26.0.1 on Linux (x86-64).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.0 pyarrow==26.0.1
cat > peak.py <<'PY'
import sys

import duckdb

connection = duckdb.connect(config={"threads": 1})
connection.execute(sys.argv[1])
connection.execute(
    "CREATE TEMP TABLE people AS SELECT i || '-' || md5(i::VARCHAR) AS key, md5((i * 7)::VARCHAR) AS name, "
    "md5((i * 3)::VARCHAR) AS title FROM range(100000) AS t(i)"
)
connection.execute(
    "CREATE TEMP TABLE sorted AS SELECT row_number() OVER (ORDER BY name) AS place, *, md5(title) AS other FROM people"
)
connection.execute(
    "CREATE TEMP TABLE joined AS SELECT sorted.*, people.name AS again, row_number() OVER (ORDER BY other) AS second "
    "FROM sorted JOIN people USING (key)"
)
connection.execute("DROP TABLE sorted")
connection.sql("FROM joined ORDER BY second").to_arrow_table()
with open("/proc/self/status", encoding="ascii") as lines:
    print(next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")))
PY
peak() {
    venv/bin/python peak.py "$1"
}
plain=$(peak "SELECT 1")
guessed=$(peak "SET allocator_flush_threshold = '1MB'")
bulk=$(peak "SET allocator_bulk_deallocation_flush_threshold = '1MB'")
echo "most memory, as it is: $plain MB; allocator_flush_threshold 1 MB: $guessed MB; the one for bulks 1 MB: $bulk MB"
test "$guessed" -gt $((plain - 5))
test "$bulk" -lt $((plain - 15))
