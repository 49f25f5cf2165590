"""Prefect is made ready on machines that lack something, and keeps nothing whatever an office sets for its flows."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import pytest

from trueup.flows.orchestrator import Orchestrator
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from pathlib import Path


def nobody(_number: int) -> pwd.struct_passwd:
    raise KeyError("no such user")


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A container's user: in no list of users and without HOME. The server is taken to run elsewhere."""
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in ("PREFECT_LOGGING_TO_API_ENABLED", "PREFECT_RESULTS_PERSIST_BY_DEFAULT"):
        monkeypatch.setenv(name, "true")
    for name in ("PREFECT_RUNNER_POLL_FREQUENCY", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"):
        monkeypatch.setenv(name, "600")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("HOME", "unset below, restored afterwards")
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    return monkeypatch


def test_a_user_without_a_home_folder_is_told_which_variable_helps(homeless: pytest.MonkeyPatch) -> None:
    with pytest.raises(Failed, match="no home folder") as failed:
        Orchestrator()
    assert "PREFECT_HOME" in failed.value.remedy


def test_prefects_folder_stands_for_a_home_that_is_missing(homeless: pytest.MonkeyPatch, tmp_path: Path) -> None:
    homeless.setenv("PREFECT_HOME", str(tmp_path))
    Orchestrator()
    assert os.environ["HOME"] == str(tmp_path)


def test_neither_logs_nor_results_are_kept_and_the_clock_is_ours_whatever_the_environment_says(
    homeless: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    homeless.setenv("HOME", str(tmp_path))
    Orchestrator()
    assert os.environ["PREFECT_LOGGING_TO_API_ENABLED"] == "false"
    assert os.environ["PREFECT_RESULTS_PERSIST_BY_DEFAULT"] == "false"
    assert int(os.environ["PREFECT_RUNNER_POLL_FREQUENCY"]) <= 5, "a night begins within seconds of its tick"
    assert int(os.environ["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]) == 30, "by these a lost run is found out"
