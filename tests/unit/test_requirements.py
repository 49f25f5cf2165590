"""The compiled lists are complete for every supported Python and platform: they are installed without resolving."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.11.0", "3.11.7", "3.12.1", "3.13.0", "3.14.0")
PLATFORMS = {
    "Linux x86_64": ("linux", "Linux", "x86_64"),
    "Linux aarch64": ("linux", "Linux", "aarch64"),
    "macOS arm64": ("darwin", "Darwin", "arm64"),
    "macOS x86_64": ("darwin", "Darwin", "x86_64"),
}
METADATA: dict[str, dict[str, Any]] = json.loads((CHECKOUT / "requirements/metadata.json").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))


def environment(python: str, platform: str) -> dict[str, str]:
    """What markers see there; nothing is taken from the interpreter that runs the test."""
    system, name, machine = PLATFORMS[platform]
    told = {
        "implementation_name": "cpython",
        "implementation_version": python,
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": name,
        "platform_version": "",
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "sys_platform": system,
    }
    assert told.keys() == default_environment().keys()
    return told


def lines_of(name: str) -> list[str]:
    lines = (CHECKOUT / f"requirements/{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line.removesuffix("\\").strip() for line in lines if line and line[0] not in " #"]


def asked_for(name: str) -> list[str]:
    groups = PROJECT["dependency-groups"]
    if name == "peer":
        lines = (CHECKOUT / "requirements/peer.in").read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line and not line.startswith("#")]
    asked: list[str] = PROJECT["project"]["dependencies"] + groups["build"] + (groups["test"] if name == "test" else [])
    return asked


def applies(requirement: Requirement, there: dict[str, str], extras: set[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate(there | {"extra": extra}) for extra in extras | {""})


def gaps(asked: list[str], lines: list[str], there: dict[str, str]) -> list[str]:
    """What an installation of exactly these lines would lack there, in words."""
    pins: dict[str, str] = {}
    found: list[str] = []
    for pin in map(Requirement, lines):
        if applies(pin, there, set()):
            name, version = canonicalize_name(pin.name), str(pin.specifier).removeprefix("==")
            if name in pins:
                found.append(f"{name} is pinned twice")
            pins[name] = version
            if not SpecifierSet(METADATA[f"{name}=={version}"]["requires_python"] or "").contains(
                there["python_full_version"]
            ):
                found.append(f"{name} {version} does not support this Python")
    waiting = [("the project", line, frozenset({""})) for line in asked]
    seen: set[tuple[str, str, frozenset[str]]] = set()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        who, line, extras = one
        requirement = Requirement(line)
        if not applies(requirement, there, set(extras)):
            continue
        name = canonicalize_name(requirement.name)
        if name not in pins:
            found.append(f"{who} needs {name}, which is not pinned")
        elif not requirement.specifier.contains(pins[name], prereleases=True):
            found.append(f"{who} needs {requirement}, pinned is {pins[name]}")
        else:
            wanted = frozenset(requirement.extras)
            waiting += [(name, more, wanted) for more in METADATA[f"{name}=={pins[name]}"]["requires"]]
    return found


@pytest.mark.parametrize("name", ["run", "test", "peer"])
def test_each_list_is_closed_for_every_supported_python_and_platform(name: str) -> None:
    lines, asked = lines_of(name), asked_for(name)
    for python in PYTHONS:
        for platform in PLATFORMS:
            assert gaps(asked, lines, environment(python, platform)) == [], f"{name} on {platform}, Python {python}"


def test_a_python_is_supported_as_soon_as_every_pin_supports_it_and_no_sooner() -> None:
    said = SpecifierSet(PROJECT["project"]["requires-python"])
    lines, asked = lines_of("run"), asked_for("run")
    for minor in range(11, 20):
        python = f"3.{minor}.0"
        is_supported = gaps(asked, lines, environment(python, "Linux x86_64")) == []
        assert said.contains(python) == is_supported, python
        assert any(one.startswith(f"3.{minor}.") for one in PYTHONS) == is_supported, python


def test_a_pin_taken_out_is_missed_and_so_is_one_whose_marker_is_too_narrow() -> None:
    lines, asked, there = lines_of("run"), asked_for("run"), environment("3.13.0", "macOS arm64")
    without = [line for line in lines if not line.startswith("email-validator==")]
    assert len(without) == len(lines) - 1
    assert any("email-validator, which is not pinned" in gap for gap in gaps(asked, without, there))
    narrow = [line.replace("python_full_version >= '3.12'", "python_full_version >= '3.14'") for line in lines]
    assert any("numpy, which is not pinned" in gap for gap in gaps(asked, narrow, there))


def test_the_kept_metadata_is_that_of_the_pins() -> None:
    pins = [Requirement(line) for name in ("run", "test", "peer") for line in lines_of(name)]
    assert METADATA.keys() == {f"{canonicalize_name(pin.name)}{pin.specifier}" for pin in pins}
