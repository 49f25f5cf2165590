"""Directories on another reading of the RFC end as planned, or what they do not keep is named; then it is quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.first_night import people, profile_before
from tests.support.other_scim import ENTERPRISE, Other, serving
from tests.support.plan_world import user
from tests.support.scim_nights import Nights, writes
from trueup.connectors.scim.responses import Answer
from trueup.connectors.scim.session import other_path
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from pathlib import Path


BEFORE = (
    profile_before("old", nickName="Oldie"),
    profile_before("bare", emails=None, title=None),
    profile_before("left"),
    profile_before("off", active=False),
    profile_before("swapa", userName="swapb@x.example"),
    profile_before("swapb", userName="swapa@x.example"),
    profile_before("stranger", nickName="S"),
)
PEOPLE = people(odd="o dd/é@x.example")


def other(*traits: str, fails: str = "", refuses: str = "") -> Other:
    return Other(frozenset(traits), frozenset(fails.split()), frozenset(refuses.split()))


EVERY: dict[str, Other] = {
    "decent": other(),
    "accepts and does later, creates without a word": other("accepts", "silent_201"),
    "ids escaped once, as they are": other("verbatim_ids", "silent_201"),
    "ids escaped twice": other("escaped_ids"),
    "ids with a slash as it is": other("path_ids", "silent_201"),
    "ids of blanks and letters": other("named_ids", "new_etags"),
    "ETags that never fit": other("odd_etags"),
    "weak ETags compared strongly, PUT": other("strong_match", "no_patch", "forgets_put", "html"),
    "PUT must not say what is read-only": other("no_patch", "mutability"),
    "PUT must not say what the schema calls read-only": other("no_patch", "read_only"),
    "one operation at a time, nothing answered": other("lone_ops", "empty_200", "needs_match"),
    "closed, text for numbers, lists for one": other("closed_config", "text_totals", "no_resources", "manager_list"),
    "no totals, bare answers": other("no_config", "no_totals", "bare_200", "manager_text", "strict_type"),
    "fails on titles": other(fails="title"),
    "fails on nicknames": other("no_patch", fails="nickName"),
    "fails on names": other(fails="name"),
    "fails on e-mails": other(fails="emails"),
    "refuses e-mails": other(refuses="emails"),
}
NOT_KEPT = {
    "fails on titles": {"title"},
    "fails on nicknames": {"nickName"},
    "fails on names": {"name.givenName"},
    "fails on e-mails": {'emails[type eq "work"].value'},
}


@pytest.mark.parametrize("name", EVERY)
def test_it_ends_as_planned_or_says_what_is_not_kept_and_the_next_night_is_quiet(tmp_path: Path, name: str) -> None:
    with serving(EVERY[name]) as directory:
        ids = {one["externalId"]: directory.add(one) for one in BEFORE}
        stranger = dict(directory.people[ids["stranger"]])
        nights = Nights(tmp_path, directory.url, list(PEOPLE))
        first = nights.night()
        assert {attribute for _, attribute in first.residual} == NOT_KEPT.get(name, set()), first.residual
        assert set(first.residual.values()) <= {"not_kept"}
        fell_short = [row for row in first.result.records if row["result"] != "applied"]
        assert all("not taken" in row["reason"] for row in fell_short), fell_short
        assert writes(nights.plan()) == {}
        assert directory.people[ids["stranger"]] == stranger, "somebody nobody planned for was touched"
        assert directory.people[ids["old"]]["nickName"] == "Oldie", "an attribute nobody manages was lost"
        assert directory.people[ids["left"]]["active"] is False
        assert len(directory.people) == len(BEFORE) + 2
        held = {one["externalId"]: one for one in directory.people.values()}
        assert held["swapa"]["userName"] == "swapa@x.example"
        assert held["old"][ENTERPRISE]["manager"]["value"] == held["new"]["id"]


def test_whoever_is_inactive_and_in_no_list_is_found_by_name_the_next_night(tmp_path: Path) -> None:
    with serving(other("unlisted")) as directory:
        profile = directory.add(profile_before("off", active=False))
        nights = Nights(tmp_path, directory.url, [user("off")])
        first = nights.night()
        (row,) = first.result.records
        assert row["result"] == "failed"
        assert row["reason"].endswith(f"is inactive and in no list; the next plan asks for it: {profile}")
        second = nights.night()
        assert writes(second.planned) == {"off": "reactivate"}
        assert directory.people[profile]["active"] is True
        assert len(directory.people) == 1
        assert writes(nights.plan()) == {}


def test_a_name_that_is_taken_by_somebody_who_is_never_shown_is_said_each_night(tmp_path: Path) -> None:
    with serving(other("hidden")) as directory:
        directory.add(profile_before("off", active=False))
        nights = Nights(tmp_path, directory.url, [user("off")])
        for _ in range(2):
            (row,) = nights.night().result.records
            assert row["result"] == "failed"
            assert "perhaps by a profile the target does not show" in row["reason"]
        assert len(directory.people) == 1


def test_a_server_in_trouble_is_not_taken_for_one_that_refuses(tmp_path: Path) -> None:
    with serving(other(fails="active title userName name emails externalId " + ENTERPRISE)) as directory:
        ids = {one["externalId"]: directory.add(one) for one in BEFORE}
        nights = Nights(tmp_path, directory.url, list(PEOPLE))
        first = nights.night()
        assert first.result.applied == 0
        assert first.residual["left", "active"] == "moved"
        assert first.residual["swapa", "userName"] == "moved"
        directory.fails = frozenset()
        second = nights.night()
        assert {"new", "odd", "left", "off", "swapa", "swapb"} <= set(writes(second.planned))
        assert second.result.failed == 0
        assert directory.people[ids["left"]]["active"] is False


def test_an_attribute_that_fails_on_two_days_is_not_tried_on_a_third(tmp_path: Path) -> None:
    with serving(other(fails="title")) as directory:
        directory.add(profile_before("old"))
        nights = Nights(tmp_path, directory.url, [user("old", jobTitle="Chief")])
        for _ in range(2):
            night = nights.night()
            assert [row["result"] for row in night.result.records] == ["failed"]
            assert "title: not taken (answered 500" in night.result.records[0]["reason"]
        assert writes(nights.plan()) == {}
        assert night.residual == {("old", "title"): "not_kept"}


def test_what_a_server_blames_on_another_attribute_is_planned_again(tmp_path: Path) -> None:
    with serving(other("no_patch", refuses="nickName")) as directory:
        profile = directory.add(profile_before("old", nickName="Oldie"))
        nights = Nights(tmp_path, directory.url, [user("old", jobTitle="Chief", accountEnabled=False)])
        night = nights.night()
        assert (
            "active: not taken (answered 400, invalidSyntax: nickName is not supported)"
            in (night.result.records[0]["reason"])
        )
        assert directory.people[profile]["nickName"] == "Oldie", "nothing is left out on a mere suspicion"
        assert writes(nights.plan()) == {"old": "deactivate"}


def test_the_word_of_a_server_that_repeats_the_token_is_kept_without_it(tmp_path: Path) -> None:
    with serving(other("secretive", fails="title")) as directory:
        directory.add(profile_before("old"))
        nights = Nights(tmp_path, directory.url, [user("old", jobTitle="Chief")])
        night = nights.night()
        assert "(removed)" in night.result.records[0]["reason"]
        assert "directory-token" not in night.planned.files.journal.read_text() + str(night.result)


def test_an_id_that_no_address_can_carry_is_said_and_nobody_else_is_held_up(tmp_path: Path) -> None:
    with serving(other()) as directory:
        directory.add(profile_before("dot") | {"id": ".."})
        directory.add(profile_before("old"))
        nights = Nights(tmp_path, directory.url, [user("dot"), user("old")])
        with pytest.raises(Failed, match="an id no address can carry"):
            nights.night()
        assert directory.people[".."]["title"] == "Before"
        assert [one["title"] for one in directory.people.values()] == ["Before", "Clerk"]


@pytest.mark.parametrize(
    ("profile_id", "status", "path"),
    [
        ("a%2Fb", 404, "/Users/a%2Fb"),
        ("a/b c", 404, "/Users/a/b%20c"),
        ("a%2Fb", 200, None),
        ("a%2Fb", 500, None),
        ("plain", 404, None),
        ("100%", 404, None),
        ("a%zz", 404, None),
        ("a/../b", 404, None),
        ("/a", 404, None),
        ("a%2Fb?x", 404, None),
    ],
)
def test_an_id_is_tried_as_it_is_only_where_that_means_something(
    profile_id: str, status: int, path: str | None
) -> None:
    assert other_path(profile_id, Answer(status)) == path


def test_whoever_is_to_be_deleted_is_deleted_where_no_etag_ever_fits(tmp_path: Path) -> None:
    with serving(other("odd_etags")) as directory:
        directory.add(profile_before("left", title="Clerk"))
        directory.add(profile_before("old", title="Clerk"))
        nights = Nights(tmp_path, directory.url, [user("left", accountEnabled=False), user("old")])
        nights.world.set(deprovision={"leavers": "delete"})
        night = nights.night()
        assert (night.result.applied, night.residual) == (1, {})
        assert [one["externalId"] for one in directory.people.values()] == ["old"]
