#!/bin/sh
# One would guess: to know what a package for another system asks for, one must download and unpack its wheel.
# What happens: `pip install --dry-run --report` with --platform and --python-version tells the whole Requires-Dist of a wheel that
#   could never be installed here, markers of other environments included.
# Versions: pip 25.3, portalocker 3.2.0. Date: 2026-11-29.
# Why it matters here: the test that the lists of pins are closed needs the requirements of each pin for each Python and
#   platform, and must not need a network: `make update` keeps them beside the lists.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1
"$folder/venv/bin/python" -m pip install --quiet pip==25.3
"$folder/venv/bin/python" -m pip install --quiet --dry-run --report "$folder/report.json" --no-deps --ignore-installed \
    --only-binary :all: --target "$folder/none" --python-version 3.12 --platform win_amd64 portalocker==3.2.0
"$folder/venv/bin/python" - "$folder/report.json" <<'PYTHON'
import json, sys
found = json.load(open(sys.argv[1]))["install"][0]["metadata"]["requires_dist"]
print("\n".join(found))
sys.exit(not any("pywin32" in line and "win" in line for line in found))
PYTHON
[ ! -e "$folder/none/portalocker" ] && echo "Nothing was installed."
