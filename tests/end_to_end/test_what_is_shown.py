"""Output that goes nowhere, to a full disk, to half a reader, or to a screen that cannot show it, breaks nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TRUEUP = str(Path(sys.executable).parent / "trueup")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "trueup.toml").write_text('[archive]\npath = "runs"\n', encoding="utf-8")
    return tmp_path


def shell(folder: Path, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", f"set -o pipefail; {line}".replace("trueup ", f"{TRUEUP} ")]
    own = {**os.environ, **environment}
    return subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("line", ["trueup runs >&-", "trueup runs --json >&-", "trueup runs --json | true"])
def test_nobody_has_to_listen(folder: Path, line: str) -> None:
    done = shell(folder, line)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_error_nobody_hears_keeps_its_exit_code(folder: Path) -> None:
    done = shell(folder, "trueup show latest >&- 2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


@pytest.mark.parametrize("line", ["trueup runs > /dev/full", "trueup runs --json > /dev/full"])
def test_output_that_cannot_be_written_is_a_failure_in_words(folder: Path, line: str) -> None:
    done = shell(folder, line)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "unexpected error" not in done.stderr


def test_letters_a_terminal_lacks_are_spelt_out(folder: Path) -> None:
    (folder / "trueup.toml").write_text('[archive]\npath = "gelöscht"\n', encoding="utf-8")
    done = shell(folder, "trueup doctor", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 1, done.stderr
    assert "\\u2192" in done.stdout
    assert "gel\\xf6scht" in done.stdout


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Path.mkdir, "There is no configuration in the folder"),
        (lambda place: place.write_bytes(b"[archive]\npath = '\xff\xfe'\n"), "UTF-8"),
        (lambda place: place.write_text("[archive\n", encoding="utf-8"), "not valid TOML"),
        (Path.exists, "no configuration file"),
    ],
    ids=["a folder", "not UTF-8", "not TOML", "not there"],
)
def test_a_configuration_that_is_none_is_usage(tmp_path: Path, make: object, words: str) -> None:
    assert callable(make)
    make(tmp_path / "odd.toml")
    done = shell(tmp_path, "trueup runs --config odd.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "odd.toml" in done.stderr
