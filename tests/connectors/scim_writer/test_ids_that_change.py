"""Directories that give a profile another id when it is written, or from one night to the next: it is followed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.support.first_night import profile_before
from tests.support.plan_world import user
from tests.support.scim_directory import ENTERPRISE, Directory, serving
from tests.support.scim_nights import MANAGER, Nights, writes
from trueup.connectors.archive.journal import read_journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.scim_nights import Night

KINDS = [("written", True), ("aliased", False)]


@pytest.fixture
def directory() -> Iterator[Directory]:
    """Boss, Ann and Bea, and somebody nobody at the source knows."""
    with serving(Directory()) as directory:
        for key in ("boss", "ann", "bea", "stranger"):
            directory.add(profile_before(key, id=f"first-{key}"))
        yield directory


def known(directory: Directory) -> dict[str, dict[str, Any]]:
    """Key → profile; every manager in it by key."""
    whose = {profile_id: str(held["externalId"]) for profile_id, held in directory.users.items()}
    found = {}
    for held in directory.users.values():
        one = json.loads(json.dumps(held))
        if manager := one.get(ENTERPRISE, {}).get("manager"):
            manager["value"] = whose[manager["value"]]
        found[whose[one.pop("id")]] = one
    return found


def links(night: Night) -> dict[str, str]:
    """Key → profile id, as ``outcome.parquet`` leaves them."""
    rows = pq.read_table(night.planned.files.outcome, columns=["key", "profile_id"]).to_pylist()
    return {row["key"]: row["profile_id"] for row in rows}


def nights_of(folder: Path, directory: Directory) -> Nights:
    return Nights(folder, directory.url, [user("boss"), user("ann", manager="boss"), user("bea", manager="boss")])


@pytest.mark.parametrize(("ids", "body"), KINDS)
def test_a_profile_that_got_another_id_is_followed_into_the_next_night_and_back(
    tmp_path: Path, directory: Directory, ids: str, *, body: bool
) -> None:
    directory.manners.ids, directory.manners.body = ids, body
    stranger = dict(directory.users["first-stranger"])
    nights = nights_of(tmp_path, directory)
    first = nights.night()
    assert (first.result.applied, first.residual) == (3, {})
    assert all("the target gave the profile another id" in row["reason"] for row in first.result.records)
    assert first.result.errors == [
        "This target gives profiles another id when they are written; links and references follow."
    ]
    now = {str(held["externalId"]): profile_id for profile_id, held in directory.users.items()}
    assert links(first) == {key: now[key] for key in ("boss", "ann", "bea")}
    before = known(directory)
    nights.users[0] |= {"jobTitle": "Chief"}
    nights.users[1] |= {"jobTitle": "Head", "manager": "bea"}
    changed = nights.night()
    assert set(changed.planned.changes) == {("boss", "title"), ("ann", "title"), ("ann", MANAGER)}
    assert {row["matched_by"] for row in changed.planned.rows("links")} == {"link"}
    assert (changed.result.applied, changed.result.failed, changed.residual) == (2, 0, {})
    assert all(cause == "source_changed" for cause in changed.planned.causes.values())
    assert known(directory)["ann"][ENTERPRISE]["manager"]["value"] == "bea"
    # What our writes moved along is no damage of theirs: nothing is put back, least of all an id nobody has.
    assert not [row for row in changed.result.records if row["operation"] == "restore"]
    after = pq.read_table(changed.planned.files.target_after, columns=["id", "title"]).to_pylist()
    assert {row["id"]: row["title"] for row in after} == {
        links(changed)["boss"]: "Chief",
        links(changed)["ann"]: "Head",
    }
    back = nights.roll_back(changed.run)
    assert (back.result.applied, back.residual) == (2, {})
    assert known(directory) == before
    assert directory.users["first-stranger"] == stranger


@pytest.mark.parametrize(("ids", "body"), KINDS)
def test_a_leaver_whose_profile_got_another_id_was_not_deleted_by_it(
    tmp_path: Path, directory: Directory, ids: str, *, body: bool
) -> None:
    directory.manners.ids, directory.manners.body = ids, body
    nights = nights_of(tmp_path, directory)
    nights.night()
    nights.users[2]["accountEnabled"] = False
    left = nights.night()
    assert (left.result.applied, left.residual) == (1, {})
    assert known(directory)["bea"]["active"] is False
    assert left.result.details["deactivation_deletes"] is False
    nights.roll_back(left.run)
    assert known(directory)["bea"]["active"] is True


def test_ids_made_of_user_names_that_are_swapped_stay_whose_they_are(tmp_path: Path, directory: Directory) -> None:
    directory.manners.ids = "named"
    for profile_id in list(directory.users):
        directory.renumber(profile_id)
    nights = nights_of(tmp_path, directory)
    nights.night()
    before = known(directory)
    nights.users[1]["userPrincipalName"], nights.users[2]["userPrincipalName"] = "bea@x.example", "ann@x.example"
    swapped = nights.night()
    assert (swapped.result.applied, swapped.residual) == (2, {})
    assert links(swapped) == {"ann": "bea@x.example", "bea": "ann@x.example"}
    found = known(directory)
    assert (found["ann"]["userName"], found["bea"]["userName"]) == ("bea@x.example", "ann@x.example")
    assert writes(nights.plan()) == {}
    nights.roll_back(swapped.run)
    assert known(directory) == before


def test_an_apply_killed_over_a_write_finds_the_profile_again(tmp_path: Path, directory: Directory) -> None:
    directory.manners.ids = "written"
    nights = nights_of(tmp_path, directory)
    nights.night()
    nights.users[1]["jobTitle"] = "Head"
    planned = nights.plan()
    cut = nights.apply(planned)
    files = planned.files
    lines = files.journal.read_bytes().splitlines(keepends=True)
    intent = next(n for n, line in enumerate(lines) if json.loads(line)["event"] == "intent")
    files.journal.write_bytes(b"".join(lines[: intent + 1]))
    for path in (files.outcome, files.target_after):
        path.unlink()
    nights.world.runs.remove(cut.run)
    sent = len(directory.wrote())
    again = nights.apply(planned)
    assert (again.result.applied, again.residual) == (1, {})
    assert len(directory.wrote()) == sent
    assert links(again)["ann"] in directory.users
    settled = [record for record in read_journal(files.journal) if record["event"] == "settled"]
    assert [(record["was"], record["profile_id"]) for record in settled] == [
        (planned.rows("decisions")[0]["profile_id"], links(again)["ann"])
    ]


def test_a_profile_that_answers_no_more_once_written_is_failed_and_nothing_is_concluded(
    tmp_path: Path, directory: Directory
) -> None:
    def vanish(resource: dict[str, Any]) -> None:
        if resource.get("title") == "Head":
            resource |= {"externalId": "somebody-else", "userName": "somebody@x.example"}

    directory.manners.ids = "written"
    nights = nights_of(tmp_path, directory)
    nights.night()
    directory.manners.alter = vanish
    nights.users[1]["jobTitle"] = "Head"
    lost = nights.night()
    assert [(row["key"], row["result"], row["reason"]) for row in lost.result.records] == [
        ("ann", "failed", "the profile does not answer since it was written, nor is it found")
    ]
    assert pq.read_table(lost.planned.files.outcome).to_pylist()[0]["found"] == []
    assert lost.result.dialect["not_kept"] == []


def test_somebody_gone_for_good_is_known_by_their_externalid_when_the_list_shows_another_id(
    tmp_path: Path, directory: Directory
) -> None:
    nights = nights_of(tmp_path, directory)
    nights.night()
    for profile_id in list(directory.users):
        directory.renumber(profile_id)
    nights.users = [one for one in nights.users if one["id"] != "bea"]
    nights.world.absent = [("bea", "deleted")]
    gone = nights.night()
    assert writes(gone.planned) == {"bea": "deactivate"}
    assert gone.planned.causes == {("bea", "active"): "source_changed"}
    found = known(directory)
    assert (found["bea"]["active"], found["stranger"]["active"], found["ann"]["active"]) == (False, True, True)
    assert gone.planned.codes[f"profile:{next(p for p, u in directory.users.items() if u['externalId'] == 'stranger')}"]


def test_a_reference_to_a_profile_whose_id_the_target_forgot_is_written_again(
    tmp_path: Path, directory: Directory
) -> None:
    directory.manners.ids = "written"
    nights = nights_of(tmp_path, directory)
    nights.night()
    boss = next(p for p, held in directory.users.items() if held["externalId"] == "boss")
    nights.users[0]["jobTitle"] = "Chief"
    directory.manners.follows = False
    changed = nights.night()
    assert boss not in directory.users
    again = nights.night()
    assert writes(again.planned) == {"ann": "update", "bea": "update"}
    assert {attribute for _, attribute in again.planned.changes} == {MANAGER}
    assert changed.result.applied == 1
    assert known(directory)["ann"][ENTERPRISE]["manager"]["value"] == "boss"


def test_a_reference_the_target_moves_along_while_somebody_is_written_is_not_put_back(
    tmp_path: Path, directory: Directory
) -> None:
    nights = nights_of(tmp_path, directory)
    nights.night()

    def boss_moves(method: str, path: str, _number: int) -> None:
        if method == "PATCH" and "first-boss" in directory.users:
            directory.renumber("first-boss")

    directory.fault = boss_moves
    nights.users[1]["jobTitle"] = "Head"
    night = nights.night()
    assert [(row["key"], row["operation"], row["result"]) for row in night.result.records] == [
        ("ann", "update", "applied")
    ]
    assert known(directory)["ann"][ENTERPRISE]["manager"]["value"] == "boss"


def test_where_no_externalid_is_kept_a_profile_is_known_by_its_user_name(tmp_path: Path, directory: Directory) -> None:
    directory.manners.ids, directory.manners.drops = "written", frozenset({"externalId"})
    for held in directory.users.values():
        del held["externalId"]
    nights = Nights(tmp_path, directory.url, [user("ann"), user("bea")])
    first = nights.night()
    assert (first.result.applied, set(first.residual.values()) - {"not_kept"}) == (2, set())
    nights.users[0]["userPrincipalName"] = "anna@x.example"
    night = nights.night()
    assert links(night)["ann"] in directory.users
    assert directory.users[links(night)["ann"]]["userName"] == "anna@x.example"
    assert {held["userName"] for held in directory.users.values()} >= {"bea@x.example", "stranger@x.example"}
