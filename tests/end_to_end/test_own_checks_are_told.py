"""A check of one's own about a column or the table, by the command line: what fails below critical is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Office

OWN = """
[[expectations]]
suite = "source"
type = "expect_table_row_count_to_be_between"
name = "so_few"
max_value = 3
reason = "There are more people than desks."
remedy = "Rent another floor."

[[expectations]]
suite = "source"
type = "expect_column_unique_value_count_to_be_between"
name = "departments"
column = "department"
max_value = 1
severity = "info"
reason = "The company has one department."
remedy = "Ask the head of it."

[[expectations]]
suite = "desired"
type = "expect_column_values_to_not_be_null"
name = "everybody_has_a_name"
column = "userName"
reason = "Nobody sees this."
remedy = "Nor this."
"""
SAID = (
    "Check so_few (warning) failed: There are more people than desks. Seen: ",
    "Rent another floor.",
    "Check departments (info) failed: The company has one department. Seen: ",
    "Ask the head of it.",
)


def test_a_failed_check_of_the_table_or_a_column_is_a_line_with_reason_and_remedy_everywhere(office: Office) -> None:
    (office.folder / "own.toml").write_text(OWN, encoding="utf-8")
    office.configure('[checks]\nfile = "own.toml"\n[limits]\ncreate = "100%"\nupdate = "100%"\n')
    done = office.trueup("plan")
    assert done.code == 0, done.err
    (run,) = office.archive.glob("2*")
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    seen = {
        "terminal": " ".join(done.out.split()),
        "report.md": (run / "report.md").read_text(encoding="utf-8").replace("\\", ""),
        "report.html": (run / "report.html").read_text(encoding="utf-8"),
        "manifest.json": "\n".join(manifest["notes"]),
    }
    assert {(place, words): words in text for place, text in seen.items() for words in SAID if words not in text} == {}
    assert not any("everybody_has_a_name" in text for text in seen.values())
    assert manifest["outcome"] == "ready"
