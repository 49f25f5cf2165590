"""The help of the command line, as a newcomer's terminal shows it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from trueup.flows.commands.cli import app


@pytest.mark.parametrize("words", [["--help"], ["mapping", "--help"]], ids=" ".join)
def test_every_command_is_told_in_one_line_that_is_not_cut_off(words: list[str]) -> None:
    shown = CliRunner().invoke(app, words, env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}).stdout
    listed = shown.partition("Commands:")[2].splitlines()
    assert len(listed) > 4
    assert not [line for line in listed if line.endswith("...")]
