"""Modules that are loaded when something of them is used, and then are what they would have been."""

from __future__ import annotations

import subprocess
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from trueup.expectations.later import load_later

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with a submodule that says when it is loaded."""
    name = f"later_{tmp_path.name.replace('-', '_')}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / name / "slow.py").write_text(
        "import pathlib\n"
        "with pathlib.Path(__file__).with_name('loaded').open('a') as log:\n    log.write('x')\n"
        "answer = 42\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    return name


def times_loaded(tmp_path: Path, name: str) -> int:
    log = tmp_path / name / "loaded"
    return len(log.read_text("utf-8")) if log.exists() else 0


def test_an_import_loads_nothing_and_a_use_loads_once(package: str, tmp_path: Path) -> None:
    load_later(f"{package}.slow")
    module = import_module(f"{package}.slow")
    assert not hasattr(module, "__warningregistry__")
    assert times_loaded(tmp_path, package) == 0
    seen: list[int] = []
    using = [threading.Thread(target=lambda: seen.append(module.answer)) for _ in range(8)]
    for one in using:
        one.start()
    for one in using:
        one.join()
    assert seen == [42] * 8
    assert times_loaded(tmp_path, package) == 1
    assert import_module(f"{package}.slow").__dict__["answer"] == 42, "who imports it now gets the module itself"
    with pytest.raises(AttributeError):
        _ = module.nothing


def test_what_is_loaded_or_not_there_is_left_alone(package: str) -> None:
    real = import_module(f"{package}.slow")
    load_later(f"{package}.slow", f"{package}.missing")
    assert sys.modules[f"{package}.slow"] is real
    assert f"{package}.missing" not in sys.modules


def test_great_expectations_works_without_drawing_and_with_distributions() -> None:
    code = """
import sys
from trueup.expectations.telemetry import load
load()
assert "altair.vegalite" not in sys.modules and "scipy.stats._stats_py" not in sys.modules
import great_expectations as gx, pandas as pd
from trueup.expectations.evaluation import evaluate, placed
from trueup.expectations.telemetry import quiet_context
kind = gx.expectations.ExpectColumnKLDivergenceToBeLessThan
half = {"values": ["a", "b"], "weights": [0.5, 0.5]}
wanted = kind(column="x", partition_object=half, threshold=0.1, meta={"check": "own"})
rows = pd.DataFrame({"key": ["1", "2"], "x": ["a", "b"]})
print(evaluate(quiet_context(), "own", rows, placed([wanted]), lambda _: False).measured[0].success)
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr
