"""An e-mail or a phone number that is changed takes the place of the old one, which stays behind nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.support.first_night import profile_before
from tests.support.plan_world import user
from tests.support.sandbox import close, shared
from tests.support.scim_directory import TOKEN, Directory, Manners, serving
from tests.support.scim_kills import applied
from tests.support.scim_nights import MOBILE, PHONE, Nights, writes
from tests.support.scim_runs import WORK_MAIL, plan
from trueup.sandbox import DirectoryData, Weaknesses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.scim_nights import Night

W = Weaknesses
PATHS = {"phone": PHONE, "mobile": MOBILE}
SERVERS: dict[str, Weaknesses] = {
    "a good one": W(),
    "PUT alone": W(patch="none"),
    "values with a path alone": W(patch="with_path", patch_refused_with=400),
    "without types": W(drops=("emails.type",), discovery="missing"),
    "plain text": W(plain_emails=True, discovery="missing"),
    "replaces lists without a path": W(complex_replaced=True, discovery="missing"),
}


@pytest.fixture(scope="module", autouse=True)
def _one_sandbox() -> Iterator[None]:
    yield
    close()


def outcome(night: Night) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(night.planned.files.outcome).to_pylist()
    return rows


def values(profile: dict[str, Any], name: str) -> list[str]:
    return sorted(one if isinstance(one, str) else str(one["value"]) for one in profile.get(name) or ())


@pytest.mark.parametrize("name", SERVERS)
def test_a_changed_address_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    sandbox, _ = shared()
    keys = [f"u{number}" for number in range(4)]
    before = [
        profile_before(
            key,
            id=f"p-{key}",
            emails=[{"type": "work", "value": f"{key}@x.example", "primary": True}],
            phoneNumbers=[{"type": "work", "value": f"+41 1 {key[-1]}"}, {"type": "home", "value": f"+41 9 {key[-1]}"}],
        )
        for key in keys
    ]
    sandbox.directory.begin_again(DirectoryData(tuple(before), TOKEN), SERVERS[name])
    nights = Nights(tmp_path, sandbox.scim_url, [user(key, phone=f"+41 1 {key[-1]}") for key in keys])
    nights.night()
    for turn in ("second", "third"):
        for number, one in enumerate(nights.users):
            one |= {"mail": f"{turn}.{one['id']}@x.example", "phone": f"+41 {len(turn)} {number}"}
        night = nights.night()
        changed = {(key, path) for key in keys for path in (WORK_MAIL, PHONE)}
        assert set(night.planned.changes) == changed, "the night before left something to do"
        assert night.residual == {}, night.result.records
        held = {one["externalId"]: one for one in sandbox.directory.profiles()}
        for number, key in enumerate(keys):
            assert values(held[key], "emails") == [f"{turn}.{key}@x.example"]
            assert values(held[key], "phoneNumbers") == [f"+41 {len(turn)} {number}", f"+41 9 {number}"]
    assert writes(nights.plan()) == {}


@pytest.mark.parametrize("patch", ["works", "none"])
def test_where_no_number_has_a_type_a_mobile_phone_is_never_taken_for_the_other(tmp_path: Path, patch: Any) -> None:
    """An only number may be either: what is to be a mobile phone is not cleared, changed or taken back as the other."""
    sandbox, _ = shared()
    weak = W(drops=("phoneNumbers.type",), discovery="missing", patch=patch)
    sandbox.directory.begin_again(DirectoryData((profile_before("boss", id="p-boss"),), TOKEN), weak)
    numbers = {"work": ("+1 10", None), "mobile": (None, "+2 20"), "both": ("+1 11", "+2 21"), "none": (None, None)}
    people = [user(key, phone=work, mobile=mobile, manager="boss") for key, (work, mobile) in numbers.items()]
    nights = Nights(tmp_path, sandbox.scim_url, [user("boss"), *people], beside=(PHONE, MOBILE))

    def held() -> dict[str, list[str]]:
        profiles = {one["externalId"]: one for one in sandbox.directory.profiles()}
        return {key: values(profiles[key], "phoneNumbers") for key in numbers}

    def a_night(**wanted: tuple[str | None, str | None]) -> Night:
        changed = set()
        for one in nights.users:
            if one["id"] in wanted:
                said = dict(zip(("phone", "mobile"), wanted[one["id"]], strict=True))
                changed |= {(one["id"], PATHS[name]) for name, number in said.items() if one[name] != number}
                one.update(said)
        night = nights.night()
        assert not wanted or set(night.planned.changes) == changed, "the night before left something to do"
        assert night.residual == {}, night.result.records
        return night

    a_night()
    assert held() == {"work": ["+1 10"], "mobile": ["+2 20"], "both": ["+1 11", "+2 21"], "none": []}
    a_night(work=("+1 10", "+2 30"), mobile=("+1 30", "+2 20"), both=(None, "+2 21"), none=(None, "+2 31"))
    given = {"work": ["+1 10", "+2 30"], "mobile": ["+1 30", "+2 20"], "both": ["+2 21"], "none": ["+2 31"]}
    assert held() == given
    taken = a_night(work=("+1 40", None), both=(None, "+2 41"), none=("+1 41", None))
    assert held() == given | {"work": ["+1 40"], "both": ["+2 41"], "none": ["+1 41"]}
    assert writes(nights.plan()) == {}
    back = nights.roll_back(taken.run)
    assert back.residual == {}, back.result.records
    assert held() == given


@pytest.mark.parametrize("patch", ["works", "none"])
def test_a_number_that_is_kept_without_its_type_and_spelt_otherwise_is_not_added_again(
    tmp_path: Path, patch: Any
) -> None:
    """Neither to whoever is made nor to whoever was there: ``+41 (1) 230`` and ``+411230`` are one.

    This server spells numbers anew whatever is written: that is not an edit in the target.
    """
    sandbox, _ = shared()
    weak = W(drops=("emails.type", "phoneNumbers.type"), reformats_phones=True, discovery="missing", patch=patch)
    fax = {"type": "fax", "value": "+41 99 99"}
    before = profile_before("old", id="p-old", phoneNumbers=[{"type": "work", "value": "+41 (1) 230"}, fax])
    sandbox.directory.begin_again(DirectoryData((before,), TOKEN), weak)
    people = [user("old", phone="+41 (1) 230"), user("new", phone="+41 (1) 231", manager="old")]
    nights = Nights(tmp_path, sandbox.scim_url, people)
    first = nights.night()
    assert set(first.residual.values()) == {"normalised"}, "whoever was written for something else is named, too"
    held = {one["externalId"]: values(one, "phoneNumbers") for one in sandbox.directory.profiles()}
    assert held == {"old": ["+411230", "+419999"], "new": ["+411231"]}
    assert all("phoneNumbers" not in str(one["written"]) for one in outcome(first) if one["key"] == "old")
    nights.users[1]["phone"] = "+41 (2) 500"
    second = nights.night()
    assert set(second.planned.changes) == {("new", PHONE)}, "the night before left something to do"
    assert values(sandbox.directory.profile("new"), "phoneNumbers") == ["+412500"]
    assert writes(nights.plan()) == {}


@pytest.mark.parametrize("edited", [False, True])
def test_an_address_the_plan_did_not_know_for_the_one_it_meant_is_no_edit(tmp_path: Path, *, edited: bool) -> None:
    """That the target drops types was learnt after the plan was made, which saw no work address in this profile."""

    def without_types(resource: dict[str, Any]) -> None:
        resource["emails"] = [{"value": one["value"]} for one in resource["emails"]]

    with serving(Directory(Manners(alter=without_types))) as directory:
        directory.add({"id": "p1", "userName": "ada@x.example", "emails": [{"value": "old@x.example"}]})
        files = plan(tmp_path / "run", directory, [("k1", "update", "p1", {WORK_MAIL: (None, "new@x.example")})])
        if edited:
            directory.users["p1"]["emails"] = [{"value": "edited@x.example"}]
        result = applied(directory, files, {"untyped": ["emails"]})
        told = next(row for row in result.records if row["operation"] == "update")
        held = [one["value"] for one in directory.users["p1"]["emails"]]
        if edited:
            assert (told["result"], held) == ("skipped", ["edited@x.example"])
            assert told["reason"] == f"{WORK_MAIL} moved since the snapshot"
        else:
            assert (told["result"], held) == ("applied", ["new@x.example"])
