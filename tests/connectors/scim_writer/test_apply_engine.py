"""Applying a plan to a directory over HTTP."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.support.scim_directory import ENTERPRISE, Directory, Manners, Trouble, serving
from tests.support.scim_runs import DEPARTMENT, MANAGER, WORK_MAIL, brisk, plan, settings_for
from trueup.connectors.archive.journal import read_journal
from trueup.connectors.scim_writer.applying import apply_run
from trueup.transforms.errors import Failed
from trueup.transforms.work import plan_work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.scim_runs import Wish
    from trueup.connectors.scim_writer.result import ApplyResult
    from trueup.transforms.run_files import RunFiles


@pytest.fixture
def directory() -> Iterator[Directory]:
    with serving(Directory()) as running:
        yield running


def applied(directory: Directory, files: RunFiles, **target: Any) -> ApplyResult:
    work = plan_work(files)
    try:
        return apply_run(settings_for(directory, **target), files, work, stop=threading.Event(), pace=brisk())
    finally:
        work.close()


def outcome(files: RunFiles) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in pq.read_table(files.outcome).to_pylist()}


def classes(row: dict[str, Any]) -> dict[str, str]:
    return {entry["attribute"]: entry["class"] for entry in row["found"]}


def everything(directory: Directory) -> list[Wish]:
    directory.add({"id": "p1", "userName": "ada@x.example", "title": "Clerk"})
    directory.add({"id": "p2", "userName": "bob@x.example", "emails": [{"type": "home", "value": "b@home"}]})
    directory.add({"id": "p3", "userName": "cid@x.example", "active": True})
    directory.add({"id": "p4", "userName": "dee@x.example"})
    directory.add({"id": "p5", "userName": "eve@x.example", "active": False})
    return [
        (
            "k0",
            "create",
            None,
            {
                "userName": (None, "new@x.example"),
                "externalId": (None, "k0"),
                "active": (None, True),
                "name.givenName": (None, "Nia"),
                WORK_MAIL: (None, "new@x.example"),
                DEPARTMENT: (None, "Sales"),
                MANAGER: (None, "k1"),
            },
        ),
        ("k1", "update", "p1", {"title": ("Clerk", "Head"), MANAGER: (None, "k0")}),
        ("k2", "update", "p2", {WORK_MAIL: (None, "bob@x.example"), DEPARTMENT: (None, "Ops")}),
        ("k3", "deactivate", "p3", {"active": (True, False)}),
        ("k4", "delete", "p4", {}),
        ("k5", "reactivate", "p5", {"active": (False, True), "title": (None, "Back")}),
    ]


def check_everything(directory: Directory, files: RunFiles) -> None:
    new = next(user for user in directory.users.values() if user["userName"] == "new@x.example")
    assert new["externalId"] == "k0"
    assert new["name"] == {"givenName": "Nia"}
    assert new["emails"] == [{"type": "work", "value": "new@x.example", "primary": True}]
    assert new[ENTERPRISE] == {"department": "Sales", "manager": {"value": "p1"}}
    ada = directory.users["p1"]
    assert ada["title"] == "Head"
    assert ada[ENTERPRISE]["manager"] == {"value": new["id"]}
    assert {"type": "work", "value": "bob@x.example"} in directory.users["p2"]["emails"]
    assert {"type": "home", "value": "b@home"} in directory.users["p2"]["emails"]
    assert directory.users["p2"][ENTERPRISE]["department"] == "Ops"
    assert directory.users["p3"]["active"] is False
    assert "p4" not in directory.users
    assert directory.users["p5"]["active"] is True
    assert directory.users["p5"]["title"] == "Back"
    told = outcome(files)
    assert {row["result"] for row in told.values()} == {"applied"}
    assert (told["k4"]["operation"], told["k4"]["reason"]) == ("delete", "")


MANNERS = {
    "good": Manners(),
    "no body": Manners(body=False),
    "etags": Manners(etags=True),
    "path only": Manners(patch="path"),
    "plain only": Manners(patch="plain"),
    "put only": Manners(patch="none"),
    "filters ignored": Manners(filters="ignored"),
    "filters empty": Manners(filters="empty"),
    "filters fail": Manners(filters="error"),
    "filters heed case": Manners(filters="case"),
    "no location": Manners(location=False),
    "small pages": Manners(page=2, past_end="first", filters="ignored"),
    "html": Manners(html_errors=True, patch="none"),
    "text booleans": Manners(text_booleans=True),
}


@pytest.mark.parametrize("manners", MANNERS.values(), ids=MANNERS.keys())
def test_every_kind_of_change_reaches_every_kind_of_server(
    tmp_path: Path, directory: Directory, manners: Manners
) -> None:
    directory.manners = manners
    files = plan(tmp_path / "run", directory, everything(directory))
    result = applied(directory, files)
    check_everything(directory, files)
    assert (result.applied, result.failed, result.skipped, result.interrupted) == (6, 0, 0, False)
    assert not result.is_partial
    assert result.errors == [], "an apply in which nothing is odd says nothing of the target"
    after = {row["id"]: row for row in pq.read_table(files.target_after).to_pylist()}
    assert set(after) == set(directory.users)
    for profile_id, row in after.items():
        assert json.loads(row["resource"])["userName"] == directory.users[profile_id]["userName"]
        assert row["active"] is directory.users[profile_id]["active"]


def test_everybody_is_written_however_many_there_are(tmp_path: Path, directory: Directory) -> None:
    people = [directory.add({"userName": f"u{n}", "title": "Old"}) for n in range(30)]
    wishes: list[Wish] = [(f"k-{one}", "update", one, {"title": ("Old", "New")}) for one in people]
    files = plan(tmp_path / "run", directory, wishes)
    assert applied(directory, files, concurrency=1).applied == 30
    assert {user["title"] for user in directory.users.values()} == {"New"}


def test_a_second_apply_sends_nothing(tmp_path: Path, directory: Directory) -> None:
    files = plan(tmp_path / "run", directory, everything(directory))
    applied(directory, files)
    before = files.journal.read_bytes()
    directory.log.clear()
    again = applied(directory, files)
    assert (again.applied, again.newly) == (6, 0)
    assert directory.wrote() == []
    assert files.journal.read_bytes() == before


def test_a_plan_applied_elsewhere_changes_nothing_when_everything_is_already_so(
    tmp_path: Path, directory: Directory
) -> None:
    wishes = everything(directory)
    first = plan(tmp_path / "first", directory, wishes[1:])
    second = plan(tmp_path / "second", directory, wishes[1:3] + wishes[5:])
    wishes[1][3].pop(MANAGER)
    applied(directory, first)
    directory.log.clear()
    result = applied(directory, plan(tmp_path / "third", directory, wishes[1:3] + wishes[5:]))
    assert result.applied == 3
    assert directory.wrote() == []
    assert second.changes.exists()


def test_a_row_that_moved_is_left_alone_and_its_attribute_named(tmp_path: Path, directory: Directory) -> None:
    files = plan(tmp_path / "run", directory, everything(directory))
    directory.users["p1"]["title"] = "Edited by hand"
    result = applied(directory, files)
    assert directory.users["p1"]["title"] == "Edited by hand"
    row = outcome(files)["k1"]
    assert row["result"] == "skipped"
    assert "title" in row["reason"]
    assert result.is_partial
    assert (result.details["applied"], result.details["skipped"], result.details["failed"]) == (5, 1, 0)
    assert outcome(files)["k2"]["result"] == "applied"


def test_nothing_is_written_over_but_what_the_plan_told_its_readers(tmp_path: Path, directory: Directory) -> None:
    directory.add({"id": "p1", "userName": "ada@x.example", "title": "In the snapshot"})
    files = plan(tmp_path / "run", directory, [("k1", "update", "p1", {"title": ("In the plan", "New")})])
    applied(directory, files)
    assert outcome(files)["k1"]["reason"] == "title moved since the snapshot"
    assert directory.users["p1"]["title"] == "In the snapshot"


def test_a_profile_changed_since_the_snapshot_is_not_deleted(tmp_path: Path, directory: Directory) -> None:
    files = plan(tmp_path / "run", directory, everything(directory))
    directory.users["p4"]["nickName"] = "Dee"
    applied(directory, files)
    assert "p4" in directory.users
    assert outcome(files)["k4"]["reason"] == "nickName moved since the snapshot"


@pytest.mark.parametrize("filters", ["good", "ignored", "empty", "error"])
def test_somebody_who_appeared_meanwhile_is_not_doubled(tmp_path: Path, directory: Directory, filters: str) -> None:
    directory.manners = Manners(filters=filters, unique=False)
    files = plan(tmp_path / "run", directory, everything(directory))
    directory.add({"id": "stranger", "userName": "NEW@x.example"})
    applied(directory, files)
    names = [user["userName"].lower() for user in directory.users.values()]
    assert names.count("new@x.example") == 1
    row = outcome(files)["k0"]
    assert (row["result"], row["profile_id"]) == ("skipped", None)
    assert "stranger" in row["reason"]


def test_a_page_refused_in_the_middle_is_not_the_end_of_the_list(tmp_path: Path, directory: Directory) -> None:
    def refuse(_: Directory, start: int) -> None:
        if start > 2:
            raise Trouble(403)

    directory.manners = Manners(filters="ignored", unique=False, page=2)
    files = plan(tmp_path / "run", directory, everything(directory))
    directory.add({"id": "stranger", "userName": "NEW@x.example"})
    directory.manners.shift = refuse
    with pytest.raises(Failed, match="cannot be ruled out"):
        applied(directory, files)
    assert ("POST", "/Users") not in directory.wrote()


def test_swapped_user_names_change_places(tmp_path: Path, directory: Directory) -> None:
    for number in range(4):
        directory.add({"id": f"p{number}", "userName": f"u{number}@x.example"})
    turn = [(f"u{n}@x.example", f"u{(n + 1) % 3}@x.example") for n in range(3)]
    wishes: list[Wish] = [(f"k{n}", "update", f"p{n}", {"userName": turn[n]}) for n in range(3)]
    wishes.append(("k3", "update", "p3", {"userName": ("u3@x.example", "elsewhere@x.example")}))
    wishes.append(("k4", "create", None, {"userName": (None, "U3@x.example"), "active": (None, True)}))
    files = plan(tmp_path / "run", directory, wishes)
    result = applied(directory, files)
    assert [directory.users[f"p{n}"]["userName"] for n in range(3)] == [after for _, after in turn]
    assert min(u["userName"] for u in directory.users.values()) == "U3@x.example"
    assert (result.applied, result.failed) == (5, 0)
    for n in range(3):
        assert outcome(files)[f"k{n}"]["before"] == [{"attribute": "userName", "value": json.dumps(turn[n][0])}]


def test_what_the_server_drops_or_alters_is_named(tmp_path: Path, directory: Directory) -> None:
    directory.manners = Manners(
        drops=frozenset({"nickName"}), alter=lambda user: user.update(userName=user["userName"].lower())
    )
    directory.add({"id": "p1", "userName": "ada@x.example"})
    wishes: list[Wish] = [
        (
            "k1",
            "update",
            "p1",
            {"nickName": (None, "Ad"), "title": (None, "Head"), "userName": ("ada@x.example", "ADA@y")},
        ),
        ("k2", "create", None, {"userName": (None, "NEW@x.example"), "nickName": (None, "N")}),
    ]
    files = plan(tmp_path / "run", directory, wishes)
    result = applied(directory, files)
    rows = outcome(files)
    assert classes(rows["k1"]) == {"nickName": "not_kept", "title": "kept", "userName": "normalised"}
    assert classes(rows["k2"]) == {"nickName": "not_kept", "userName": "normalised"}
    assert result.dialect["alters_case"] == ["userName"]
    assert {row["result"] for row in rows.values()} == {"applied"}


def test_a_server_that_echoes_what_it_drops_is_not_believed(tmp_path: Path, directory: Directory) -> None:
    directory.manners = Manners(drops=frozenset({"nickName"}), echo=True)
    wishes: list[Wish] = []
    for n in range(12):
        directory.add({"id": f"p{n}", "userName": f"u{n}"})
        wishes.append((f"k{n}", "update", f"p{n}", {"nickName": (None, "N"), "title": (None, "T")}))
    files = plan(tmp_path / "run", directory, wishes)
    applied(directory, files)
    assert all(classes(row) == {"nickName": "not_kept", "title": "kept"} for row in outcome(files).values())


def test_an_attribute_that_is_refused_does_not_hold_up_the_others(tmp_path: Path, directory: Directory) -> None:
    directory.manners = Manners(refuses=frozenset({"nickName"}))
    wishes: list[Wish] = [
        ("new", "create", None, {"userName": (None, "n"), "nickName": (None, "N"), "title": (None, "T")})
    ]
    for n in range(6):
        directory.add({"id": f"p{n}", "userName": f"u{n}"})
        wishes.append((f"k{n}", "update", f"p{n}", {"nickName": (None, "N"), "title": (None, "T")}))
    files = plan(tmp_path / "run", directory, wishes)
    result = applied(directory, files, concurrency=1)
    assert all(user["title"] == "T" for user in directory.users.values())
    assert all(
        classes(row) == {"nickName": "not_kept", "title": "kept"} for k, row in outcome(files).items() if k != "new"
    )
    assert result.dialect["refuses"] == ["nickName"]
    patches = [path for method, path in directory.wrote() if method == "PATCH" and path == "/Users/p5"]
    assert len(patches) == 1


def test_a_deactivation_that_deletes_is_found_out(tmp_path: Path, directory: Directory) -> None:
    directory.manners = Manners(deactivated="deletes")
    directory.add({"id": "p1", "userName": "a"})
    files = plan(tmp_path / "run", directory, [("k1", "deactivate", "p1", {"active": (True, False)})])
    result = applied(directory, files)
    assert result.details["deactivation_deletes"] is True
    assert outcome(files)["k1"]["result"] == "applied"
    intent = next(record for record in read_journal(files.journal) if record["event"] == "intent")
    assert intent["resource"]["userName"] == "a"


def test_a_delete_that_only_deactivates_is_taken_for_what_it_is(tmp_path: Path, directory: Directory) -> None:
    directory.manners = Manners(delete="deactivates")
    directory.add({"id": "p1", "userName": "a"})
    files = plan(tmp_path / "run", directory, [("k1", "delete", "p1", {})])
    applied(directory, files)
    assert outcome(files)["k1"]["reason"] == "the target only deactivates what is deleted"


def test_a_refused_deletion_is_told_in_the_targets_words(tmp_path: Path, directory: Directory) -> None:
    directory.manners = Manners(delete="refuses")
    directory.add({"id": "p1", "userName": "a"})
    files = plan(tmp_path / "run", directory, [("k1", "delete", "p1", {})])
    assert applied(directory, files).failed == 1
    assert outcome(files)["k1"]["reason"].endswith("The owner stays.")
    assert "p1" in directory.users


def test_putting_never_enables_or_disables_anybody(tmp_path: Path, directory: Directory) -> None:
    directory.manners = Manners(patch="none")
    directory.add({"id": "p1", "userName": "a", "active": True, "title": "x", "roles": [{"value": "r"}]})
    directory.add({"id": "p2", "userName": "b", "active": False, "title": "x"})
    wishes: list[Wish] = [(f"k{n}", "update", f"p{n}", {"title": ("x", "y")}) for n in (1, 2)]
    applied(directory, plan(tmp_path / "run", directory, wishes), update="put")
    assert [directory.users[p]["active"] for p in ("p1", "p2")] == [True, False]
    assert directory.users["p1"]["roles"] == [{"value": "r"}]


@pytest.mark.parametrize("kind", ["lost", "500", "refuse", "429", "429 0"])
@pytest.mark.parametrize("filters", ["good", "empty"])
def test_no_write_is_lost_or_doubled_when_answers_fail(
    tmp_path: Path, directory: Directory, kind: str, filters: str
) -> None:
    directory.manners = Manners(filters=filters, unique=False)
    files = plan(tmp_path / "run", directory, everything(directory))
    met: set[tuple[str, str]] = set()

    def once(method: str, path: str, _: int) -> str | None:
        if method == "GET" or (method, path) in met:
            return None
        met.add((method, path))
        return kind

    directory.fault = once
    applied(directory, files)
    check_everything(directory, files)
    assert len(directory.users) == 5
    assert any("trouble" in record for record in read_journal(files.journal)) is (kind == "lost")


def test_the_error_limit_leaves_a_run_that_can_go_on(tmp_path: Path, directory: Directory) -> None:
    wishes: list[Wish] = []
    for n in range(60):
        directory.add({"id": f"p{n}", "userName": f"u{n}"})
        wishes.append((f"k{n:02}", "update", f"p{n}", {"title": (None, "T")}))
    files = plan(tmp_path / "run", directory, wishes)
    directory.manners = Manners(refuses=frozenset({"title"}))
    result = applied(directory, files, concurrency=1)
    assert (result.interrupted, result.stopped_by) == (True, "apply_errors")
    assert 20 <= result.failed < 30
    assert not files.outcome.exists()
    directory.manners = Manners()
    result = applied(directory, files)
    assert (result.interrupted, result.applied) == (False, 60)
    assert all(user["title"] == "T" for user in directory.users.values())


def test_stopping_finishes_what_is_in_flight_and_goes_on_later(tmp_path: Path, directory: Directory) -> None:
    wishes: list[Wish] = []
    for n in range(40):
        directory.add({"id": f"p{n}", "userName": f"u{n}"})
        wishes.append((f"k{n:02}", "update", f"p{n}", {"title": (None, "T")}))
    files = plan(tmp_path / "run", directory, wishes)
    stop = threading.Event()
    directory.fault = lambda method, _, __: stop.set() if method == "PATCH" else None
    work = plan_work(files)
    result = apply_run(settings_for(directory), files, work, stop=stop, pace=brisk())
    work.close()
    assert result.interrupted
    assert 0 < result.applied < 40
    assert result.applied == sum(user.get("title") == "T" for user in directory.users.values())
    directory.fault = None
    again = applied(directory, files)
    assert (again.applied, again.newly) == (40, 40 - result.applied)
