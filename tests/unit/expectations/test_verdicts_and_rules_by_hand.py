"""Verdicts overridden by hand, guests, and what must never happen whatever a tenant holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.support.check_world import person, settings, table
from tests.support.prior import prior_run
from tests.support.reading import Outcome as Reading
from trueup.connectors.source import SourceSnapshot
from trueup.expectations.people import judge, named_groups
from trueup.transforms.attributes import CHECKED
from trueup.transforms.history import History, PriorRun
from trueup.transforms.run_files import RunFiles
from trueup.transforms.vocabulary import Outcome, Verdict

if TYPE_CHECKING:
    from pathlib import Path

GUEST = {"userType": "Guest", "userPrincipalName": "jo_fabrikam.example#EXT#@contoso.onmicrosoft.com"}


def judged(path: Path, accounts: list[dict[str, Any]], **people: Any) -> dict[str, dict[str, Any]]:
    files = RunFiles(path / "run")
    files.path.mkdir(exist_ok=True)
    pq.write_table(table(accounts, (*CHECKED, "groups")), files.source)
    judge(files, settings(people=people))
    rows = pq.read_table(files.work_verdicts).to_pylist()
    assert [row["key"] for row in rows] == sorted(account["id"] for account in accounts)
    return {row["key"]: row for row in rows}


def verdict(path: Path, account: dict[str, Any], **people: Any) -> tuple[str, str | None]:
    found = judged(path, [account, *(person(n) for n in range(1, 20))], **people)[account["id"]]
    return found["verdict"], found["overridden_by"]


@pytest.mark.parametrize("rule", ["id:ID-00050", "upn:omar.*@contoso.example", "upn:*", "group:Kiosks"])
def test_never_sets_a_person_aside_and_names_the_rule(rule: str, tmp_path: Path) -> None:
    account = person(50, userPrincipalName="Omar.X@contoso.example", groups=["Kiosks"])
    assert verdict(tmp_path, account, never=[rule]) == ("service_account", f"never = {rule}")


def test_always_makes_a_person_of_a_room(tmp_path: Path) -> None:
    room = {"id": "r", "userPrincipalName": "room-1@contoso.example", "displayName": "Meeting Room 1"}
    assert verdict(tmp_path, room)[0] == "room_or_equipment"
    assert verdict(tmp_path, room, always=["id:r"]) == ("person", "always = id:r")


def test_nobody_is_set_aside_as_a_thing_for_what_was_not_read(tmp_path: Path) -> None:
    thin = {"id": "r", "userPrincipalName": "room-1@contoso.example", "displayName": "Meeting Room 1"}
    guest = {"id": "g", **GUEST}
    assert verdict(tmp_path, thin)[0] == "room_or_equipment"
    lacking = {"r": ["givenName", "surname"], "g": ["department"]}
    files = RunFiles(tmp_path / "run")
    people = [thin, guest, *(person(n) for n in range(1, 20))]
    rows = table(people, (*CHECKED, "groups"))
    told = pa.array([lacking.get(key) for key in rows.column("id").to_pylist()], pa.list_(pa.string()))
    pq.write_table(rows.append_column("unreadable", told), files.source)
    judge(files, settings())
    found = {row["key"]: row for row in pq.read_table(files.work_verdicts).to_pylist()}
    assert (found["r"]["verdict"], found["g"]["verdict"]) == ("unsure", "guest")
    assert "the source did not say givenName, surname" in found["r"]["signals"]
    judge(files, settings(people={"never": ["id:r"]}))
    found = {row["key"]: row for row in pq.read_table(files.work_verdicts).to_pylist()}
    assert found["r"]["overridden_by"] == "never = id:r"
    assert found["r"]["verdict"] not in {"person", "unsure"}


def test_an_id_counts_before_a_user_name_and_that_before_a_group(tmp_path: Path) -> None:
    account = person(50, groups=["Staff"])
    assert verdict(tmp_path, account, never=["id:id-00050"], always=["upn:*", "group:Staff"])[0] == "service_account"
    assert verdict(tmp_path, account, never=["group:Staff"], always=["upn:*"])[0] == "person"
    assert verdict(tmp_path, account, never=["id:id-00050"], always=["id:id-00050"])[0] == "person"


@pytest.mark.parametrize("pattern", ["upn:100%", "upn:a_b@contoso.example", "upn:o\\mar", "upn:omar[a-z]", "upn:omar"])
def test_what_is_no_wildcard_stands_for_itself(pattern: str, tmp_path: Path) -> None:
    account = person(50, userPrincipalName="omar@contoso.example")
    assert verdict(tmp_path, account, never=[pattern]) == ("person", None)


def test_patterns_heed_neither_case_nor_accents(tmp_path: Path) -> None:
    account = person(50, userPrincipalName="José.Ruiz@contoso.example")
    assert verdict(tmp_path, account, never=["upn:jose.r?iz@*"])[0] == "service_account"


def test_guests_are_people_only_when_said(tmp_path: Path) -> None:
    account = person(50, **GUEST)
    assert verdict(tmp_path, account) == ("guest", None)
    assert verdict(tmp_path, account, guests=True) == ("person", "guests = true")
    assert verdict(tmp_path, account, guests=True, never=["id:id-00050"])[0] == "guest"


def test_a_guest_who_became_a_member_is_a_person(tmp_path: Path) -> None:
    assert verdict(tmp_path, person(50, **(GUEST | {"userType": "Member"})))[0] == "person"


def told_before(path: Path, verdicts: dict[str, str], columns: tuple[str, ...]) -> PriorRun:
    path.mkdir()
    files = RunFiles(path)
    pq.write_table(table([person(1)], columns), files.source)
    pq.write_table(pa.table({"key": list(verdicts), "verdict": list(verdicts.values())}), files.decisions)
    run = prior_run(Reading(SourceSnapshot(1, {}), files))
    return replace(run, manifest=run.manifest.model_copy(update={"outcome": Outcome.NOTHING_TO_DO}))


def test_nobody_becomes_a_person_because_what_showed_a_thing_was_not_read(tmp_path: Path) -> None:
    everything = (*CHECKED, "groups", "userPurpose")
    room, known, mended = (person(number)["id"] for number in (1, 2, 3))
    thought = {room: "room_or_equipment", known: "person", mended: "service_account"}
    first = told_before(tmp_path / "first", thought, everything)
    second = told_before(tmp_path / "second", {**thought, room: "unsure"}, CHECKED)
    for name, history in (("once", (first,)), ("for ever", (second, first))):
        files = RunFiles(tmp_path / name)
        files.path.mkdir()
        pq.write_table(table([person(n) for n in range(1, 20)], (*CHECKED, "groups")), files.source)
        judge(files, settings(), History(history))
        rows = {row["key"]: row for row in pq.read_table(files.work_verdicts).to_pylist()}
        assert rows[room]["verdict"] == "unsure"
        assert (
            "did not say userPurpose, and when it did this was taken for: room or equipment"
            in rows[room]["signals"][-1]
        )
        assert rows[known]["verdict"] == "person"
        # What was read of it last night is read tonight, and says that it is a person now.
        assert rows[mended]["verdict"] == ("unsure" if history == (first,) else "person")


def test_who_is_new_is_no_person_while_what_says_so_outright_was_not_said(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    told = table([person(n) for n in range(1, 20)], (*CHECKED, "groups"))
    unsaid = [["userType"], ["department"], *([None] * 17)]
    pq.write_table(told.append_column("unreadable", pa.array(unsaid, pa.list_(pa.string()))), files.source)
    judge(files, settings())
    rows = {row["key"]: row for row in pq.read_table(files.work_verdicts).to_pylist()}
    keys = told.column("id").to_pylist()
    assert [rows[key]["verdict"] for key in keys[:3]] == ["unsure", "person", "person"]
    assert "userType, which may show a thing" in rows[keys[0]]["signals"][-1]


@pytest.mark.parametrize("blank", [" ", "\t", "\r\n", "\u00a0\t", "\u200b"])
def test_what_is_blank_speaks_for_nobody(tmp_path: Path, blank: str) -> None:
    account = {
        "userPrincipalName": "scanner@contoso.example",
        "displayName": "Scanner",
        "givenName": None,
        "surname": None,
    }
    account |= dict.fromkeys(("mailNickname", "manager", "jobTitle", "department", "employeeType"))
    empty = judged(tmp_path, [person(50, **account, employeeId=None, mobilePhone=None)])
    assert judged(tmp_path, [person(50, **account, employeeId=blank, mobilePhone=blank)]) == empty


def test_an_empty_tenant_has_no_verdicts(tmp_path: Path) -> None:
    assert judged(tmp_path, []) == {}


def test_a_snapshot_of_ids_alone_is_judged_unsure(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    pq.write_table(table([{"id": "x"}], ("id",)), files.source)
    judge(files, settings())
    assert pq.read_table(files.work_verdicts)["verdict"].to_pylist() == ["unsure"]


def test_groups_are_named_once_as_written() -> None:
    assert named_groups(settings(people={"never": ["group:A:b", "upn:x"], "always": ["group:A:b"]}).people) == ("A:b",)


TEXTS = st.none() | st.text(max_size=12) | st.sampled_from(["svc-", "Room", "%", "'", "\\", "\x00", "test", "#EXT#"])


@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                name: TEXTS.map(lambda text: None if text is None else text.encode("utf-8", "replace").decode())
                for name in ("userPrincipalName", "displayName", "givenName", "surname", "jobTitle", "employeeType")
            }
        ),
        max_size=15,
    ),
    pattern=st.text(st.characters(codec="utf-8"), max_size=5),
)
def test_every_account_has_one_verdict_with_its_signals(
    rows: list[dict[str, Any]], pattern: str, tmp_path: Path
) -> None:
    accounts = [{"id": f"{number:03d}", **row} for number, row in enumerate(rows)]
    found = judged(tmp_path, accounts, never=[f"upn:{pattern}"])
    assert len(found) == len(accounts)
    assert {row["verdict"] for row in found.values()} <= set(Verdict)
    assert all(row["signals"] for row in found.values())


@pytest.mark.parametrize(
    ("given", "family", "local"),
    [("Nađa", "Herbert", "herbert.naa"), ("Bøot", "Lee", "bot.lee"), ("Tómas", "Teøst", "tomas.test")],
)
def test_a_name_less_the_letters_a_system_did_not_know_is_the_persons_own(
    given: str, family: str, local: str, tmp_path: Path
) -> None:
    upn = f"{local}@contoso.example"
    names = {"givenName": given, "surname": family, "displayName": f"{given} {family}"}
    silent = dict.fromkeys(("employeeId", "employeeType", "manager", "jobTitle", "department", "assignedLicensesCount"))
    account = person(50, userPrincipalName=upn, mail=upn, mailNickname=local, **names, **silent)
    assert verdict(tmp_path, account)[0] == "person"
    plain = account | {"givenName": "Omar", "surname": "Larm", "displayName": "Omar Larm"}
    assert verdict(tmp_path, plain)[0] != "person"
