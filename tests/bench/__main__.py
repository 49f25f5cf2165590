"""``make bench``: figures beside a floor or a peer of the same run. ``python -m tests.bench [NAME …]`` runs some."""

from __future__ import annotations

import importlib
import os
import pkgutil
import platform
import sys
import time
from pathlib import Path


def main(wanted: list[str]) -> None:
    """Print each bench's rows as they come."""
    names = sorted(
        found.name for found in pkgutil.iter_modules([str(Path(__file__).parent)]) if not found.name.startswith("_")
    )
    sys.stdout.write(f"{os.cpu_count()} cores, Python {platform.python_version()}\n")
    for name in names:
        if wanted and name not in wanted:
            continue
        module = importlib.import_module(f"tests.bench.{name}")
        if not hasattr(module, "run"):
            continue
        begun = time.perf_counter()
        sys.stdout.write(f"\n== {name}\n")
        sys.stdout.flush()
        for what, figure in module.run():
            sys.stdout.write(f"{what:<76} {figure}\n")
            sys.stdout.flush()
        sys.stdout.write(f"   ({time.perf_counter() - begun:.0f} s in all)\n")


if __name__ == "__main__":
    main(sys.argv[1:])
