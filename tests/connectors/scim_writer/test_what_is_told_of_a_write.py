"""What journal and outcome say of a write: what the target made of it, and of what kind its refusal was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from tests.support.scim_directory import Directory, Manners, Trouble, serving
from tests.support.scim_kills import applied, outcome_of
from tests.support.scim_runs import plan
from trueup.connectors.archive.journal import read_journal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.scim_runs import Wish


def titled(directory: Directory, many: int) -> list[Wish]:
    for n in range(many):
        directory.add({"id": f"p{n}", "userName": f"u{n}@x.example", "title": "Old"})
    return [(f"k{n}", "update", f"p{n}", {"title": ("Old", "New")}) for n in range(many)]


def test_the_outcome_says_what_the_target_made_of_each_value(tmp_path: Path) -> None:
    def shout(resource: dict[str, Any]) -> None:
        resource["title"] = resource["title"].upper()

    with serving(Directory()) as directory:
        files = plan(tmp_path / "run", directory, titled(directory, 1))
        directory.manners.alter = shout
        result = applied(directory, files)
        assert (result.applied, result.details["requests"]["PATCH"]) == (1, 1)
        [row] = pq.read_table(files.outcome).to_pylist()
        assert row["found"] == [{"attribute": "title", "value": '"NEW"', "class": "normalised"}]


def test_the_journal_says_of_what_kind_a_refusal_was_and_nothing_of_that_where_there_was_none(tmp_path: Path) -> None:
    with serving(Directory(Manners(refuses=frozenset({"nickName"}), put=False))) as directory:
        [(key, kind, profile, changes)] = titled(directory, 1)
        files = plan(tmp_path / "run", directory, [(key, kind, profile, changes | {"nickName": (None, "Ada")})])
        assert applied(directory, files).applied == 1
        answers = [event for event in read_journal(files.journal) if event["event"] == "answer"]
        told = {event["status"]: event.get("scim_type") for event in answers}
        assert told == {400: "invalidValue", 501: None, 200: None}
        assert all(bool(event.get("scim_type")) is ("scim_type" in event) for event in answers)


def test_a_write_a_well_server_is_too_busy_for_is_given_up_after_four_attempts(tmp_path: Path) -> None:
    def busy(resource: dict[str, Any]) -> None:
        if resource["id"] == "p1":
            raise Trouble(503)

    with serving(Directory()) as directory:
        files = plan(tmp_path / "run", directory, titled(directory, 2))
        directory.manners.alter = busy
        result = applied(directory, files, concurrency=1)
        assert (result.applied, result.failed) == (1, 1)
        row = outcome_of(files)["k1", "update"]
        assert (row["reason"], row["attempts"]) == ("the target answered 503, 4 times", 4)
        assert directory.wrote().count(("PATCH", "/Users/p1")) == 4


def test_a_request_that_a_target_not_known_yet_fails_on_is_not_sent_again_as_it_was(tmp_path: Path) -> None:
    def stumble(resource: dict[str, Any]) -> None:
        if resource["title"] == "New":
            raise Trouble(500)

    with serving(Directory()) as directory:
        files = plan(tmp_path / "run", directory, titled(directory, 1))
        directory.manners.alter = stumble
        applied(directory, files)
        assert [method for method, _ in directory.wrote()] == ["PATCH", "PATCH", "PUT"], "each form once"
