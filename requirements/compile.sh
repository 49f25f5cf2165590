#!/bin/sh
# Compile the pinned, hashed requirement lists from pyproject.toml (needs uv on PATH).
# No index addresses are written: which registry serves the files is the machine's business.
set -eu
cd "$(dirname "$0")/.."
flags="--universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet"
# shellcheck disable=SC2086
uv pip compile $flags "$@" pyproject.toml --group build -o requirements/run.txt
# shellcheck disable=SC2086
uv pip compile $flags "$@" pyproject.toml --group build --group test -c requirements/run.txt -o requirements/test.txt
# shellcheck disable=SC2086
uv pip compile $flags "$@" requirements/peer.in -o requirements/peer.txt
