#!/bin/sh
# A workbook of openpyxl, saved to memory.
#
# One would guess that Workbook(write_only=True).save(BytesIO()) touches no disk. What happens is that each sheet is written, uncompressed and in
# clear, to a file "openpyxl.…" in the system's temporary folder as its rows are appended, and is only copied into the ZIP by save(). The file
# is removed then, or when the interpreter ends by itself: a process that is killed in between leaves every row that was appended, for good.
# A workbook that is not write-only does the same for the length of save().
#
# It matters where a report about people may lie nowhere but where somebody asked for it: what reads the archive is encrypted, and the
# temporary folder is not.
#
# Seen on 2026-11-30 with Python 3.11 and openpyxl 3.1.5.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check openpyxl==3.1.5
mkdir temp
cat > book.py <<'PY'
import io
import os
import pathlib
import signal
import sys

import openpyxl

book = openpyxl.Workbook(write_only=True)
sheet = book.create_sheet("People")
for number in range(5000):
    sheet.append([f"Ann Example {number}"])
if sys.argv[1] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
seen = [one.name.startswith("openpyxl.") and b"Ann Example" in one.read_bytes() for one in pathlib.Path("temp").iterdir()]
book.save(io.BytesIO())
print(seen)
PY
during=$(TMPDIR="$work/temp" venv/bin/python book.py saved)
after=$(ls temp | wc -l)
TMPDIR="$work/temp" venv/bin/python book.py killed || true
left=$(grep -l "Ann Example" temp/openpyxl.* | wc -l)
echo "before save(), a file of the sheet in clear: $during; after it: $after files; after a kill: $left file with rows in clear"
[ "$during" = "[True]" ] && [ "$after" -eq 0 ] && [ "$left" -eq 1 ]
