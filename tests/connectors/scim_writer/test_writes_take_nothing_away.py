"""Servers that replace, forget, alter or misplace: what nobody asked to touch is as before, and the rest is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.support.first_night import profile_before
from tests.support.plan_world import DEPARTMENT, MAIL, user
from tests.support.sandbox import close, shared
from tests.support.scim_directory import TOKEN
from tests.support.scim_nights import MANAGER, Nights, writes
from trueup.connectors.archive.journal import read_journal
from trueup.sandbox import DirectoryData, Weaknesses
from trueup.sandbox.directory.data import ENTERPRISE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

W = Weaknesses
EXTRA: dict[str, Any] = {
    "department": "Old",
    "employeeNumber": "4711",
    "costCenter": "C1",
    "manager": {"value": "p-boss"},
}
MAILS: list[dict[str, Any]] = [
    {"type": "work", "value": "p@x.example", "primary": True},
    {"type": "home", "value": "me@home.example"},
]


def resource(key: str, **values: Any) -> dict[str, Any]:
    return profile_before(key, id=f"p-{key}", **values)


def rich(key: str) -> dict[str, Any]:
    mails = [{**MAILS[0], "value": f"{key}@x.example"}, {**MAILS[1], "value": f"{key}@home.example"}]
    name = {"givenName": "Old", "familyName": "Zero", "middleName": "Q"}
    return resource(key, name=name, emails=mails, nickName="Nicky", locale="de-CH", **{ENTERPRISE: dict(EXTRA)})


BEFORE = (resource("boss"), *(rich(f"u{n}") for n in range(6)), rich("stranger"))
PEOPLE = [user("boss"), *(user(f"u{n}", manager="boss", nick="Nicky") for n in range(6)), user("new", manager="boss")]
UNMANAGED = ("locale", "middleName", "familyName", "employeeNumber", "costCenter", "home")
LIKE_JACKSON = W(
    discovery="missing",
    complex_replaced=True,
    urn_paths_stored=True,
    patch_returns_body=True,
    delete_returns_body=True,
    etags="absent",
    no_location=True,
    unknown_filter_ignored=True,
    newest_first=True,
)
SERVERS: dict[str, Weaknesses] = {
    "replaces complex values, misplaces URNs": LIKE_JACKSON,
    "the same with one form only": LIKE_JACKSON.but(patch="pathless", patch_refused_with=400),
    "forgets with PATCH": W(discovery="missing", patch_forgets=("title",)),
    "remove refused": W(remove_refused=True),
    "remove refused, paths only": W(remove_refused=True, patch="with_path", patch_refused_with=400),
    "PUT merges": W(patch="none", put_merges=True),
    "strict types": W(strict_types=True),
    "plain e-mails": W(plain_emails=True, discovery="missing"),
    "total capped": W(total_capped=3, newest_first=True),
}
NOT_KEPT = {"PUT merges": {("u2", "title"), ("u1", MANAGER)}}
"""What a server cannot do: clear anything, where PUT is all it knows and PUT clears nothing."""


@pytest.fixture(scope="module", autouse=True)
def _one_sandbox() -> Iterator[None]:
    yield
    close()


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    sandbox, _ = shared()
    sandbox.directory.begin_again(DirectoryData(BEFORE, TOKEN))
    return Nights(tmp_path, sandbox.scim_url, [dict(one) for one in PEOPLE])


def profiles() -> dict[str, dict[str, Any]]:
    """What the directory holds, junk under names of its own included."""
    directory = shared()[0].directory
    return {one["externalId"]: one | directory.junk.get(one["id"], {}) for one in directory.profiles()}


def unmanaged(profile: dict[str, Any]) -> dict[str, Any]:
    """What no mapping names: none of it may ever change."""
    extension = profile.get(ENTERPRISE, {})
    return {
        "locale": profile.get("locale"),
        "name": {k: v for k, v in profile.get("name", {}).items() if k not in {"givenName", "formatted"}},
        "extension": {k: v for k, v in extension.items() if k in {"employeeNumber", "costCenter"}},
        "mails": sorted(str(e.get("value")) for e in profile["emails"] if "home" in str(e.get("value"))),
        "junk": sorted(name for name in profile if name.startswith("urn:") and name != ENTERPRISE),
    }


def managed(profile: dict[str, Any]) -> dict[str, Any]:
    extension = profile.get(ENTERPRISE, {})
    return {
        "given": profile["name"].get("givenName"),
        "title": profile.get("title"),
        "department": extension.get("department"),
        "manager": (extension.get("manager") or {}).get("value"),
        "mails": sorted(str(e.get("value")) for e in profile["emails"]),
        "nick": profile.get("nickName"),
        "active": profile.get("active"),
    }


@pytest.mark.parametrize("name", SERVERS)
def test_two_nights_a_change_day_and_a_way_back_touch_nothing_else(nights: Nights, name: str) -> None:
    shared()[0].directory.weaknesses = SERVERS[name]
    before = {key: unmanaged(one) for key, one in profiles().items()}
    stranger = profiles()["stranger"]
    first = nights.night()
    assert first.residual == {}, (first.residual, first.result.records)
    assert {key: unmanaged(one) for key, one in profiles().items() if key in before} == before
    assert profiles()["u0"][ENTERPRISE]["department"] == "Sales"
    after_first = {key: managed(one) for key, one in profiles().items()}

    nights.users[1] |= {"givenName": "Zoe", "department": "Ops"}
    nights.users[2] |= {"manager": None} | ({} if name == "plain e-mails" else {"mail": "other@x.example"})
    nights.users[3] |= {"jobTitle": None}
    nights.users[4] |= {"accountEnabled": False}
    nights.users[5] |= {"department": "Law"}
    second = nights.night()
    changed = {("u0", "name.givenName"), ("u0", DEPARTMENT), ("u1", MANAGER), ("u2", "title"), ("u3", "active")}
    changed |= {("u4", DEPARTMENT)} | (set() if name == "plain e-mails" else {("u1", MAIL)})
    assert set(second.planned.changes) == changed, "the first night left something to do"
    assert set(second.residual) == NOT_KEPT.get(name, set()), (second.residual, second.result.records)
    now = profiles()
    assert {key: unmanaged(one) for key, one in now.items() if key in before} == before
    assert (now["u0"]["name"]["givenName"], now["u0"][ENTERPRISE]["department"]) == ("Zoe", "Ops")
    address = nights.users[2]["mail"]
    assert sorted(each["value"] for each in now["u1"]["emails"]) == sorted([address, "u1@home.example"])
    assert ("manager" in now["u1"].get(ENTERPRISE, {})) is (name == "PUT merges")
    assert now["u3"]["active"] is False
    assert writes(nights.plan()) == {}

    nights.roll_back(second.run)
    assert {key: managed(one) for key, one in profiles().items()} == after_first
    assert {key: unmanaged(one) for key, one in profiles().items() if key in before} == before
    assert profiles()["stranger"] == stranger


def test_what_a_write_took_away_is_put_back_and_shown_apart(nights: Nights) -> None:
    shared()[0].directory.weaknesses = LIKE_JACKSON
    night = nights.night()
    restored = [row for row in night.result.records if row["operation"] == "restore"]
    assert restored
    assert all(row["result"] == "applied" and row["reason"].endswith("; put back") for row in restored)
    assert len(restored) <= 2, "a form that did harm is not used on anybody else"
    assert night.result.applied == len(PEOPLE)
    kinds = {(r["operation"], r["event"]) for r in read_journal(night.planned.files.journal) if "operation" in r}
    assert {("restore", "intent"), ("restore", "settled")} <= kinds
    people = pq.read_table(night.planned.files.outcome).to_pylist()
    assert sum(row["operation"] != "restore" for row in people) == len(PEOPLE)
    assert night.result.dialect["harms"]
    again = nights.apply(nights.plan())
    assert not [row for row in again.result.records if row["operation"] == "restore"]


def test_what_no_reading_shows_is_not_risked_by_a_put_nobody_asked_for(nights: Nights) -> None:
    directory = shared()[0].directory
    directory.weaknesses = W(patch_forgets=("title",))
    night = nights.night()
    assert {attribute for _, attribute in night.residual} == {"title"}, night.residual
    assert not [seen for seen in directory.requests if seen.method == "PUT"], "the schema names a password"
    again = nights.plan()
    assert writes(again) == {}
    assert set(again.causes.values()) == set()


def test_a_user_name_that_follows_the_e_mail_is_given_back_or_named(nights: Nights) -> None:
    shared()[0].directory.weaknesses = W(user_name_follows_email=True)
    nights.night()
    nights.users[1] |= {"mail": "alias@x.example"}
    night = nights.night()
    now = profiles()["u0"]
    assert [e["value"] for e in now["emails"] if e.get("type") == "work"] == ["alias@x.example"]
    assert now["userName"] == "u0@x.example", night.result.records
    assert writes(nights.plan()) == {}


@pytest.mark.parametrize("refused", [400, 403, 501])
def test_whoever_has_a_refused_attribute_is_applied_and_the_attribute_named(nights: Nights, refused: int) -> None:
    shared()[0].directory.weaknesses = W(refuses=("title",), refused_with=refused)
    for one in nights.users[1:]:
        one["jobTitle"] = "Head"
    night = nights.night()
    assert {row["result"] for row in night.result.records} == {"applied"}, night.result.records
    assert night.result.is_partial, "something approved is not so: exit 4"
    assert set(night.residual.values()) == {"not_kept"}
    assert {attribute for _, attribute in night.residual} == {"title"}
    assert writes(nights.plan()) == {}


def test_a_manager_keeps_the_siblings_it_is_written_beside(nights: Nights) -> None:
    shared()[0].directory.weaknesses = LIKE_JACKSON
    nights.night()
    nights.users[1] |= {"manager": None}
    nights.night()
    nights.users[1] |= {"manager": "boss"}
    night = nights.night()
    assert set(night.planned.changes) == {("u0", MANAGER)}
    assert set(night.planned.causes.values()) == {"source_changed"}
    extension = profiles()["u0"][ENTERPRISE]
    assert (extension["department"], extension["employeeNumber"]) == ("Sales", "4711")


def test_learning_costs_the_same_for_few_people_and_for_many(tmp_path: Path) -> None:
    spent = {}
    for many in (8, 40):
        sandbox, _ = shared()
        before = [rich(f"v{n}") for n in range(many)]
        sandbox.directory.begin_again(DirectoryData((resource("boss"), *before), TOKEN))
        sandbox.directory.weaknesses = LIKE_JACKSON.but(refuses=("nickName",), drops=("title",))
        people = [user("boss"), *(user(f"v{n}", manager="boss", nick="N", jobTitle="Head") for n in range(many))]
        nights = Nights(tmp_path / str(many), sandbox.scim_url, people)
        night = nights.night()
        spent[many] = sum(night.result.requests.values())
        assert writes(nights.plan()) == {}
    assert spent[40] - spent[8] <= 3.3 * 32
    assert spent[8] - 3.3 * 9 <= 12 * 6, "six attributes are learnt"


def test_two_attributes_with_one_value_behind_them_end_somewhere_and_are_named(nights: Nights) -> None:
    """The e-mail moves the user name, and giving that back moves the e-mail: each form is tried once, no more."""
    directory = shared()[0].directory
    directory.weaknesses = W(patch_returns_body=True, user_name_follows_email=True, email_follows_user_name=True)
    nights.night()
    nights.users[1] |= {"mail": "alias@x.example"}
    night = nights.night()
    assert night.result.failed == 0, night.result.records
    assert max(row["attempts"] for row in pq.read_table(night.planned.files.outcome).to_pylist()) <= 6
    assert {attribute for _, attribute in night.residual} == {'emails[type eq "work"].value'}
    assert profiles()["u0"]["userName"] == "u0@x.example"
    assert writes(nights.plan()) == {}


def test_what_came_along_with_a_write_and_was_wanted_is_taken_back_with_it(nights: Nights) -> None:
    """The server makes the user name of the e-mail; both were to change, and both change back."""
    directory = shared()[0].directory
    directory.weaknesses = W(patch_returns_body=True, user_name_follows_email=True, email_follows_user_name=True)
    nights.night()
    before = managed(profiles()["u0"]) | {"userName": profiles()["u0"]["userName"]}
    nights.users[1] |= {"mail": "alias@x.example", "userPrincipalName": "alias@x.example"}
    night = nights.night()
    assert night.residual == {}, night.result.records
    assert profiles()["u0"]["userName"] == "alias@x.example"
    nights.roll_back(night.run)
    assert managed(profiles()["u0"]) | {"userName": profiles()["u0"]["userName"]} == before


def test_a_full_name_that_is_the_display_name_follows_it_and_parts_that_are_not_kept_are_not_tried_each_night(
    tmp_path: Path,
) -> None:
    sandbox, _ = shared()
    before = (profile_before("boss", id="p-boss", name={"formatted": "Bo"}, displayName="Bo"),)
    weak = W(full_name_is_display_name=True, discovery="missing")
    sandbox.directory.begin_again(DirectoryData(before, TOKEN), weak)
    people = [user("boss", display="Bo"), *(user(f"u{n}", display=f"Pat {n}", manager="boss") for n in range(4))]
    nights = Nights(tmp_path, sandbox.scim_url, people, beside=("displayName",))
    for turn in ("first", "second"):
        night = nights.night()
        assert {(attribute, kind) for (_, attribute), kind in night.residual.items()} == {
            ("name.givenName", "not_kept")
        }
        shown = {one["externalId"]: one["displayName"] for one in sandbox.directory.profiles()}
        assert shown == {one["id"]: one["display"] for one in nights.users}, turn
        assert writes(nights.plan()) == {}, turn
        for one in nights.users[1:3]:
            one |= {"display": f"Patricia {one['id']}", "givenName": "Patricia"}
