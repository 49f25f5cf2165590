"""Which rows of a plan are the approver's own: those are not applied on their word alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import Person, archive_in, sealed_run
from trueup.transforms.approval.own_rows import own_rows

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.transforms.history import PriorRun

ANN = "Ann@x.example"


@pytest.fixture
def run(tmp_path: Path) -> PriorRun:
    people = [
        Person("k-1", "update", {"title": ("x", "y")}, user_name=ANN),
        Person("k-2", "create", {"userName": (None, "bob@x.example")}, user_name="bob@x.example"),
        Person("k-3", "hold", user_name="cy@x.example"),
        Person("k-4", "deactivate", {"active": (True, False)}),
        Person("profile:p-5", "delete", user_name=""),
    ]
    return sealed_run(archive_in(tmp_path), people)


@pytest.mark.parametrize(
    ("subject", "login", "own"),
    [
        ("K-1", "", ("k-1",)),
        ("of-another-provider", "ANN@x.example", ("k-1",)),
        ("k-2", ANN, ("k-1", "k-2")),
        ("k-4", "nobody@x.example", ("k-4",)),
        # Not written, or not known by name: nothing is theirs.
        ("k-3", "cy@x.example", ()),
        ("of-another-provider", "", ()),
        ("of-another-provider", "nobody@x.example", ()),
    ],
)
def test_an_approvers_own_rows_are_found_by_object_id_and_by_user_name(
    run: PriorRun, subject: str, login: str, own: tuple[str, ...]
) -> None:
    assert own_rows(run, subject, login) == own


def test_a_run_without_decisions_has_nobodys_rows(run: PriorRun) -> None:
    run.files.decisions.unlink()
    assert own_rows(run, "k-1", ANN) == ()
