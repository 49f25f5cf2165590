#!/bin/sh
# One entry of a list gives a key twice: {"id": "1", "title": "Clerk", "title": "Cook"}.
#
# JSON leaves open what that means; one would guess that readers agree on the last one. orjson, msgspec and Python's json
# take the last. pyarrow's reader refuses, and not the entry but the whole block it stands in, honest rows included, also
# where the key is told to be ignored as one that nobody asked for ... there it is not even looked at.
#
# It matters where a page is read swiftly by Arrow and, only if refused, value by value: a page that both take must mean
# the same, and a single entry written twice makes a page slow, not wrong.
#
# Seen on 2026-11-29 with Python 3.11, pyarrow 26.0.1, orjson 3.13.0 and msgspec 0.23.0.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1 orjson==3.13.0 msgspec==0.23.0
venv/bin/python - <<'PY'
import json

import msgspec
import orjson
import pyarrow as pa
from pyarrow import json as arrow_json

line = b'{"id": "1", "title": "Clerk", "title": "Cook"}'
taken = {name: read(line)["title"] for name, read in
         (("json", json.loads), ("orjson", orjson.loads), ("msgspec", msgspec.json.decode))}
print(taken)


def arrow(body, *names):
    schema = pa.schema([(name, pa.string()) for name in names])
    options = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    try:
        return arrow_json.read_json(pa.BufferReader(body), parse_options=options).num_rows
    except pa.ArrowInvalid as error:
        return str(error)


asked = arrow(b'{"id": "0", "title": "Baker"}\n' + line, "id", "title")
unasked = arrow(b'{"id": "0", "title": "Baker"}\n' + line, "id")
print("pyarrow, asked for the key:", asked)
print("pyarrow, not asked for it:", unasked)
raise SystemExit(set(taken.values()) != {"Cook"} or "specified twice" not in str(asked) or unasked != 2)
PY
