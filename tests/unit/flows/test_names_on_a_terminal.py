"""An error names people by key; who reads it on a terminal sees their names too, a service's log never does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trueup.flows import screen
from trueup.flows.names import named
from trueup.transforms.errors import Misused
from trueup.transforms.run_files import RunFiles

if TYPE_CHECKING:
    from pathlib import Path

SAID = "2 people in run R have that name: a1, profile:7. a12 is somebody else."


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    files = RunFiles(tmp_path / "R")
    files.path.mkdir()
    keys = ["a1", "a12", "profile:7"]
    pq.write_table(pa.table({"key": keys}), files.decisions)
    pq.write_table(pa.table({"key": keys[:2], "displayName": ["Ann Able\x1b[31m", None]}), files.desired)
    pq.write_table(pa.table({"key": keys[2:], "name.givenName": ["Bo"], "name.familyName": ["Bye"]}), files.actual)
    return files


def complained(files: RunFiles, monkeypatch: pytest.MonkeyPatch, *, on_a_terminal: bool) -> Misused:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: on_a_terminal)
    with pytest.raises(Misused) as ended, named(lambda: [files]):
        raise Misused(SAID)
    screen.complain(ended.value)
    return ended.value


def test_a_terminal_shows_the_name_beside_each_key(
    files: RunFiles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = complained(files, monkeypatch, on_a_terminal=True)
    said = capsys.readouterr().err
    assert "have that name: Ann Able\\u001b[31m (a1), Bo Bye (profile:7). a12 is somebody else." in said
    assert str(error) == SAID, "whatever else writes the error down has keys only"


def test_a_log_has_keys_only(
    files: RunFiles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = complained(files, monkeypatch, on_a_terminal=False)
    assert SAID in capsys.readouterr().err
    assert error.names == {}
