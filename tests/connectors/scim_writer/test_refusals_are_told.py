"""What the target does not take, and what is not even asked of it: settled, and told for what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.scim_directory import Directory, Manners, Trouble, serving
from tests.support.scim_kills import applied, outcome_of
from tests.support.scim_runs import plan
from trueup.connectors.scim_writer.forms import BY_NAME

if TYPE_CHECKING:
    from pathlib import Path


def test_whoever_needs_only_what_no_form_writes_without_harm_is_settled_and_has_not_failed(tmp_path: Path) -> None:
    harms = {name: {"title": "takes_away"} for name in BY_NAME}
    with serving(Directory()) as directory:
        directory.add({"id": "p1", "userName": "ada@x.example", "title": "Old"})
        files = plan(tmp_path / "run", directory, [("k1", "update", "p1", {"title": ("Old", "New")})])
        result = applied(directory, files, {"harms": harms})
        assert (result.applied, result.failed, result.is_partial) == (1, 0, True)
        why = "title: not taken (every way of writing it takes something else away)"
        assert outcome_of(files)["k1", "update"]["reason"] == why
        assert directory.wrote() == []


def test_a_target_that_calls_an_attribute_not_implemented_is_heard_over_one_that_has_no_such_method(
    tmp_path: Path,
) -> None:
    def refuse(resource: dict[str, Any]) -> None:
        if resource["title"] != "Old":
            raise Trouble(501, detail="title is not supported here")

    with serving(Directory(Manners(patch="none"))) as directory:
        directory.add({"id": "p1", "userName": "ada@x.example", "title": "Old"})
        files = plan(tmp_path / "run", directory, [("k1", "update", "p1", {"title": ("Old", "New")})])
        directory.manners.alter = refuse
        applied(directory, files)
        why = "title: not taken (answered 501: title is not supported here)"
        assert outcome_of(files)["k1", "update"]["reason"] == why
