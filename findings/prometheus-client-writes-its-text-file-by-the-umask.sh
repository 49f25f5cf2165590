#!/bin/sh
# Who can read what prometheus_client.write_to_textfile writes?
#
# It is meant for node_exporter's textfile collector, which runs under another account, so one would guess: everybody. In truth
# the mode is whatever the umask leaves: under the 0077 of a careful service the file is 0600 and the exporter cannot open
# it. And a series that was set once stays in its registry: whoever uses the default registry for two targets in one process
# writes the figures of both into each file, which the collector then refuses as given twice.
#
# Seen on 2026-11-29 with Python 3.11 and prometheus-client 0.26.0.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check prometheus-client==0.26.0
venv/bin/python - <<'PY'
import os
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Gauge, write_to_textfile

seen = []
for mask in (0o022, 0o077):
    os.umask(mask)
    registry = CollectorRegistry()
    Gauge("nights", "So many.", registry=registry).set(1)
    path = Path(f"{mask:o}.prom")
    write_to_textfile(str(path), registry)
    seen.append(oct(path.stat().st_mode & 0o777))
    print(f"umask {mask:04o}: {seen[-1]}")

gauge = Gauge("people", "So many.", ["target"])
for target in ("one", "two"):
    gauge.labels(target).set(1)
    write_to_textfile(f"{target}.prom", REGISTRY)
both = 'people{target="one"}' in Path("two.prom").read_text()
print("the second target's file holds the first target too:", both)
raise SystemExit((seen, both) != (["0o644", "0o600"], True))
PY
