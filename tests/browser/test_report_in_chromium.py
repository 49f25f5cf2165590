"""The report as a reviewer uses it: search, filter, open, keyboard, print, and hostile names that do nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.support.report_cases import CASES, HOSTILE
from tests.support.report_runs import AT, history_of, key_of, write_run
from tests.support.report_scale import write_big_run
from trueup.reports.details import Beside
from trueup.reports.html import Review, render_html
from trueup.reports.view import build_view
from trueup.transforms.history import History
from trueup.transforms.links import Links

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from playwright.sync_api import Page

    Opened = Callable[..., AbstractContextManager[Page]]

pytestmark = pytest.mark.browser
VERDICTS = pa.schema(
    {"key": pa.string(), "verdict": pa.string(), "signals": pa.list_(pa.string()), "overridden_by": pa.string()}
)


@pytest.fixture
def report(tmp_path: Path) -> Callable[..., Path]:
    """The page of a case as a file."""

    def write(name: str, *, review: Review | None = None, beside: Beside | None = None) -> Path:
        case = CASES[name]()
        files, manifest = write_run(tmp_path, case)
        if beside is not None:
            known = {"id": [person.key for person in case.people], "department": ["Sales"] * len(case.people)}
            pq.write_table(pa.table(known), files.source)
            scope = {"scope": {"filters": [["department EQUALS Sales", "department IS NULL"]]}}
            manifest = manifest.model_copy(update={"configuration": scope})
        history = history_of(tmp_path, held=(60, 61)) if case.history else History()
        view = build_view(files, manifest, history, at=AT + timedelta(hours=6), beside=beside)
        place = tmp_path / "report.html"
        place.write_text(render_html(view, review=review), encoding="utf-8")
        return place

    return write


def _info(page: Page) -> str:
    return page.locator(".dt-info").inner_text()


def _unfold(page: Page) -> None:
    page.evaluate("for (const one of document.querySelectorAll('details.fold')) one.open = true")


def _rows(page: Page) -> list[str]:
    return page.locator("#grid tbody tr .who").all_inner_texts()


def test_the_list_begins_with_what_is_written(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("ordinary")) as page:
        assert _info(page) == "1 to 10 of 10 people (of 63)"
        assert page.locator("#active-filters button").all_inner_texts() == ["all that is written"]


def test_search_finds_a_person_by_a_value_before(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("ordinary")) as page:
        page.locator(".dt-search input").fill("Hanne Petersen")
        assert _rows(page) == ["Hanne Lovelace"]
        page.locator(".dt-search input").fill("analyst senior")
        assert _rows(page) == ["Dmitri Lovelace"]


def test_counts_filter_the_list_when_clicked(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("ordinary")) as page:
        page.locator("#changes > summary").click()
        page.get_by_role("button", name="1 edited in the target").click()
        assert _rows(page) == ["Hanne Lovelace"]
        page.get_by_role("button", name="Remove filter: edited in the target").click()
        page.get_by_role("button", name="title: 1 emptied").click()
        assert _rows(page) == ["Goran Lovelace"]
        page.get_by_role("button", name="title: 1 changed").click()
        assert _rows(page) == ["Dmitri Lovelace"]
        page.keyboard.press("Escape")
        assert _info(page) == "1 to 50 of 63 people"


def test_held_excluded_and_unchanged_people_are_a_click_away(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("ordinary")) as page:
        for words, people in (
            ("4 held", 4),
            ("4 excluded", 4),
            ("2 unmanaged", 2),
            ("1 conflict", 1),
            ("42 unchanged", 42),
        ):
            page.get_by_role("button", name=words, exact=True).click()
            assert _info(page) == f"1 to {people} of {people} people (of 63)"
        page.get_by_role("button", name="4 held", exact=True).click()
        assert "for 5 days" in page.locator("#grid").inner_text()


def test_a_group_opens_to_its_people_and_filters(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("reorganisation")) as page:
        group = page.locator("details.group").first
        assert "Sales → Customer Success" in group.locator("summary").inner_text()
        group.locator("summary").click()
        assert group.locator(".members div").count() == 30
        group.get_by_role("button", name="Show only these 30 in the list").click()
        assert _info(page) == "1 to 30 of 30 people (of 88)"


def test_columns_sort_by_click_and_by_keyboard(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("ordinary")) as page:
        head = page.locator("#grid thead th").first
        names = sorted(_rows(page), key=str.lower)
        who = page.locator("#grid tbody tr .who")
        head.click()
        expect(who).to_have_text(names)
        head.get_by_role("button").focus()
        page.keyboard.press("Enter")
        expect(who).to_have_text(names[::-1])


def test_the_keyboard_searches_and_turns_pages(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("ordinary")) as page:
        page.keyboard.press("Escape")
        page.keyboard.press("n")
        assert _info(page) == "51 to 63 of 63 people"
        page.keyboard.press("p")
        page.keyboard.press("/")
        page.keyboard.type("goran 1234567")
        expect(page.locator("#grid tbody tr .who")).to_have_text(["Goran Lovelace"])


def test_a_new_person_opens_to_every_value(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("first_ever")) as page:
        row = page.locator("#grid tbody tr", has_text="user0001@contoso.example").first
        row.locator("details summary").click()
        expect(row.locator(".change")).to_have_count(7)


@pytest.mark.parametrize("name", ["hostile", "mapping_changed", "empty", "rollback"])
def test_the_page_is_silent_and_asks_for_nothing(name: str, report: Callable[..., Path], opened: Opened) -> None:
    with opened(report(name)) as page:
        page.keyboard.press("Escape")
        _unfold(page)
        assert page.locator("#grid").is_visible()


def test_hostile_values_are_text_and_nothing_else(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("hostile")) as page:
        title = page.title()
        page.keyboard.press("Escape")
        _unfold(page)
        page.locator(".dt-length select").select_option("100")
        for group in page.locator("details.group summary").all():
            group.click()
        assert page.title() == title
        assert page.locator("img, iframe, object, embed").count() == 0
        assert page.locator("script").count() == 2
        assert page.locator("a").count() == 1
        assert page.locator("#grid tbody tr").count() == 3 * len(HOSTILE)
        text = page.locator("body").inner_text()
        assert "<script>document.title='owned'</script>" in text
        assert "⟨U+202E⟩" in text
        assert "\u202e" not in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["ordinary", "refused"])
def test_axe_finds_nothing_serious(name: str, scheme: str, report: Callable[..., Path], opened: Opened) -> None:
    with opened(report(name, review=Review("s3cret", may_approve=True)), scheme=scheme) as page:
        page.keyboard.press("Escape")
        _unfold(page)
        page.locator("[data-facet=attribute]").first.click()
        page.locator("[data-leave-person]").first.click()
        page.locator("[data-leave-attribute]").first.click()
        page.wait_for_timeout(300)
        found = Axe().run(page).response["violations"]
        serious = [one["id"] for one in found if one["impact"] in ("serious", "critical")]
        assert serious == [], [node["html"] for one in found for node in one["nodes"]]


def _serious(page: Page) -> list[str]:
    page.wait_for_timeout(300)
    return [one["id"] for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_person_opens_by_key_with_all_that_is_known_and_is_left_out_by_key(
    report: Callable[..., Path], opened: Opened, tmp_path: Path, scheme: str
) -> None:
    verdicts = tmp_path / "verdicts.parquet"
    judged = [
        {"key": key_of(n), "verdict": "person", "signals": ["has <b>a</b> manager"], "overridden_by": None}
        for n in range(99)
    ]
    pq.write_table(pa.Table.from_pylist(judged, schema=VERDICTS), verdicts)
    links = Links("https://portal.example/{source_id}", "https://target.example/{profile_id}?x={user_name}")
    page_of = report("ordinary", review=Review("s", may_approve=True, who="Maja"), beside=Beside(links, verdicts))
    with opened(page_of, scheme=scheme) as page:
        page.keyboard.press("j")
        page.keyboard.press("j")
        names = _rows(page)
        page.keyboard.press("Enter")
        panel = page.locator("#panel")
        expect(panel.locator("h2")).to_have_text(names[1])
        expect(page.locator("#panel-place")).to_have_text("2 of 10")
        text = panel.inner_text()
        for words in (
            "has <b>a</b> manager",
            "holds: department EQUALS Sales (Sales)",
            "does not hold: department IS NULL (Sales)",
            "Before and after",
        ):
            assert words in text
        page.keyboard.press("j")
        expect(panel.locator("h2")).to_have_text(names[2])
        page.keyboard.press("k")
        page.keyboard.press("k")
        expect(panel.locator("h2")).to_have_text(names[0])
        row = int(page.locator("tr.opened").get_attribute("data-row") or -1)
        hrefs = [link.get_attribute("href") or "" for link in panel.locator("a").all()]
        assert hrefs[0].startswith("https://portal.example/5eed0000-")
        assert "?x=user" in hrefs[1]
        assert "%40contoso.example" in hrefs[1]
        page.keyboard.press("x")
        expect(page.locator(f"tr[data-row='{row}']")).to_have_class(re.compile("left-out"))
        page.locator("#panel-note").fill("Ask Bo, j and k first")
        assert _serious(page) == []
        page.keyboard.press("Escape")
        expect(panel).to_be_hidden()
        assert page.evaluate("document.activeElement.dataset.open") == str(row)
        expect(page.locator("#looked")).to_have_text("Looked at 3 of 10")
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        assert _serious(page) == []
        page.keyboard.press("Escape")
        page.keyboard.press("a")
        summary = page.locator("#summary")
        expect(summary).to_contain_text("1 person, and what depends on them.")
        expect(summary).to_contain_text(names[0])
        expect(summary).to_contain_text("1 on people")
        assert page.evaluate("document.activeElement.id") == "not-yet"
        assert _serious(page) == []
        page.keyboard.press("Enter")
        expect(summary).to_be_hidden()
        assert "done" not in page.evaluate("({...document.body.dataset})")


def test_one_change_of_a_group_can_be_left_out_alone(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("reorganisation", review=Review("s", may_approve=True, who="Maja"))) as page:
        page.locator("details.group summary").first.click()
        page.get_by_role("button", name="Leave out only this change").first.click()
        expect(page.locator("#left-out")).to_contain_text("30 single changes")
        page.keyboard.press("a")
        expect(page.locator("#summary")).to_contain_text("department: Sales → Customer Success (20×)")
        page.locator("#not-yet").click()
        page.locator("button.open").first.click()
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.locator("#panel").bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}


def test_a_refused_plan_marks_the_reasons_that_are_missing(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("refused", review=Review("s", may_approve=True))) as page:
        page.keyboard.press("a")
        expect(page.locator("#summary")).to_be_hidden()
        assert page.locator(".lacking:visible").count() == page.locator("input.allow").count() + 1
        assert page.evaluate("document.activeElement.id") == "reviewer"
        assert _serious(page) == []
        page.locator("#reviewer").fill("Maja")
        for field in page.locator("input.allow").all():
            field.fill("The plant in Lyon closes")
        page.locator("#accept").click()
        expect(page.locator("#summary")).to_contain_text("Beyond a limit, because")
        expect(page.locator("#summary")).to_contain_text("The plant in Lyon closes")
        assert page.locator(".lacking:visible").count() == 0


def test_everybody_is_printed(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("ordinary")) as page:
        page.keyboard.press("Escape")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details:not([open])").count() == 0
        assert page.locator("#grid tbody tr").count() == 63
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("details.fold[open]").count() == 0
        assert page.locator("#grid tbody tr").count() == 50


def test_a_hundred_thousand_changes_are_all_there(tmp_path: Path, opened: Opened) -> None:
    files, manifest = write_big_run(tmp_path, 100_000)
    view = build_view(files, manifest, History(), at=AT)
    place = tmp_path / "report.html"
    place.write_text(render_html(view), encoding="utf-8")
    assert place.stat().st_size < 40_000_000
    with opened(place) as page:
        assert _info(page) == "1 to 50 of 49,000 people (of 50,000)"
        page.locator(".dt-search input").fill("person049999@")
        assert _info(page) == "1 to 1 of 1 people (of 50,000)"


@pytest.mark.parametrize("name", ["ordinary", "hostile", "refused"])
def test_on_a_phone_nothing_is_wider_than_the_screen(report: Callable[..., Path], opened: Opened, name: str) -> None:
    with opened(report(name)) as page:
        page.set_viewport_size({"width": 360, "height": 740})
        _unfold(page)
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
        assert _rows(page) == ["Fatima Lovelace"]
        page.keyboard.press("Escape")
        page.locator(".stories").get_by_role("button", name="Joining").click()
        assert _rows(page) == ["Björn Lovelace", "Chloé Lovelace"]
        page.locator(".stories").get_by_role("button", name="Held, 2 new").click()
        page.get_by_role("button", name="Remove filter: new", exact=True).click()
        assert len(_rows(page)) == 4


def test_where_nothing_is_written_the_list_is_folded_away(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("empty")) as page:
        assert not page.locator("#grid").is_visible()
        page.locator("#everybody > summary").click()
        assert _info(page) == "1 to 12 of 12 people"


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
        _unfold(page)
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
