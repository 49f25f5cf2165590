"""``[checks] file``: what it may say, how it is refused, and that it is obeyed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.support.check_world import ATTRIBUTES, NO_HISTORY, World, person, profile_of, settings, world
from trueup.expectations.custom_checks import load_own_checks, source_columns
from trueup.expectations.gates import CheckResult, check_people
from trueup.expectations.people import judge
from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.transforms.settings import Settings

TITLES = """
[[expectations]]
suite = "desired"
type = "expect_column_values_to_not_match_regex"
name = "no_astronauts"
column = "title"
regex = "Astronaut"
severity = "warning"
reason = "There are no astronauts here."
remedy = "Ask the space team."

[override.outer_space]
severity = "warning"

[override.last_name_missing]
enabled = false
"""
MODULE = """
from great_expectations.expectations.core.expect_column_values_to_not_be_null import ExpectColumnValuesToNotBeNull

EXPECTATIONS = {"source": [ExpectColumnValuesToNotBeNull(column="officeLocation", severity="info")]}
OVERRIDES = {"email_missing": {"enabled": False}}
"""


def with_file(folder: Path, text: str, name: str = "checks.toml") -> Settings:
    (folder / name).write_text(text, encoding="utf-8")
    return settings(checks={"file": name}).placed_in(folder)


def checked(night: World, given: Settings) -> tuple[CheckResult, list[dict[str, Any]]]:
    night.write()
    judge(night.files, given)
    result = check_people(night.files, given, ATTRIBUTES, NO_HISTORY)
    return result, pq.read_table(night.files.findings).to_pylist()


def test_a_file_adds_overrides_and_turns_off(tmp_path: Path) -> None:
    night = world(tmp_path, [person(n) for n in range(30)])
    night.accounts[1]["jobTitle"] = "Astronaut"
    night.accounts[2]["surname"] = "Berg "
    night.accounts[3]["surname"] = None
    _, rows = checked(night, with_file(tmp_path, TITLES))
    found = {row["key"]: (row["check"], row["severity"]) for row in rows if row["check"] != "manager_held"}
    assert found["id-00001"] == ("no_astronauts", "warning")
    assert found["id-00002"] == ("outer_space", "warning")
    assert "id-00003" not in found
    own = next(row for row in rows if row["check"] == "no_astronauts")
    assert (own["reason"], own["remedy"]) == ("There are no astronauts here.", "Ask the space team.")


def test_a_critical_check_of_ones_own_refuses(tmp_path: Path) -> None:
    night = world(tmp_path, [person(n) for n in range(30)])
    night.accounts[1]["jobTitle"] = "Astronaut"
    result, _ = checked(
        night, with_file(tmp_path, TITLES.replace('severity = "warning"\nreason', 'severity = "critical"\nreason'))
    )
    assert [refusal.code for refusal in result.refusals] == ["check_no_astronauts"]


def test_a_gate_may_be_lowered(tmp_path: Path) -> None:
    night = world(tmp_path, [person(n, accountEnabled=False) for n in range(30)])
    lowered = with_file(tmp_path, '[override.everybody_disabled]\nseverity = "info"\n')
    result, _ = checked(night, lowered)
    assert result.refusals == ()
    (refusal,) = checked(night, settings())[0].refusals
    assert refusal.code == "check_everybody_disabled"
    assert result.notes == (f"Check everybody_disabled (info) failed: {refusal.message} {refusal.remedy}",)


def test_a_gate_of_each_attribute_is_lowered_by_the_name_of_its_check(tmp_path: Path) -> None:
    people = [person(n) for n in range(60)]
    night = world(tmp_path, people, profiles=[profile_of(one) for one in people])
    night.accounts = [{**one, "department": "Company"} for one in people]
    (refusal,) = checked(night, settings())[0].refusals
    assert refusal.code == "check_same_for_everybody"
    lowered = with_file(tmp_path, '[override.same_for_everybody]\nseverity = "warning"\n')
    result, _ = checked(night, lowered)
    assert result.refusals == ()
    assert result.notes == (f"Check same_for_everybody (warning) failed: {refusal.message} {refusal.remedy}",)


def test_a_yaml_file_is_refused_with_the_same_checks_as_toml(tmp_path: Path) -> None:
    text = (
        "expectations:\n- {suite: source, type: expect_column_values_to_match_regex, column: officeLocation,"
        ' name: office, severity: info, regex: "^\\\\d \\"A\\"", mostly: 0.5, row_condition: null}\n'
        "override:\n  outer_space: {severity: warning}\n  mononym: {enabled: false}\n"
    )
    with pytest.raises(Misused, match=r"checks\.yaml is YAML") as caught:
        load_own_checks(with_file(tmp_path, text, "checks.yaml"))
    assert caught.value.exit_code == 2
    own = load_own_checks(with_file(tmp_path, caught.value.remedy.partition("\n\n")[2]))
    assert own.source_columns == {"officeLocation"}
    assert own.own["office"].severity == "info"
    assert (own.source[0].regex, own.source[0].mostly) == ('^\\d "A"', 0.5)
    assert str(own.overrides["outer_space"].severity) == "warning"
    assert not own.is_on("mononym")
    for broken in ("a: [", "- 1", "expectations: 3"):
        with pytest.raises(Misused, match="is YAML"):
            load_own_checks(with_file(tmp_path, broken, "checks.yml"))


def test_a_python_module_says_the_same(tmp_path: Path) -> None:
    own = load_own_checks(with_file(tmp_path, MODULE, "checks.py"))
    assert own.source_columns == {"officeLocation"}
    assert not own.is_on("email_missing")


def test_no_file_is_no_checks_of_ones_own() -> None:
    assert load_own_checks(settings()).own == {}
    assert source_columns(settings()) == frozenset()


ENTRY = '[[expectations]]\ntype = "expect_column_values_to_not_be_null"\ncolumn = "title"\n'
WRONG = {
    "nonsense = 1": "nonsense",
    "expectations = 3": "expectations",
    '[[expectations]]\ntype = "expect_the_unexpected"\ncolumn = "title"': r"expectations\[0\].type",
    "[[expectations]]\ncolumn = 'title'": r"expectations\[0\].type",
    ENTRY + 'suite = "moon"': r"expectations\[0\].suite",
    ENTRY + 'severity = "grave"': r"expectations\[0\].severity",
    ENTRY + 'colour = "red"': r"expectations\[0\].colour",
    ENTRY + 'mostly = "many"': r"expectations\[0\]",
    ENTRY + 'name = "mononym"': "mononym",
    ENTRY + "reason = 3": r"expectations\[0\].reason",
    ENTRY.replace("title", "shoeSize") + 'suite = "source"': "shoeSize",
    "[override.ids_repeated]\nenabled = false": "override.ids_repeated",
    "[override.mononym]\nseverity = 'grave'": "override.mononym.severity",
    "[override.mononym]\nenabled = 'no'": "override.mononym.enabled",
    "[override.mononym]\ncolour = 'red'": "override.mononym.colour",
    "override = 3": "override",
    "not toml at all [": "does not parse",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_in_a_file_is_named_by_key(text: str, tmp_path: Path) -> None:
    with pytest.raises(Misused, match=WRONG[text]) as caught:
        load_own_checks(with_file(tmp_path, text))
    assert "checks.toml" in str(caught.value)


@pytest.mark.parametrize("name", ["absent.toml", "absent.py", "absent.yaml", "checks.txt"])
def test_a_file_that_cannot_be_read_is_misuse(name: str, tmp_path: Path) -> None:
    (tmp_path / "checks.txt").write_text("", encoding="utf-8")
    given = settings(checks={"file": name}).placed_in(tmp_path)
    with pytest.raises(Misused, match=name):
        load_own_checks(given)


@pytest.mark.parametrize("text", ["raise RuntimeError('x')", "EXPECTATIONS = 3", "EXPECTATIONS = {'source': [3]}"])
def test_a_module_that_does_not_fit_is_misuse(text: str, tmp_path: Path) -> None:
    with pytest.raises(Misused, match=r"checks\.py"):
        load_own_checks(with_file(tmp_path, text, "checks.py"))


def test_a_column_this_run_does_not_have_is_misuse(tmp_path: Path) -> None:
    night = world(tmp_path, [person(n) for n in range(12)])
    with pytest.raises(Misused, match="nickName"):
        checked(night, with_file(tmp_path, ENTRY.replace("title", "nickName")))


def test_an_expectation_that_cannot_be_evaluated_is_misuse_not_silence(tmp_path: Path) -> None:
    night = world(tmp_path, [person(n) for n in range(12)])
    text = ENTRY.replace("not_be_null", "match_regex") + 'regex = "("'
    with pytest.raises(Misused, match="cannot be evaluated"):
        checked(night, with_file(tmp_path, text))
