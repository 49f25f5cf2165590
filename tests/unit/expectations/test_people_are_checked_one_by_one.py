"""One tenant with every trouble in it, and what is found about whom."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.support.check_world import ATTRIBUTES, NO_HISTORY, World, person, settings, world
from trueup.expectations.gates import CheckResult, check_people, data_docs
from trueup.expectations.people import judge
from trueup.transforms.attributes import CHECKED
from trueup.transforms.errors import Failed, Misused
from trueup.transforms.run_files import RunFiles

if TYPE_CHECKING:
    from pathlib import Path

TROUBLES: dict[str, dict[str, Any]] = {
    "no last name": {"surname": None},
    "no first name": {"givenName": "  "},
    "no names": {"givenName": None, "surname": "\u200b"},
    "mononym": {"givenName": "Sukarno", "surname": None, "displayName": "Sukarno"},
    "placeholder": {"givenName": "-"},
    "test": {"surname": "Test"},
    "null is a name": {"surname": "Null"},
    "null is none": {"givenName": "null"},
    "na is a name": {"surname": "Na"},
    "zero width": {"surname": "Schmi\u200bdt"},
    "direction": {"givenName": "\u202eannA"},
    "nul": {"surname": "Nul\x00l"},
    "persian joiner": {"surname": "\u062d\u0633\u06cc\u0646\u06cc\u200c\u0646\u0698\u0627\u062f"},
    "latin joiner": {"surname": "Ab\u200cc"},
    "trailing space": {"surname": "Berg "},
    "mojibake": {"surname": "MÃ¼ller"},
    "lost letter": {"surname": "M\ufffdller"},
    "address as name": {"givenName": "anna@contoso.example"},
    "doubled": {"givenName": "James", "surname": "James", "displayName": "James James"},
    "same mail a": {"mail": "straße@contoso.example"},
    "same mail b": {"mail": "STRASSE@contoso.example"},
    "same mail c": {"mail": "jose\u0301@contoso.example"},
    "same mail d": {"mail": "JOS\u00c9@contoso.example"},
    "same number a": {"employeeId": "E-1"},
    "same number b": {"employeeId": " e-1 "},
    "no number a": {"employeeId": "n/a"},
    "no number b": {"employeeId": "N/A"},
    "leaver": {"employeeId": "R-7", "accountEnabled": False},
    "rehired": {"employeeId": "R-7"},
    "bad mail": {"mail": "anna at contoso"},
    "own manager": {"manager": "own manager"},
    "circle a": {"manager": "circle b"},
    "circle b": {"manager": "circle c"},
    "circle c": {"manager": "circle a"},
    "below the circle": {"manager": "circle a"},
    "lost manager": {"manager": "gone"},
    "manager left": {"manager": "leaver"},
    "manager held": {"manager": "no last name"},
    "manager out": {"manager": "out of scope"},
    "out of scope": {"surname": None},
    "state unknown": {"accountEnabled": None},
    "hostile": {"givenName": "<script>alert(1)</script>", "surname": "'; DROP TABLE people; --"},
    "formula": {"surname": "=cmd()"},
    "wrong type": {},
    "wrong type unused": {},
    "left alone": {"surname": None},
}
EXPECTED: dict[str, set[str]] = {
    "no last name": {"last_name_missing"},
    "no first name": {"first_name_missing"},
    "no names": {"names_missing"},
    "mononym": {"mononym"},
    "placeholder": {"placeholder_name"},
    "test": {"placeholder_name"},
    "null is none": {"placeholder_name"},
    "zero width": {"invisible_characters"},
    "direction": {"invisible_characters"},
    "nul": {"invisible_characters"},
    "latin joiner": {"invisible_characters"},
    "trailing space": {"outer_space"},
    "mojibake": {"broken_encoding"},
    "lost letter": {"broken_encoding"},
    "address as name": {"name_is_address"},
    "doubled": {"names_doubled"},
    "same mail a": {"duplicate_user_name", "duplicate_email"},
    "same mail b": {"duplicate_user_name", "duplicate_email"},
    "same mail c": {"duplicate_user_name", "duplicate_email"},
    "same mail d": {"duplicate_user_name", "duplicate_email"},
    "same number a": {"duplicate_employee_number"},
    "same number b": {"duplicate_employee_number"},
    "rehired": {"employee_number_of_leaver"},
    "bad mail": {"email_unusable"},
    "own manager": {"manager_is_self"},
    "circle a": {"manager_cycle"},
    "circle b": {"manager_cycle"},
    "circle c": {"manager_cycle"},
    "lost manager": {"manager_unknown"},
    "manager left": {"manager_leaving"},
    "manager held": {"manager_held"},
    "manager out": {"manager_out_of_scope"},
    "state unknown": {"account_state_unknown"},
    "wrong type": {"wrong_type"},
    "wrong type unused": {"wrong_type_unused"},
}
HOLDING = {
    "last_name_missing", "first_name_missing", "names_missing", "mononym", "placeholder_name", "invisible_characters",
    "broken_encoding", "name_is_address", "duplicate_user_name", "duplicate_email", "duplicate_employee_number",
    "email_unusable", "account_state_unknown", "wrong_type",
}  # fmt: skip


def troubled(tmp_path: Path) -> World:
    people = [person(number) for number in range(200)]
    people += [person(300 + number, id=name, **fields) for number, (name, fields) in enumerate(TROUBLES.items())]
    for account in people:
        account["manager"] = account["manager"] if account["id"] in TROUBLES else "id-00001"
    night = world(tmp_path, people)
    night.out_of_scope = {"out of scope"}
    night.problems = [("wrong type", "jobTitle", "is a list"), ("wrong type unused", "faxNumber", "is a number")]
    night.desired_changes = {"left alone": {"left_alone": ["name.familyName"]}}
    return night


def findings(files: RunFiles) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in pq.read_table(files.findings).to_pylist():
        found.setdefault(row["key"], set()).add(row["check"])
    return found


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFiles, CheckResult]:
    night = troubled(tmp_path_factory.mktemp("troubled"))
    night.write()
    judge(night.files, settings())
    return night.files, check_people(night.files, settings(), ATTRIBUTES, NO_HISTORY)


@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_is_found_and_nothing_else(name: str, checked: tuple[RunFiles, CheckResult]) -> None:
    assert findings(checked[0]).get(name, set()) - {"manager_span"} == EXPECTED.get(name, set())


def test_ordinary_people_have_no_findings(checked: tuple[RunFiles, CheckResult]) -> None:
    found = findings(checked[0])
    assert {key: checks for key, checks in found.items() if key.startswith("id-")} == {
        "id-00001": {"manager_is_self", "manager_span"}
    }


def test_severities_are_those_of_the_catalogue_and_counted(checked: tuple[RunFiles, CheckResult]) -> None:
    files, result = checked
    rows = pq.read_table(files.findings).to_pylist()
    assert {row["check"] for row in rows if row["severity"] == "warning"} == HOLDING
    assert result.refusals == ()
    assert result.findings["warning"] == sum(row["severity"] == "warning" for row in rows)
    assert result.findings["info"] == sum(row["severity"] == "info" for row in rows)


def test_duplicates_name_the_others_by_key(checked: tuple[RunFiles, CheckResult]) -> None:
    rows = pq.read_table(checked[0].findings).to_pylist()
    reason = next(row["reason"] for row in rows if (row["key"], row["check"]) == ("same mail a", "duplicate_email"))
    assert "same mail b" in reason
    assert "contoso" not in reason


def test_findings_are_sorted_and_hold_no_names(checked: tuple[RunFiles, CheckResult]) -> None:
    rows = pq.read_table(checked[0].findings).to_pylist()
    assert [(row["key"], row["check"]) for row in rows] == sorted((row["key"], row["check"]) for row in rows)
    assert not any("<script>" in row["reason"] or "DROP" in row["reason"] for row in rows)


def test_checks_are_archived_in_great_expectations_own_form(checked: tuple[RunFiles, CheckResult]) -> None:
    document = json.loads(checked[0].checks.read_text(encoding="utf-8"))
    assert [suite["suite_name"] for suite in document["suites"]] == ["source", "source", "desired", "source", "history"]
    results = [result for suite in document["suites"] for result in suite["results"]]
    assert all(result["expectation_config"]["severity"] in {"critical", "warning", "info"} for result in results)
    text = json.dumps(document)
    assert "no last name" in text
    assert "alert(1)" not in text


def test_files_are_for_the_owner_alone(checked: tuple[RunFiles, CheckResult]) -> None:
    files = checked[0]
    assert {path.stat().st_mode & 0o777 for path in (files.findings, files.checks, files.work_verdicts)} == {0o600}


def test_data_docs_are_built_from_the_run_alone(checked: tuple[RunFiles, CheckResult], tmp_path: Path) -> None:
    index = data_docs(checked[0], tmp_path / "docs")
    pages = sorted(path.name for path in index.parent.iterdir())
    assert pages == [
        "01-source.html",
        "02-source.html",
        "03-desired.html",
        "04-source.html",
        "05-history.html",
        "index.html",
    ]
    assert "No name is a placeholder" in (index.parent / "03-desired.html").read_text(encoding="utf-8")


def test_data_docs_of_a_run_without_checks_say_so(tmp_path: Path) -> None:
    with pytest.raises(Misused, match="no checks.json"):
        data_docs(RunFiles(tmp_path), tmp_path / "docs")


def test_a_damaged_record_is_said(tmp_path: Path) -> None:
    (tmp_path / "checks.json").write_text("{", encoding="utf-8")
    with pytest.raises(Failed, match="damaged"):
        data_docs(RunFiles(tmp_path), tmp_path / "docs")


def test_a_stage_that_did_not_run_is_named(tmp_path: Path) -> None:
    night = world(tmp_path, [person(1)])
    night.write()
    with pytest.raises(Failed, match="verdicts"):
        check_people(night.files, settings(), ATTRIBUTES, NO_HISTORY)


def test_mononyms_may_be_repeated_instead_of_held(tmp_path: Path) -> None:
    night = world(tmp_path, [person(n) for n in range(30)])
    night.accounts[3] |= TROUBLES["mononym"]
    night.write()
    given = settings(checks={"mononym": "repeat"})
    judge(night.files, given)
    check_people(night.files, given, ATTRIBUTES, NO_HISTORY)
    rows = pq.read_table(night.files.findings).to_pylist()
    assert [(row["check"], row["severity"]) for row in rows if row["key"] == "id-00003"] == [
        ("mononym_repeated", "info")
    ]


def test_checks_do_without_columns_that_could_not_be_read(tmp_path: Path) -> None:
    night = world(tmp_path, [person(n) for n in range(30)])
    night.columns = tuple(c for c in CHECKED if c in {"id", "userPrincipalName", "displayName", "givenName", "surname"})
    night.write()
    judge(night.files, settings())
    result = check_people(night.files, settings(), ATTRIBUTES, NO_HISTORY)
    assert result.refusals == ()
    assert findings(night.files) == {}


def test_a_group_rule_that_nobody_could_follow_refuses(tmp_path: Path) -> None:
    night = world(tmp_path, [person(n) for n in range(12)])
    night.write()
    given = settings(people={"never": ["group:Kiosks"]})
    judge(night.files, given)
    refusals = check_people(night.files, given, ATTRIBUTES, NO_HISTORY).refusals
    assert [refusal.code for refusal in refusals] == ["check_people_rule_unreadable"]


def test_an_accepted_whole_is_given_row_by_row_between_hold_limit_and_disaster(tmp_path: Path) -> None:
    """Beyond the hold limit people may still be allowed through by hand: then each must be held by a finding."""
    night = world(tmp_path, [person(n) for n in range(60)])
    for account in night.accounts[:24]:
        account["surname"] = None
    night.write()
    judge(night.files, settings())
    result = check_people(night.files, settings(), ATTRIBUTES, NO_HISTORY)
    assert result.refusals == ()
    assert sum("last_name_missing" in checks for checks in findings(night.files).values()) == 24
