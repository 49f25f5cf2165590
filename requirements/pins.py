"""The compiled lists as data: which packages are pinned, for whom, and what each of them asks for."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).resolve().parent
LISTS = ("run", "test", "peer")
METADATA = HERE / "metadata.json"
_PLACES = (
    ("3.12", "manylinux_2_28_x86_64"),
    ("3.13", "manylinux_2_28_x86_64"),
    ("3.11", "manylinux_2_28_x86_64"),
    ("3.12", "win_amd64"),
)
"""Where to ask for a pin's metadata, one after the other: not each has a wheel for each of them."""


def read_list(name: str) -> list[Requirement]:
    """The pins of one list, with their markers, without their hashes."""
    lines = (HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line.removesuffix("\\").strip() for line in lines if line and not line[0].isspace() and line[0] != "#"]
    return [Requirement(line) for line in pinned]


def label(pin: Requirement) -> str:
    """``name==version``, the name in its canonical form."""
    return f"{canonicalize_name(pin.name)}{pin.specifier}"


def _installed() -> dict[str, dict[str, object]]:
    """What stands in the checkout's own environment: most pins need not be asked for."""
    folders = [str(folder) for folder in HERE.parent.glob(".venv*/lib/python*/site-packages")]
    return {
        f"{canonicalize_name(one.metadata['Name'])}=={one.version}": {
            "extras": sorted(one.metadata.get_all("Provides-Extra") or []),
            "requires": sorted(one.requires or []),
            "requires_python": one.metadata.get("Requires-Python") or "",
        }
        for one in distributions(path=folders)
    }


def _ask(pin: str) -> dict[str, dict[str, object]]:
    """Ask the registry, through pip, what one pin requires; nothing is installed."""
    for python, platform in _PLACES:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            command += ["--dry-run", "--report", f"{folder}/report.json", "--no-deps", "--ignore-installed"]
            command += ["--only-binary", ":all:", "--target", folder, "--python-version", python]
            command += ["--platform", platform, "--platform", "manylinux2014_x86_64", pin]
            done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - pip with a pin of ours
            if done.returncode == 0:
                told = json.loads(Path(folder, "report.json").read_text(encoding="utf-8"))["install"][0]["metadata"]
                return {
                    pin: {
                        "extras": sorted(told.get("provides_extra", [])),
                        "requires": sorted(told.get("requires_dist", [])),
                        "requires_python": told.get("requires_python", ""),
                    }
                }
    return {}


def write_metadata() -> None:
    """Keep what each pin requires, without addresses or hashes. Releases never change: only new ones are asked for."""
    pins = {label(pin) for name in LISTS for pin in read_list(name)}
    kept = json.loads(METADATA.read_text(encoding="utf-8")) if METADATA.exists() else {}
    found = _installed() | kept
    known = {pin: found[pin] for pin in pins if pin in found}
    with ThreadPoolExecutor(4) as several:
        for answer in several.map(_ask, sorted(pins - known.keys())):
            known |= answer
    missing = sorted(pins - known.keys())
    if missing:
        raise SystemExit(f"No metadata for {len(missing)} pins: {', '.join(missing)}.")
    METADATA.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_metadata()
