"""Renew the pins of all lists and say what changed. Run by ``make update``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pins import HERE, LISTS, label, read_list, write_metadata


def _versions(name: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for pin in read_list(name):
        package, _, version = label(pin).partition("==")
        found.setdefault(package, []).append(version)
    return {package: " and ".join(sorted(versions)) for package, versions in found.items()}


def main() -> None:
    """Compile the lists anew, keep the pins' metadata, print old and new versions."""
    before = {name: _versions(name) for name in LISTS}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = ["sh", str(HERE / "compile.sh"), "--upgrade"]
    subprocess.run(script, check=True, env=os.environ | {"PATH": path})  # noqa: S603 - our own script
    write_metadata()
    for name in LISTS:
        old, new = before[name], _versions(name)
        changed = [package for package in sorted(old | new) if old.get(package) != new.get(package)]
        print(f"requirements/{name}.txt: {len(changed)} of {len(new)} packages changed")
        for package in changed:
            print(f"  {package}  {old.get(package, 'new')} → {new.get(package, 'gone')}")


if __name__ == "__main__":
    main()
