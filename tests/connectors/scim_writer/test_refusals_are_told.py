"""What the target does not take, and what is not even asked of it: settled, and told for what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.scim_directory import Directory, Manners, Trouble, serving
from tests.support.scim_kills import applied, outcome_of
from tests.support.scim_runs import plan
from trueup.connectors.scim_writer.forms import BY_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.scim_runs import Wish


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


def test_whoever_was_refused_the_only_thing_they_need_is_settled_though_nobody_else_is_written(tmp_path: Path) -> None:
    """The target spoke of what was sent, and nothing speaks against it: that is an answer, and no failure."""
    with serving(Directory(Manners(refuses=frozenset({"title"}), put=False))) as directory:
        directory.add({"id": "p1", "userName": "ada@x.example", "title": "Old"})
        files = plan(tmp_path / "run", directory, [("k1", "update", "p1", {"title": ("Old", "New")})])
        result = applied(directory, files)
        assert (result.applied, result.failed, result.is_partial) == (1, 0, True)
        assert outcome_of(files)["k1", "update"]["result"] == "applied"


def test_a_refusal_that_turns_out_to_be_an_answer_does_not_count_towards_the_limit_of_errors(tmp_path: Path) -> None:
    """One error is allowed: it is left for the one profile that really cannot be read."""
    with serving(Directory(Manners(refuses=frozenset({"title"}), put=False))) as directory:
        wishes: list[Wish] = []
        for n in range(12):
            name = "nickName" if n else "title"
            directory.add({"id": f"p{n:02}", "userName": f"u{n}@x.example", name: "Old"})
            wishes.append((f"k{n:02}", "update", f"p{n:02}", {name: ("Old", "New")}))
        files = plan(tmp_path / "run", directory, wishes)
        directory.fault = lambda _method, path, _number: "403" if path.endswith("/p06") else None
        result = applied(directory, files, concurrency=1, limits={"apply_errors": 1})
        assert (result.interrupted, result.applied, result.failed) == (False, 11, 1)
        assert outcome_of(files)["k00", "update"]["reason"].startswith("title: not taken")


@pytest.mark.parametrize(("refuses", "kind"), [([], "moved"), (["nickName"], "not_kept")])
def test_what_is_refused_for_the_sake_of_another_attribute_is_for_good_only_where_that_one_is(
    tmp_path: Path, refuses: list[str], kind: str
) -> None:
    """The target knows PUT alone, which says the nickname with the title; it is well and takes other people's."""

    def insist(resource: dict[str, Any]) -> None:
        if "nickName" in resource:
            raise Trouble(400, detail="nickName is not supported")

    with serving(Directory(Manners(patch="none"))) as directory:
        directory.add({"id": "p0", "userName": "ada@x.example", "title": "Old"})
        directory.add({"id": "p1", "userName": "bea@x.example", "title": "Old", "nickName": "Bea"})
        changes = {"title": ("Old", "New")}
        files = plan(tmp_path / "run", directory, [(f"k{n}", "update", f"p{n}", changes) for n in (0, 1)])
        directory.manners.alter = insist
        applied(directory, files, {"refuses": refuses})
        rows = outcome_of(files)
        assert rows["k0", "update"]["found"] == {"title": "kept"}
        assert rows["k1", "update"]["found"] == {"title": kind}
        assert rows["k1", "update"]["reason"] == "title: not taken (answered 400: nickName is not supported)"


def test_what_a_put_cannot_say_beside_an_attribute_the_target_never_takes_is_refused_and_has_not_failed(
    tmp_path: Path,
) -> None:
    """Without its nickname the profile would lose it, and with it no PUT is taken: so it stays, tomorrow as well."""

    def refuse(resource: dict[str, Any]) -> None:
        if "nickName" in resource:
            raise Trouble(400, "invalidSyntax", "nickName is not supported")

    with serving(Directory(Manners(patch="none"))) as directory:
        directory.add({"id": "p1", "userName": "ada@x.example", "title": "Old", "nickName": "Ada"})
        directory.add({"id": "p2", "userName": "bob@x.example", "title": "Old"})
        wishes: list[Wish] = [(f"k{n}", "update", f"p{n}", {"title": ("Old", "New")}) for n in (1, 2)]
        files = plan(tmp_path / "run", directory, wishes)
        directory.manners.alter = refuse
        result = applied(directory, files, {"refuses": ["nickName"]})
        assert (result.applied, result.failed, result.is_partial) == (2, 0, True)
        row = outcome_of(files)["k1", "update"]
        assert row["found"] == {"title": "not_kept"}
        assert row["reason"] == "title: not taken (answered 400, invalidSyntax: nickName is not supported)"
        assert directory.users["p1"]["nickName"] == "Ada"
