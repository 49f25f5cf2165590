"""Letters lost, spreadsheet errors and type names in any mapped text: found, with what stood there before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.check_world import ATTRIBUTES, NO_HISTORY, person, settings, world
from tests.support.prior import prior_run
from tests.support.reading import Outcome as Reading
from trueup.connectors.source import SourceSnapshot
from trueup.expectations.gates import CheckResult, check_people
from trueup.expectations.people import judge
from trueup.transforms.history import History
from trueup.transforms.vocabulary import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.check_world import World

LOST = [
    "Gesch?ftsf?hrerin",
    "F?rs?ljare",
    "Malm?",
    "?degaard",
    "?????? ????",
    "GeschÃ¤ft",
    "Gesch\ufffdft",
    "R&amp;D",
]
SOUND = ["Geschäftsführerin", "Łódź", "Q&A", "R&D", "Vice President, APAC", "São Paulo", "https://x.example/?id=1", "?"]
SPOILT = ["4,93012E+11", "#NAME?", "#REF!", "########"]


def checked(night: World, history: History = NO_HISTORY, **sections: Any) -> CheckResult:
    night.write()
    judge(night.files, settings(**sections))
    return check_people(night.files, settings(**sections), ATTRIBUTES, history)


def found(night: World) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["key"], row["check"]): row for row in pq.read_table(night.files.findings).to_pylist()}


def earlier(path: Path, people: list[dict[str, Any]]) -> History:
    before = world(path / "before", people)
    before.write()

    decisions = {"key": [one["id"] for one in people], "decision": ["unchanged"] * 54 + ["hold"] * (len(people) - 54)}
    pq.write_table(pa.table(decisions), before.files.decisions)
    run = prior_run(Reading(SourceSnapshot(len(people), {}), before.files))
    applied = run.manifest.model_copy(update={"outcome": Outcome.NOTHING_TO_DO})
    return History((replace(run, manifest=applied),))


def test_damage_is_found_in_every_mapped_text_with_what_stood_there_before(tmp_path: Path) -> None:
    staff = [person(number) for number in range(60)]
    then = [dict(one) for one in staff]
    for number, text in enumerate(LOST):
        staff[number]["jobTitle"] = text
    for number, text in enumerate(SOUND, 20):
        staff[number]["department"] = text
    for number, text in enumerate(SPOILT, 40):
        staff[number]["department"] = text
    staff[50]["department"] = "System.Object[]"
    staff[51]["mail"] = "#N/A"
    staff[52]["jobTitle"] = then[52]["jobTitle"] = "Who?"
    staff[53]["jobTitle"] = "Malm?"
    staff[54]["jobTitle"] = then[54]["jobTitle"] = "Bygg? & drift"
    then[0]["jobTitle"] = "Geschäftsführerin"
    then[40]["department"] = "493012345678"
    night = world(tmp_path, staff)
    result = checked(night, earlier(tmp_path, then))
    rows = found(night)
    assert result.refusals == ()
    about = {"broken_encoding", "spreadsheet_damage", "type_name"}
    marked = {(key, check): row["severity"] for (key, check), row in rows.items() if check in about}
    assert marked == {
        **{(f"id-{number:05d}", "broken_encoding"): "warning" for number in (*range(len(LOST)), 53, 54)},
        **{(f"id-{number:05d}", "spreadsheet_damage"): "info" for number in range(40, 44)},
        ("id-00050", "type_name"): "info",
        ("id-00051", "spreadsheet_damage"): "warning",
    }
    assert (
        "“Gesch?ftsf?hrerin”, the night before it was “Geschäftsführerin”"
        in rows["id-00000", "broken_encoding"]["reason"]
    )
    assert "“4,93012E+11”, the night before it was “493012345678”" in rows["id-00040", "spreadsheet_damage"]["reason"]
    assert "department is “System.Object[]”" in rows["id-00050", "type_name"]["reason"]


@pytest.mark.parametrize(("text", "check"), [("F?rs?ljning", "broken_encoding"), ("4,93012E+11", "spreadsheet_damage")])
@pytest.mark.parametrize("count", [15, 16])
def test_damage_of_more_than_half_of_the_people_refuses(tmp_path: Path, text: str, check: str, count: int) -> None:
    staff = [person(number, **({"department": text} if number < count else {})) for number in range(30)]
    night = world(tmp_path, staff)
    result = checked(night)
    assert [one.code for one in result.refusals] == ([f"check_{check}"] if count > 15 else [])
    assert len({key for key, name in found(night) if name == check}) == count


def test_the_check_can_be_lowered_and_turned_off(tmp_path: Path) -> None:
    staff = [person(number, department="F?rs?ljning") for number in range(30)]
    (tmp_path / "checks.toml").write_text('[override.broken_encoding]\nseverity = "info"\n')
    night = world(tmp_path, staff)
    result = checked(night, checks={"file": str(tmp_path / "checks.toml")})
    assert result.refusals == ()
    assert {row["severity"] for (_, check), row in found(night).items() if check == "broken_encoding"} == {"info"}


def test_what_could_not_be_read_of_a_person_is_said_and_no_wrong_type(tmp_path: Path) -> None:
    staff = [person(number) for number in range(30)]
    night = world(tmp_path, staff)
    night.problems = [
        ("id-00001", "department", "is given as the name of a type"),
        ("id-00004", "jobTitle", "is a list"),
    ]
    night.write()
    table = pq.read_table(night.files.source)
    lists = {"id-00001": ["department", "jobTitle"], "id-00002": [], "id-00003": ["surname"]}
    column = pa.array([lists.get(key) for key in table.column("id").to_pylist()], pa.list_(pa.string()))
    pq.write_table(table.append_column("unreadable", column), night.files.source)
    judge(night.files, settings())
    check_people(night.files, settings(), ATTRIBUTES, NO_HISTORY)
    rows = {pair: row for pair, row in found(night).items() if pair[1] in {"not_said", "wrong_type"}}
    assert {pair: row["severity"] for pair, row in rows.items()} == {
        ("id-00001", "not_said"): "info",
        ("id-00003", "not_said"): "warning",
        ("id-00004", "wrong_type"): "warning",
    }
    reason = rows["id-00001", "not_said"]["reason"]
    assert "department is given as the name of a type; jobTitle was not sent" in reason


DROPPED = {
    "Müller": "Mller",
    "Geschäftsführerin": "Geschftsfhrerin",
    "Łukasz Żak": "ukasz ak",
    "Jørgensen": "J_rgensen",
    "José María": "Jos  Mar a",
    "Größe": "Gr\u00b3\u2592e",
    "Lück": "Lьck",
    "Sales – EMEA": "Sales ? EMEA",
    "Anna Ö Berg": "Anna ? Berg",
    "Иван Петров": " ",
}
ORDINARY = {
    "Müller": "Mueller",
    "Möller": "Moller",
    "Renée": "Rene",
    "Jörg Übel": "Jörg Übel-Schmidt",
    "Sales – EMEA": "Sales - EMEA",
    "Anna Ö Berg": "Anna Berg",
    "O\u2019Brien": "O'Brien",
    "Muller": "Müller",
    "Şahin": "Șahin",
    "Иван": "Ivan",
    "Größe": "Head of Sales",
    "Café": "",
}


def test_letters_that_are_gone_show_beside_what_stood_there_before(tmp_path: Path) -> None:
    staff = [person(number) for number in range(60)]
    then = [dict(one) for one in staff]
    for number, (before, now) in enumerate(DROPPED.items()):
        then[number]["jobTitle"], staff[number]["jobTitle"] = before, now
    for number, (before, now) in enumerate(ORDINARY.items(), 20):
        then[number]["jobTitle"], staff[number]["jobTitle"] = before, now
    then[40]["surname"], staff[40]["surname"] = "Grönlund", "Grnlund"
    history = earlier(tmp_path, then)
    night = world(tmp_path, staff)
    assert checked(night, history).refusals == ()
    held = {key for key, check in found(night) if check == "broken_encoding"}
    assert held == {f"id-{number:05d}" for number in (*range(len(DROPPED)), 40)}
    reason = found(night)["id-00000", "broken_encoding"]["reason"]
    assert "jobTitle is “Mller”, the night before it was “Müller”" in reason
    assert "“Grnlund”" in found(night)["id-00040", "broken_encoding"]["reason"]


def test_who_is_held_for_lost_letters_stays_held_on_the_next_nights(tmp_path: Path) -> None:
    then, since = ([person(number) for number in range(60)] for _ in range(2))
    for number, text in ((0, "Müller"), (55, "Mölder")):
        then[number]["jobTitle"], since[number]["jobTitle"] = text, text.encode("ascii", "ignore").decode()
    first = earlier(tmp_path / "first", then).runs[0]
    second = earlier(tmp_path / "second", since).runs[0]
    decisions = pq.read_table(second.files.decisions).to_pylist()
    for one in decisions:
        one["decision"] = "hold" if one["key"] in {"id-00000", "id-00055"} else "unchanged"
    pq.write_table(pa.Table.from_pylist(decisions), second.files.decisions)
    taken_over = pa.Table.from_pylist([{**one, "decision": "unchanged"} for one in decisions])
    pq.write_table(taken_over, first.files.decisions)
    night = world(tmp_path, since)
    checked(night, History((second, first)))
    reasons = {key: row["reason"] for (key, check), row in found(night).items() if check == "broken_encoding"}
    assert reasons.keys() == {"id-00000", "id-00055"}
    assert "when last taken over it was “Müller”" in reasons["id-00000"]
