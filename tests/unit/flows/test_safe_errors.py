"""What a step says that ends with an error nobody foresaw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trueup.flows.safe_errors import sanitize_errors
from trueup.transforms.duck.database import connect
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from pathlib import Path


def test_a_run_too_large_for_its_memory_is_told_so(tmp_path: Path) -> None:
    @sanitize_errors("deciding")
    def decide() -> None:
        with connect(spill=tmp_path / "spill", memory="10MB") as connection:
            connection.execute("SELECT list(repeat('x', 1000) || range) FROM range(1_000_000)").fetchall()

    with pytest.raises(Failed, match="not enough memory, .* while deciding") as told:
        decide()
    assert "space on the archive's disk" in told.value.remedy


def test_an_unforeseen_error_is_told_by_its_kind_and_place_alone() -> None:
    @sanitize_errors("deciding")
    def decide() -> None:
        raise ValueError("ann@contoso.example")

    with pytest.raises(Failed, match="An unexpected error occurred while deciding: ValueError at ") as told:
        decide()
    assert "contoso" not in f"{told.value} {told.value.remedy}"
