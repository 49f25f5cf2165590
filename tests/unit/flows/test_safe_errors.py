"""What a step says that ends with an error nobody foresaw."""

from __future__ import annotations

import duckdb
import pytest

from trueup.flows import unforeseen
from trueup.flows.safe_errors import sanitize_errors
from trueup.transforms.errors import Failed


def test_a_run_too_large_for_its_memory_is_told_so() -> None:
    @sanitize_errors("deciding")
    def decide() -> None:
        with duckdb.connect(config={"memory_limit": "10MB", "temp_directory": ""}) as connection:
            connection.execute("SELECT list(repeat('x', 1000) || range) FROM range(1_000_000)").fetchall()

    with pytest.raises(Failed, match="not enough memory while deciding") as told:
        decide()
    assert "space on the archive's disk" in told.value.remedy


def test_an_unforeseen_error_is_told_by_its_kind_and_place_alone() -> None:
    @sanitize_errors("deciding")
    def decide() -> None:
        raise ValueError("ann@contoso.example")

    with pytest.raises(Failed, match="An unexpected error occurred while deciding: ValueError at ") as told:
        decide()
    assert "contoso" not in f"{told.value} {told.value.remedy}"


def test_a_command_of_no_step_says_the_same() -> None:
    assert unforeseen.told(MemoryError()).message.startswith("There was not enough memory, nor room on the disk")
    assert unforeseen.told(ValueError("ann")).message == "An unexpected error occurred: ValueError at an unknown place."
