"""An apply that goes on after a kill takes up each step as it was begun, and knows what was there before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.scim_directory import Directory, Manners, serving
from tests.support.scim_kills import applied, killed_after_intent, outcome_of
from tests.support.scim_runs import MANAGER, plan

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.scim_runs import Wish

KNOWN: dict[str, Any] = {"forms": {MANAGER: "patch_path", "title": "patch_path"}, "dialect": "patch_path"}


def with_managers(directory: Directory, many: int) -> list[Wish]:
    """People whose title and manager change."""
    directory.add({"id": "old", "userName": "old@x.example", "externalId": "ko"})
    directory.add({"id": "boss", "userName": "boss@x.example", "externalId": "kb"})
    people: list[Wish] = []
    for n in range(many):
        extension = {"manager": {"value": "old"}}
        directory.add({"id": f"p{n}", "userName": f"u{n}@x.example", "externalId": f"k{n}", "title": "Old"})
        directory.users[f"p{n}"][MANAGER.rpartition(":")[0]] = extension
        people.append((f"k{n}", "update", f"p{n}", {"title": ("Old", "New"), MANAGER: ("ko", "kb")}))
    return people


LINKS = {"ko": "old", "kb": "boss"}


@pytest.mark.parametrize("lowers", [False, True])
def test_what_was_sent_together_goes_on_together_though_nothing_is_remembered(tmp_path: Path, *, lowers: bool) -> None:
    def lower(resource: dict[str, Any]) -> None:
        if resource.get("title") == "New":
            resource["title"] = "new"

    with serving(Directory(Manners(alter=lower if lowers else None))) as directory:
        files = plan(tmp_path / "run", directory, with_managers(directory, 1), links=LINKS)
        applied(directory, files, KNOWN)
        killed_after_intent(files, 1)
        sent = len(directory.wrote())
        applied(directory, files)
        row = outcome_of(files)["k0", "update"]
        assert row["result"] == "applied"
        assert row["before"] == {"title": "Old", MANAGER: "ko"}
        assert row["written"] == {"title": "New", MANAGER: "kb"}
        assert len(directory.wrote()) == sent
