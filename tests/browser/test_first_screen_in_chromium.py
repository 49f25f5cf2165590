"""The report's first screen, on a desk and on a phone, and a night of ten thousand changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import info_of, rows_of, unfold
from tests.support.report_runs import AT
from tests.support.report_scale import write_big_run
from trueup.reports.html import render_html
from trueup.reports.view import build_view
from trueup.transforms.history import History

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from playwright.sync_api import Page

    Opened = Callable[..., AbstractContextManager[Page]]

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", ["ordinary", "hostile", "refused"])
def test_on_a_phone_nothing_is_wider_than_the_screen(report: Callable[..., Path], opened: Opened, name: str) -> None:
    with opened(report(name)) as page:
        page.set_viewport_size({"width": 360, "height": 740})
        unfold(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_all_who_leave_or_join_stand_on_the_first_screen(
    report: Callable[..., Path], opened: Opened, width: int, height: int
) -> None:
    with opened(report("ordinary")) as page:
        page.set_viewport_size({"width": width, "height": height})
        names = page.locator(".stories :is(.left, .joined, .returned) .name")
        assert sorted(names.all_inner_texts()) == [
            "Björn Lovelace",
            "Chloé Lovelace",
            "Jūratė Lovelace",
            "Kofi Lovelace",
        ]
        for name in names.all():
            box = name.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= height
        people = page.locator("#people").bounding_box()
        assert people is not None
        assert people["y"] < 1.2 * height, "on a small night the people stand directly below"


def test_a_name_or_a_story_shows_its_people_in_the_list(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("ordinary")) as page:
        page.locator(".stories").get_by_role("button", name="Fatima Lovelace").click()
        assert page.locator("#panel-name").inner_text() == "Fatima Lovelace"
        page.keyboard.press("Escape")
        assert page.locator("#panel").is_hidden()
        assert rows_of(page) == ["Fatima Lovelace"]
        page.keyboard.press("Escape")
        page.locator(".stories").get_by_role("button", name="Joining").click()
        assert rows_of(page) == ["Björn Lovelace", "Chloé Lovelace"]
        page.locator(".stories").get_by_role("button", name="Held, 2 new").click()
        page.get_by_role("button", name="Remove filter: new", exact=True).click()
        assert len(rows_of(page)) == 4


def test_where_nothing_is_written_the_list_is_folded_away(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("empty")) as page:
        assert not page.locator("#grid").is_visible()
        page.locator("#everybody > summary").click()
        assert info_of(page) == "1 to 12 of 12 people"


def test_the_organisation_is_a_picture_with_words_and_a_table(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("reorganisation"), scheme="dark") as page:
        ways = page.get_by_role("img", name="Who moves from which department to which")
        assert "Sales to Customer Success: 30" in (ways.locator("desc").text_content() or "")
        assert ways.locator("text").all_text_contents() == [
            "Sales · 30",
            "IT · 5",
            "30 · Customer Success",
            "5 · Engineering",
        ]
        ink = ways.locator("text").first.evaluate("one => getComputedStyle(one).fill")
        assert ink == "rgb(233, 231, 227)", "the page's own colour, so that it can be read in the dark"
        page.locator("#organisation").get_by_text("As a table").first.click()
        assert page.locator("#organisation table").first.locator("tbody tr").count() == 2
        team = page.locator(".teams tbody tr", has_text="Fatima O’Neill")
        assert "19 → 43" in team.inner_text()
        assert page.locator("#organisation svg").count() == 3
        assert page.locator("svg [style], svg a, svg image, svg foreignObject").count() == 0


def test_ten_thousand_changes_are_small_and_quick_to_filter(tmp_path: Path, opened: Opened) -> None:
    files, manifest = write_big_run(tmp_path, 10_000)
    place = tmp_path / "report.html"
    place.write_text(render_html(build_view(files, manifest, History(), at=AT)), encoding="utf-8")
    assert place.stat().st_size <= 6_000_000
    with opened(place) as page:
        unfold(page)
        took = page.evaluate(
            """() => {
                const times = [];
                for (const button of [...document.querySelectorAll("button.filter:not([disabled])")].slice(0, 12)) {
                    const began = performance.now();
                    button.click();
                    times.push(performance.now() - began);
                }
                return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
            }"""
        )
        assert took <= 300
