"""The compiled lists as data: which packages are pinned, for whom, and what each of them asks for."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
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


def _ask(pins: list[str], python: str, platform: str) -> dict[str, dict[str, object]]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--dry-run", "--report", f"{folder}/report.json", "--no-deps", "--ignore-installed"]
        command += ["--only-binary", ":all:", "--target", folder, "--python-version", python, "--platform", platform]
        command += ["--platform", "manylinux2014_x86_64", *pins]
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - pip with pins of ours
        if done.returncode:
            return {}
        report = json.loads(Path(folder, "report.json").read_text(encoding="utf-8"))
    told = [entry["metadata"] for entry in report["install"]]
    return {
        f"{canonicalize_name(one['name'])}=={one['version']}": {
            "requires_python": one.get("requires_python", ""),
            "requires": sorted(one.get("requires_dist", [])),
        }
        for one in told
    }


def write_metadata() -> None:
    """Ask the registry, through pip, what each pin requires, and keep it: no addresses, no hashes."""
    pins = {label(pin): pin for name in LISTS for pin in read_list(name)}
    known = _ask([pin for pin in pins if pins[pin].marker is None and pin.partition("==")[0] != "pip"], *_PLACES[0])
    for pin in sorted(set(pins) - set(known)):
        for place in _PLACES:
            known |= _ask([pin], *place) if pin not in known else {}
    missing = sorted(set(pins) - set(known))
    if missing:
        raise SystemExit(f"No metadata for {len(missing)} pins: {', '.join(missing)}.")
    METADATA.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_metadata()
