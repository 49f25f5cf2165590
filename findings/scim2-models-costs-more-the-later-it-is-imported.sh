#!/bin/sh
# Importing scim2-models first, or after much else.
#
# One would guess that it costs the same. But its models take their descriptions from their docstrings, for which
# pydantic reads the source of each class as it is made, and Python looks for the module a source belongs to among all
# modules that are there: each module's path is made real once, and the whole list is gone through again for each class
# of a module that is still being imported. After Prefect, some thousand modules, it costs half as much again.
#
# It matters where a command should answer at once: import it before what is large.
#
# Seen on 2026-11-30 with Python 3.11, scim2-models 0.12.3, pydantic 2.14.3 and pandas 3.1.1.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check scim2-models==0.12.3 pydantic==2.14.3 pandas==3.1.1
cat >cost.py <<'PY'
import inspect
import os.path
import sys
import time

for name in sys.argv[1:]:
    __import__(name)
paths, looked, real, find = 0, 0, os.path.realpath, inspect.getmodule


def realpath(*args, **kwargs):
    global paths
    paths += 1
    return real(*args, **kwargs)


def getmodule(*args, **kwargs):
    global looked
    looked += 1
    return find(*args, **kwargs)


os.path.realpath, inspect.getmodule = realpath, getmodule
begun, there = time.process_time(), len(sys.modules)
import scim2_models

print(f"{there} modules before: {looked} look-ups, {paths} paths made real, {time.process_time() - begun:.2f} s", file=sys.stderr)
print(paths)
PY
first=$(venv/bin/python cost.py)
later=$(venv/bin/python cost.py pandas)
echo "Paths made real: $first when imported first, $later after pandas."
test "$later" -gt $((first + 200))
