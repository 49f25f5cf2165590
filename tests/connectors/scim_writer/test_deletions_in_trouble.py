"""Somebody who cannot be deleted: tried so often and no more, and told why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.scim_directory import Directory, serving
from tests.support.scim_kills import applied, outcome_of
from tests.support.scim_runs import plan

if TYPE_CHECKING:
    from pathlib import Path


def test_a_deletion_that_fails_each_time_is_given_up_after_four_attempts(tmp_path: Path) -> None:
    with serving(Directory()) as directory:
        directory.add({"id": "p1", "userName": "ada@x.example"})
        files = plan(tmp_path / "run", directory, [("k1", "delete", "p1", {})])
        directory.fault = lambda method, _path, _number: "refuse" if method == "DELETE" else None
        assert applied(directory, files).failed == 1
        row = outcome_of(files)["k1", "delete"]
        assert (row["result"], row["attempts"]) == ("failed", 4)
        assert row["reason"] == "the target answered 500, 4 times"
        assert directory.wrote() == [("DELETE", "/Users/p1")] * 4


@pytest.mark.parametrize(
    ("is_forbidden", "why"), [(True, "answered 403"), (False, "the target answered with another profile")]
)
def test_a_profile_that_cannot_be_read_is_not_deleted_and_it_is_said_why(
    tmp_path: Path, why: str, *, is_forbidden: bool
) -> None:
    with serving(Directory()) as directory:
        directory.add({"id": "p1", "userName": "ada@x.example"})
        files = plan(tmp_path / "run", directory, [("k1", "delete", "p1", {})])
        if is_forbidden:
            directory.fault = lambda _method, path, _number: "403 under legal hold" if path == "/Users/p1" else None
        else:
            directory.manners.ids = "aliased"
            directory.renumber("p1")
        assert applied(directory, files).failed == 1
        assert outcome_of(files)["k1", "delete"]["reason"] == f"the profile could not be read: {why}"
        assert directory.wrote() == []
