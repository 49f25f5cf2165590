#!/bin/sh
# A database file made by DuckDB 2.0, handed to somebody with DuckDB 1.4.
#
# DuckDB keeps to one format since 1.0: 1.1 to 1.4 write, unless told otherwise, what 1.0 reads. One would guess that 2.0 goes
# on like that. It writes storage version 999 for every new file, and DuckDB 1.4.2 (reads 64 to 67) does not open it, were
# there nothing in it but one number. Told storage_compatibility_version = 'v1.0.0' it writes 64, which all of them open.
#
# It matters where a database file is what other tools get: who exports with the new version locks out everybody with an
# older one, and a file once begun stays as it is. Say the version when the file is made.
#
# Seen on 2026-11-30 with Python 3.11, duckdb 2.0.0 and 1.4.2.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for version in 2.0.0 1.4.2; do
    python3 -m venv "$version"
    "$version/bin/pip" install --quiet --disable-pip-version-check "duckdb==$version"
done
cat >make.py <<'PY'
import sys

import duckdb

name, *told = sys.argv[1:]
with duckdb.connect(name, config={"storage_compatibility_version": told[0]} if told else {}) as made:
    made.execute("CREATE TABLE people AS SELECT 1 AS id")
with open(name, "rb") as file:
    print(int.from_bytes(file.read(20)[12:], "little"))
PY
cat >open.py <<'PY'
import sys

import duckdb

try:
    held = duckdb.connect(sys.argv[1], read_only=True)
    print(held.execute("SELECT count(*) FROM people").fetchall()[0][0])
except duckdb.IOException as error:
    print(str(error).split(",")[0])
PY
unasked=$(2.0.0/bin/python make.py unasked.duckdb)
told=$(2.0.0/bin/python make.py told.duckdb v1.0.0)
older=$(1.4.2/bin/python make.py older.duckdb)
refused=$(1.4.2/bin/python open.py unasked.duckdb)
taken=$(1.4.2/bin/python open.py told.duckdb)
echo "unasked: 1.4.2 writes storage version $older, 2.0.0 $unasked, which 1.4.2 answers with: $refused"
echo "2.0.0 told v1.0.0 writes $told; 1.4.2 finds $taken row in it"
[ "$unasked $told $older $taken" = "999 64 64 1" ] && case $refused in *"version number 999"*) ;; *) exit 1 ;; esac
