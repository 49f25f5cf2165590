"""Applying when the token ends, the target is away, values are taken, or people do not exist."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.support.scim_directory import ENTERPRISE, Directory, Manners, serving
from tests.support.scim_runs import DEPARTMENT, MANAGER, WORK_MAIL, brisk, plan, settings_for
from trueup.connectors.scim.shape import Shape
from trueup.connectors.scim_writer.applying import apply_run
from trueup.connectors.scim_writer.forms import BY_NAME, body
from trueup.transforms.errors import Failed
from trueup.transforms.work import passing_value, plan_work

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


def titled(directory: Directory, count: int) -> list[Wish]:
    wishes: list[Wish] = []
    for n in range(count):
        directory.add({"id": f"p{n}", "userName": f"u{n}"})
        wishes.append((f"k{n}", "update", f"p{n}", {"title": (None, "T")}))
    return wishes


def test_a_token_that_ends_in_the_middle_leaves_a_run_that_can_go_on(
    tmp_path: Path, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = plan(tmp_path / "run", directory, titled(directory, 12))
    settings = settings_for(directory)
    monkeypatch.setenv("TRUEUP_TEST_SCIM_TOKEN", "expired-token")
    work = plan_work(files)
    with pytest.raises(Failed, match="refuses the token") as failed:
        apply_run(settings, files, work, stop=threading.Event(), pace=brisk())
    work.close()
    assert "expired-token" not in str(failed.value)
    assert not files.outcome.exists()
    assert "expired-token" not in files.journal.read_text() if files.journal.exists() else True
    assert applied(directory, files).applied == 12


def test_a_target_that_is_away_is_said_before_anything_is_begun(tmp_path: Path) -> None:
    directory = Directory()
    directory.url = "http://127.0.0.1:9/scim"
    files = plan(tmp_path / "run", directory, titled(directory, 1))
    with pytest.raises(Failed, match="cannot be reached"):
        applied(directory, files)


def test_a_profile_that_changed_between_look_and_write_is_looked_at_again(tmp_path: Path, directory: Directory) -> None:
    directory.manners = Manners(etags=True)
    files = plan(tmp_path / "run", directory, titled(directory, 1))
    edits = iter([{"nickName": "by hand"}])

    def between(method: str, path: str, _: int) -> str | None:
        if method == "PATCH" and (edit := next(edits, None)):
            directory.hold(directory.users["p0"] | edit)
        return None

    directory.fault = between
    assert applied(directory, files).applied == 1
    assert (directory.users["p0"]["title"], directory.users["p0"]["nickName"]) == ("T", "by hand")
    assert [method for method, _ in directory.wrote()] == ["PATCH", "PATCH"]


def test_a_profile_that_may_not_be_read_is_told_in_the_targets_words(tmp_path: Path, directory: Directory) -> None:
    files = plan(tmp_path / "run", directory, titled(directory, 2))
    directory.fault = lambda _, path, __: "403 under legal hold" if path == "/Users/p0" else None
    result = applied(directory, files)
    assert (result.applied, result.failed) == (1, 1)
    assert outcome(files)["k0"]["reason"] == "the profile could not be read: answered 403: under legal hold"
    assert directory.users["p1"]["title"] == "T"


def swap(directory: Directory) -> list[Wish]:
    for n in (0, 1):
        directory.add({"id": f"p{n}", "userName": f"u{n}"})
    return [(f"k{n}", "update", f"p{n}", {"userName": (f"u{n}", f"u{1 - n}")}) for n in (0, 1)]


def test_whoever_stepped_aside_in_vain_gets_the_old_value_back(tmp_path: Path, directory: Directory) -> None:
    files = plan(tmp_path / "run", directory, swap(directory))
    directory.fault = lambda method, path, _: "refuse" if (method, path) == ("PATCH", "/Users/p1") else None
    directory.manners.put = False
    result = applied(directory, files)
    assert result.failed == 2
    assert {profile: user["userName"] for profile, user in directory.users.items()} == {"p0": "u0", "p1": "u1"}


def test_whoever_can_get_neither_value_is_named(tmp_path: Path, directory: Directory) -> None:
    files = plan(tmp_path / "run", directory, swap(directory))
    patches = iter(range(100))

    def stranger(method: str, path: str, _: int) -> str | None:
        if method == "PATCH" and next(patches) == 0:
            directory.add({"id": "late", "userName": "U1" if path.endswith("p0") else "U0"})
        return None

    directory.fault = stranger
    result = applied(directory, files)
    assert (result.applied, result.failed) == (1, 1)
    row = next(row for row in outcome(files).values() if row["result"] == "failed")
    assert "left with a temporary value" in row["reason"]
    name = next(user["userName"] for user in directory.users.values() if user["userName"].startswith("moving-"))
    assert name == passing_value(row["key"], f"u{row['key'][1:]}")


def test_a_manager_without_a_profile_is_named_and_the_rest_is_written(tmp_path: Path, directory: Directory) -> None:
    directory.add({"id": "p1", "userName": "u1"})
    wishes: list[Wish] = [
        ("k1", "update", "p1", {"title": (None, "T"), MANAGER: (None, "nobody")}),
        ("k2", "create", None, {"userName": (None, "new"), MANAGER: (None, "nobody")}),
    ]
    files = plan(tmp_path / "run", directory, wishes)
    result = applied(directory, files)
    assert directory.users["p1"]["title"] == "T"
    rows = outcome(files)
    assert (rows["k1"]["result"], rows["k2"]["result"]) == ("skipped", "applied")
    assert all("nobody has no profile" in row["reason"] for row in rows.values())
    assert result.is_partial


def test_people_who_vanished_are_skipped_and_a_deletion_is_already_done(tmp_path: Path, directory: Directory) -> None:
    wishes = titled(directory, 2)
    directory.add({"id": "p9", "userName": "u9"})
    files = plan(tmp_path / "run", directory, [*wishes, ("k9", "delete", "p9", {})])
    directory.users.clear()
    applied(directory, files)
    rows = outcome(files)
    assert {rows[key]["result"] for key in ("k0", "k1")} == {"skipped"}
    assert (rows["k9"]["result"], rows["k9"]["reason"]) == ("applied", "was already gone")


def test_a_target_that_always_breaks_fails_one_by_one_with_a_sentence(tmp_path: Path, directory: Directory) -> None:
    directory.manners = Manners(html_errors=True)
    files = plan(tmp_path / "run", directory, titled(directory, 2))
    directory.fault = lambda method, _, __: "refuse" if method == "PATCH" else None
    directory.manners.put = False
    result = applied(directory, files)
    assert result.failed == 2
    assert all("<" not in row["reason"] and row["reason"] for row in outcome(files).values())


def test_hostile_values_arrive_as_they_are(tmp_path: Path, directory: Directory) -> None:
    directory.add({"id": "a/b?c#d%41 é", "userName": "u"})
    hostile = "<script>alert('x')</script> \"; DROP \u202e\u0000 =1+1"
    wishes: list[Wish] = [
        ("k", "update", "a/b?c#d%41 é", {"title": (None, hostile), WORK_MAIL: (None, 'a"b\\c@x')}),
        ("n", "create", None, {"userName": (None, 'x" or userName pr or userName eq "\\'), "title": (None, hostile)}),
    ]
    files = plan(tmp_path / "run", directory, wishes)
    result = applied(directory, files)
    assert (result.applied, result.failed) == (2, 0)
    assert all(user["title"] == hostile for user in directory.users.values())


def test_clearing_takes_the_value_away_in_every_dialect(tmp_path: Path, directory: Directory) -> None:
    for number, patch in enumerate(("all", "plain", "none")):
        directory.users.clear()
        directory.manners = Manners(patch=patch)
        directory.add(
            {
                "id": "p",
                "userName": "u",
                "title": "T",
                "name": {"givenName": "G", "familyName": "F"},
                "emails": [{"type": "work", "value": "w"}, {"type": "home", "value": "h"}],
                ENTERPRISE: {"department": "D", "manager": {"value": "p"}, "division": "V"},
            }
        )
        wishes: list[Wish] = [
            (
                "k",
                "update",
                "p",
                {
                    "title": ("T", None),
                    "name.givenName": ("G", None),
                    WORK_MAIL: ("w", None),
                    DEPARTMENT: ("D", None),
                    MANAGER: ("k", None),
                },
            )
        ]
        files = plan(tmp_path / f"run{number}", directory, wishes)
        assert applied(directory, files).applied == 1
        user = directory.users["p"]
        assert "title" not in user
        assert user["name"] == {"familyName": "F"}
        assert [email["value"] for email in user["emails"] if email.get("value")] == ["h"]
        assert user[ENTERPRISE] == {"division": "V"}


def test_two_new_members_of_one_element_make_one_element() -> None:
    values = {'addresses[type eq "work"].locality': "Ulm", 'addresses[type eq "work"].country': "DE"}
    operations = body(BY_NAME["patch_path"], {"id": "x"}, values, Shape())["Operations"]
    assert operations == [
        {"op": "add", "path": "addresses", "value": [{"type": "work", "locality": "Ulm", "country": "DE"}]}
    ]


def test_a_list_of_plain_text_is_sent_whole_under_its_own_name() -> None:
    resource = {"id": "x", "emails": ["old@x.example"]}
    operations = body(BY_NAME["patch_path"], resource, {WORK_MAIL: "new@x.example"}, Shape())["Operations"]
    assert operations == [{"op": "replace", "path": "emails", "value": ["old@x.example", "new@x.example"]}]
