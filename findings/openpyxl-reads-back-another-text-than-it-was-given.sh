#!/bin/sh
# Texts written into a sheet by openpyxl and read again: by openpyxl, and by calamine.
#
# One would guess that text comes back as it was, whoever reads it. "#N/A" becomes an error value: openpyxl still gives
# the text, calamine an empty cell. A carriage return within a text comes back as a line end from openpyxl, and as it was
# from calamine. None of it is said when writing.
#
# It matters where a report goes out as a spreadsheet and comes back as a source or a backup: a title of "#N/A" is another
# one afterwards, and which depends on who reads.
#
# Seen on 2026-11-29 with Python 3.11, openpyxl 3.1.5 and python-calamine 0.4.0.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check openpyxl==3.1.5 python-calamine==0.4.0
venv/bin/python - <<'PY'
import openpyxl
import python_calamine

given = ["Clerk", "#N/A", "a\rb"]
book = openpyxl.Workbook()
for number, text in enumerate(given, 1):
    book.active.cell(number, 1).value = text
book.save("book.xlsx")
ours = [row[0].value for row in openpyxl.load_workbook("book.xlsx").active.iter_rows()]
theirs = [row[0] for row in python_calamine.load_workbook("book.xlsx").get_sheet_by_index(0).to_python()]
for three in zip(given, ours, theirs):
    print("given {!r}: openpyxl {!r}, calamine {!r}".format(*three))
raise SystemExit(ours != ["Clerk", "#N/A", "a\nb"] or theirs != ["Clerk", "", "a\rb"])
PY
