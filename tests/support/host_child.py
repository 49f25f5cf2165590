"""A host with an archive in a store: takes a target, announces and sends, as an apply does; told what by its stdin.

``take N FREEZE``: hold the target, then announce and send N groups; before group FREEZE is sent the process stops
itself, exactly between announcement and request. What it sends is one line of the file it was given, as the target
would see it: run, group, and the number of the announcement. It answers ``done`` or ``lost``.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.support.archive_runs import TARGET, settings_in
from trueup.connectors.archive import apply_lock, open_archive
from trueup.connectors.archive.places import place_of
from trueup.transforms.errors import TrueupError


def main(folder: str, address: str, endpoint: str, run_id: str, sink: str) -> None:
    section = {
        "path": address,
        "lease_seconds": 3,
        "options": {"endpoint": endpoint, "access_key_id": "env:STORE_KEY", "secret_access_key": "env:STORE_SECRET"},
    }
    settings = settings_in(Path(folder), archive=section)
    settings = settings.model_copy(update={"target": settings.target.model_copy(update={"timeout_seconds": 0.3})})
    archive = open_archive(settings)
    files = archive.load(run_id).files
    for order in sys.stdin:
        _, groups, freeze = order.split()
        try:
            with apply_lock(archive.path, TARGET, f"apply {run_id}"):
                announce = place_of(archive.path).announcing(files)
                assert announce is not None
                for group in range(int(groups)):
                    line = f'{{"host": "{Path(folder).name}", "group": {group}}}\n'
                    announce(line.encode())
                    if group == int(freeze):
                        sys.stdout.write("frozen\n")
                        sys.stdout.flush()
                        os.kill(os.getpid(), signal.SIGSTOP)
                    with Path(sink).open("a", encoding="utf-8") as requests:
                        requests.write(line)
            said = "done"
        except TrueupError as error:
            said = f"lost: {error.message}"
        sys.stdout.write(f"{said}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
