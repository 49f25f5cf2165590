"""What docs/checks.md promises of checks of one's own, held against Great Expectations as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.check_world import ATTRIBUTES, World, person, settings, world
from tests.unit.expectations.test_own_checks import checked, with_file
from trueup.expectations.conditions import condition_columns
from trueup.expectations.custom_checks import load_own_checks, source_columns
from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from pathlib import Path


def check(kind: str, **arguments: str) -> str:
    """One entry; arguments are written as they stand in TOML."""
    rows = {"type": f'"{kind}"', **arguments}
    return "[[expectations]]\n" + "".join(f"{key} = {value}\n" for key, value in rows.items())


def held_by_own(rows: list[dict[str, Any]]) -> list[str]:
    return [row["key"] for row in rows if row["check"].startswith("expect_")]


def night_of(tmp_path: Path, number: int) -> World:
    return world(tmp_path, [person(n) for n in range(number)])


def test_what_fails_of_a_column_or_the_table_below_critical_is_a_line_with_reason_and_remedy(tmp_path: Path) -> None:
    # In between one about people: Great Expectations gives table expectations last, whatever the order was.
    text = (
        check("expect_table_row_count_to_be_between", min_value="1000", name='"size"', reason='"We are more."')
        + 'remedy = "Ask HR."\n'
        + check("expect_column_values_to_be_in_set", column='"title"', value_set='["Nurse"]', mostly="0.1")
        + check("expect_column_unique_value_count_to_be_between", column='"title"', max_value="2", severity='"info"')
        + check("expect_column_distinct_values_to_be_in_set", column='"title"', value_set='["Nurse"]', name='"one"')
    )
    result, rows = checked(night_of(tmp_path, 30), with_file(tmp_path, text))
    assert sorted(result.notes) == [
        (
            "Check expect_column_unique_value_count_to_be_between (info) failed: title does not pass the check "
            "expect_column_unique_value_count_to_be_between. Seen: 5. See the rule in [checks] file."
        ),
        "Check one (warning) failed: title does not pass the check one. See the rule in [checks] file.",
        "Check size (warning) failed: We are more. Seen: 30. Ask HR.",
    ]
    assert (rows, result.refusals) == ([], ())


def test_an_own_check_that_too_many_fail_to_be_named_is_a_line_as_well(tmp_path: Path) -> None:
    text = check("expect_column_values_to_be_null", column='"title"', severity='"info"')
    result, rows = checked(night_of(tmp_path, 150), with_file(tmp_path, text))
    assert [note.partition("150 of 150 people")[1] for note in result.notes] == ["150 of 150 people"]
    assert rows == []


def test_a_check_that_passed_by_mostly_holds_nobody_and_one_that_did_not_holds_all_who_failed(tmp_path: Path) -> None:
    night = night_of(tmp_path, 30)
    for account in night.accounts[:3]:
        account["jobTitle"] = None
    for mostly, held in ((0.9, 0), (0.91, 3)):
        text = check("expect_column_values_to_not_be_null", column='"title"', mostly=str(mostly))
        assert len(checked(night, with_file(tmp_path, text))[1]) == held
    # More than half fail, and the team said that this may be: not a disaster either.
    few = check("expect_column_values_to_be_in_set", column='"title"', value_set='["Nurse"]', mostly="0.1")
    result, rows = checked(night, with_file(tmp_path, few))
    assert (result.refusals, result.notes, rows) == ((), (), [])


@pytest.mark.parametrize(
    "condition",
    [
        'row_condition = \'officeLocation == "Oslo"\'\ncondition_parser = "pandas"\n',
        'row_condition = \'col("officeLocation") == "Oslo"\'\ncondition_parser = "great_expectations"\n',
        (
            'row_condition = { type = "comparison", column = { name = "officeLocation" }, operator = "==", '
            'parameter = "Oslo" }\n'
        ),
    ],
)
def test_the_columns_of_a_row_condition_are_read_and_stand_in_the_frame(condition: str, tmp_path: Path) -> None:
    text = check("expect_column_values_to_not_be_null", column='"jobTitle"', suite='"source"') + condition
    given = with_file(tmp_path, text)
    assert source_columns(given) == {"jobTitle", "officeLocation"}
    night = night_of(tmp_path, 12)
    night.columns = (*night.columns, "officeLocation")
    for number, office in ((1, "Oslo"), (2, "Bergen")):
        night.accounts[number] |= {"jobTitle": None, "officeLocation": office}
    assert held_by_own(checked(night, given)[1]) == ["id-00001"]


def test_a_row_condition_may_name_any_managed_attribute(tmp_path: Path) -> None:
    text = check("expect_column_values_to_not_be_null", column='"title"')
    text += 'row_condition = \'`name.familyName` == "Rossi"\'\ncondition_parser = "pandas"\n'
    night = night_of(tmp_path, 12)
    keys = {"Rossi": night.accounts[5]["id"]}
    for number in (5, 6):
        night.accounts[number]["jobTitle"] = None
    night.accounts[5]["surname"], night.accounts[6]["surname"] = "Rossi", "Berg"
    assert held_by_own(checked(night, with_file(tmp_path, text))[1]) == [keys["Rossi"]]


def test_a_column_the_mapping_does_not_manage_is_named_before_anything_is_read(tmp_path: Path) -> None:
    text = check("expect_column_values_to_not_be_null", column='"title"')
    for more, named in (
        ('row_condition = \'nickName == "x"\'\ncondition_parser = "pandas"\n', "nickName"),
        ("row_condition = 'title =='\ncondition_parser = \"pandas\"\n", "row_condition"),
    ):
        with pytest.raises(Misused, match=named):
            source_columns(with_file(tmp_path, text + more), [attribute.path for attribute in ATTRIBUTES])


def test_columns_are_found_in_a_query_of_pandas() -> None:
    query = "`a b` == 'x `y` z' and c.str.startswith(\"d\") and not (e in [1, None] or index > 3)"
    assert set(condition_columns(query)) == {"a b", "c", "e"}


def test_the_default_severity_is_warning_in_toml_and_in_python(tmp_path: Path) -> None:
    module = """
from great_expectations.expectations.core import ExpectColumnValuesToNotBeNull as NotNull

class Strict(NotNull):
    severity: str = "critical"

EXPECTATIONS = {"desired": [
    NotNull(column="title", meta={"check": "a"}), NotNull(column="title", severity="critical", meta={"check": "b"}),
    Strict(column="title", meta={"check": "c"}),
]}
"""
    found = load_own_checks(with_file(tmp_path, module, "checks.py")).own
    assert {name: str(one.severity) for name, one in found.items()} == {
        "a": "warning",
        "b": "critical",
        "c": "critical",
    }
    toml = load_own_checks(with_file(tmp_path, check("expect_column_values_to_not_be_null", column='"title"')))
    assert {str(one.severity) for one in toml.own.values()} == {"warning"}


@pytest.mark.parametrize("bound", ['"2030"', "3"])
def test_bounds_on_a_column_of_text_are_refused_at_once_with_what_to_use_instead(bound: str, tmp_path: Path) -> None:
    for kind in ("expect_column_values_to_be_between", "expect_column_max_to_be_between"):
        with pytest.raises(Misused, match="title holds text") as caught:
            load_own_checks(with_file(tmp_path, check(kind, column='"title"', min_value=bound)))
        assert "expect_column_values_to_match_regex" in caught.value.remedy
    numbers = check(
        "expect_column_values_to_be_between", column='"assignedLicensesCount"', min_value="1", suite='"source"'
    )
    night = night_of(tmp_path, 12)
    night.accounts[4]["assignedLicensesCount"] = 0
    assert [row["key"] for row in checked(night, with_file(tmp_path, numbers))[1]] == ["id-00004"]


def test_expectations_that_differ_only_in_severity_are_both_made(tmp_path: Path) -> None:
    same = {"column": '"title"', "value_set": '["Nurse", "Engineer", "Planner", "Buyer"]'}
    text = check("expect_column_values_to_be_in_set", **same, name='"soft"', severity='"info"')
    text += check("expect_column_values_to_be_in_set", **same, name='"hard"', severity='"warning"')
    _, rows = checked(night_of(tmp_path, 10), with_file(tmp_path, text))
    assert [(row["key"], row["check"], row["severity"]) for row in rows if row["check"] != "manager_held"] == [
        ("id-00001", "hard", "warning"),
        ("id-00001", "soft", "info"),
        ("id-00006", "hard", "warning"),
        ("id-00006", "soft", "info"),
    ]


def test_checks_without_a_name_say_their_own_columns_and_one_name_has_one_reason(tmp_path: Path) -> None:
    text = "".join(check("expect_column_values_to_not_be_null", column=f'"{name}"') for name in ("title", "userName"))
    night = night_of(tmp_path, 12)
    night.desired_changes["id-00003"] = {"title": None}
    rows = checked(night, with_file(tmp_path, text))[1]
    assert [row["reason"].partition(" does")[0] for row in rows] == ["title"]
    with pytest.raises(Misused, match="give each a name"):
        load_own_checks(with_file(tmp_path, text.replace('"userName"\n', '"userName"\nreason = "No user name."\n')))


def test_everybody_who_failed_is_held_though_lists_of_values_are_cut_at_two_hundred(tmp_path: Path) -> None:
    night = night_of(tmp_path, 700)
    for account in night.accounts[:300]:
        account["jobTitle"] = "Astronaut"
    text = check("expect_column_values_to_not_match_regex", column='"title"', regex='"^Astro"', name='"one"')
    text += check("expect_column_pair_values_to_be_equal", column_A='"userName"', name='"two"', mostly="0.5")
    text += "column_B = 'emails[type eq \"work\"].value'\n"
    for account in night.accounts[:250]:
        night.desired_changes[account["id"]] = {"userName": account["mail"].replace("@", "+x@")}
    _, rows = checked(night, with_file(tmp_path, text))
    found = [row["check"] for row in rows]
    assert (found.count("one"), found.count("two")) == (300, 0)
    _, rows = checked(night, with_file(tmp_path, text.replace("mostly = 0.5", "mostly = 0.9")))
    assert [row["check"] for row in rows].count("two") == 250


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        (r"^\w+$", {"Ana", "Zoë", "李"}),
        (r"^(?!Ana)", {"Zoë", "李", "A B"}),
        (r"^.\sB$", {"A B"}),
        (r"^(A)n\1|na$", {"Ana"}),
    ],
)
def test_a_pattern_means_what_it_means_in_python_whatever_engine_runs_it(
    pattern: str, matching: set[str], tmp_path: Path
) -> None:
    titles = ("Ana", "Zoë", "李", "A B")
    night = night_of(tmp_path, 12)
    for number, account in enumerate(night.accounts):
        account["jobTitle"] = titles[number] if number < 4 else None
    text = check("expect_column_values_to_not_match_regex", column='"title"', regex=f"'{pattern}'")
    _, rows = checked(night, with_file(tmp_path, text))
    own = [row["key"] for row in rows if row["check"].startswith("expect_")]
    assert {titles[int(key[3:])] for key in own} == matching


@pytest.mark.parametrize("without", [1, 16, 29, 30])
def test_whoever_has_no_user_name_is_found_whether_few_have_none_or_most_or_all(without: int, tmp_path: Path) -> None:
    night = world(tmp_path, [person(number) for number in range(30)])
    for account in night.accounts[:without]:
        account |= {"userPrincipalName": None, "mail": None}
    result, findings = checked(night, settings())
    assert [row["key"] for row in findings if row["check"] == "user_name_missing"] == (
        [night.accounts[0]["id"]] if without == 1 else []
    )
    refused = {refusal.code: refusal.used for refusal in result.refusals}
    assert refused.get("check_user_name_missing") == (None if without == 1 else pytest.approx(without / 30))
