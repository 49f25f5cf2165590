"""Hostile text does nothing wherever it is shown, and nothing of it is lost."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.report_cases import HOSTILE
from trueup.reports.escaping import cell, json_text, markdown, script_data, visible

_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_TEXT = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]), st.sampled_from("\x00\x1b\t\r\n\u202e\u200d=+-@'\"<>|`[]()*_&\\ ")
    )
)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_a_terminal_obeys_is_left_in_visible_text(text: str) -> None:
    assert not _OBEYED.search(visible(text))


@given(_TEXT)
@settings(max_examples=300)
def test_visible_text_shows_every_character(text: str) -> None:
    shown = visible(text)
    assert not _OBEYED.search(shown)
    back = re.sub("⟨U\\+([0-9A-F]{4,6})⟩", lambda found: chr(int(found.group(1), 16)), shown)
    if "⟨" not in text and "␣" not in text:
        assert back.replace("␣", " ") == text


def test_plain_text_stays_as_it_is() -> None:
    assert visible("Jūratė O’Neill-Ångström, 李小龍") == "Jūratė O’Neill-Ångström, 李小龍"


def test_joined_emoji_stay_whole_but_a_joiner_between_letters_is_shown() -> None:
    assert visible("👨\u200d👩\u200d👧") == "👨\u200d👩\u200d👧"
    assert visible("a\u200db") == "a⟨U+200D⟩b"


def test_spaces_at_the_ends_and_in_runs_are_seen() -> None:
    assert visible(" a  b ") == "␣a␣␣b␣"


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 30 123", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1+1", "\uff0b1"]
)
def test_no_cell_begins_as_a_formula(text: str) -> None:
    assert cell(text).startswith("'")


@given(_TEXT)
@settings(max_examples=300)
def test_cells_hold_no_control_character_and_never_start_a_formula(text: str) -> None:
    made = cell(text)
    assert not _OBEYED.search(made)
    assert not made.lstrip(" ").startswith(("=", "+", "-", "@"))


@given(_TEXT)
@settings(max_examples=300)
def test_json_means_the_same_and_holds_nothing_a_terminal_obeys(text: str) -> None:
    made = json_text(json.dumps(text, ensure_ascii=False))
    assert json.loads(made) == text
    assert not _OBEYED.search(made)


@given(_TEXT)
@settings(max_examples=300)
def test_data_inside_a_script_means_the_same_and_cannot_end_it(text: str) -> None:
    made = script_data(json.dumps({text: text}, ensure_ascii=False))
    assert json.loads(made) == {text: text}
    assert not set("<>&") & set(made)


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_has_no_link_image_html_or_cell(text: str) -> None:
    made = markdown(text)
    assert "<" not in made
    assert not re.search(r"(?<!\\)[\[\]|`*]", made)
    assert "\n" not in made
    assert not re.search(r"(?<!\\)://", made)


def test_markdown_leaves_ordinary_values_readable() -> None:
    assert markdown("ada.lovelace@contoso.example, +49 30 1-2") == "ada.lovelace@contoso.example, +49 30 1-2"
    assert markdown("last_name") == "last_name"


def test_what_would_begin_a_list_or_heading_does_not() -> None:
    assert [markdown(text) for text in ("- x", "# x", "1. x", "+ x", "> x")] == [
        "\\- x",
        "\\# x",
        "1\\. x",
        "\\+ x",
        "&gt; x",
    ]


def test_csv_of_hostile_cells_reads_back_row_by_row() -> None:
    sink = io.StringIO(newline="")
    csv.writer(sink).writerow([cell(text) for text in HOSTILE])
    assert len(sink.getvalue().splitlines()) == 1
