"""What the command line answers before any run is touched: wrong words, missing words, and errors as JSON."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.warm_commands import PATIENCE, TRUEUP

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.warm_commands import Warm


def said(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What ``trueup`` says to these words in an empty folder."""
    return subprocess.run([TRUEUP, *words], cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.parametrize(
    "words",
    [(), ("mapping",), ("aply",), ("plan", "--bogus"), ("plan", "--only"), ("approve",), ("sandbox", "--port", "x")],
    ids=" ".join,
)
def test_words_that_do_not_fit_are_usage_and_say_where_to_look(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = said(tmp_path, *words)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("Usage: ")
    assert "--help" in done.stderr


@pytest.mark.parametrize(
    "words",
    [("bogus", "--json"), ("plan", "--json", "--bogus"), ("plan", "--json"), ("apply", "latest", "--json")],
    ids=" ".join,
)
def test_an_error_is_the_one_document_of_json(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = said(tmp_path, *words)
    document = json.loads(done.stdout)
    assert done.returncode == document["exit_code"] == 2
    assert document["error"] in done.stderr
    assert document["remedy"]


@pytest.mark.parametrize("words", [("plan", "--json", "--bogus"), ("runs",), ("verify", "--archive", "--json")])
def test_a_command_forked_off_a_process_that_has_imported_everything_says_the_same(
    tmp_path: Path, warm: Warm, words: tuple[str, ...]
) -> None:
    (tmp_path / "trueup.toml").write_text('[archive]\npath = "runs"\n', encoding="utf-8")
    installed, forked = said(tmp_path, *words), warm.run(words, tmp_path, os.environ)
    assert (installed.returncode, installed.stdout, installed.stderr) == (
        forked.returncode,
        forked.stdout,
        forked.stderr,
    )


def test_an_empty_archive_is_one_document_too(tmp_path: Path) -> None:
    (tmp_path / "trueup.toml").write_text('[archive]\npath = "runs"\n', encoding="utf-8")
    assert json.loads(said(tmp_path, "runs", "--json").stdout) == []
    document = json.loads(said(tmp_path, "verify", "--json").stdout)
    assert set(document) == {"error", "remedy", "exit_code", "refusals"}


def test_what_is_piped_has_no_blanks_at_the_ends_of_lines(tmp_path: Path) -> None:
    for words in (("init",), ("doctor",), ("runs",)):
        lines = said(tmp_path, *words).stdout.split("\n")
        assert lines == [line.rstrip() for line in lines]


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def test_a_prefect_server_that_does_not_answer_is_said_in_words(tmp_path: Path) -> None:
    with socket.socket() as taken, pytest.MonkeyPatch.context() as patch:
        taken.bind(("127.0.0.1", 0))
        patch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{taken.getsockname()[1]}/api")
        code = "from trueup.flows.orchestrator import orchestrator\nwith orchestrator() as server: server.ready()"
        done = python(code, tmp_path)
    assert "PREFECT_API_URL names cannot be reached" in done.stderr


def test_the_temporary_server_starts_in_a_folder_with_flows_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    for name in ("flows/__init__.py", "prefect.py"):
        (tmp_path / name).write_text("raise RuntimeError('somebody else')", encoding="utf-8")
    code = (
        "from trueup.flows.orchestrator import orchestrator\nwith orchestrator() as server: server.ready(); print('up')"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PREFECT_API_URL", raising=False)
        patch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
        done = python(code, tmp_path)
    assert done.stdout == "up\n", done.stderr
