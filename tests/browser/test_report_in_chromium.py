"""The report as a reviewer uses it: search, filter, open, keyboard, print, and hostile names that do nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import info_of, rows_of, unfold
from tests.support.report_cases import HOSTILE
from tests.support.report_runs import AT, key_of
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


def test_the_list_begins_with_what_is_written(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("ordinary")) as page:
        assert info_of(page) == "1 to 10 of 10 people (of 63)"
        assert page.locator("#active-filters button").all_inner_texts() == ["all that is written"]


def test_search_finds_a_person_by_a_value_before(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("ordinary")) as page:
        page.locator(".dt-search input").fill("Hanne Petersen")
        assert rows_of(page) == ["Hanne Lovelace"]
        page.locator(".dt-search input").fill("analyst senior")
        assert rows_of(page) == ["Dmitri Lovelace"]


def test_counts_filter_the_list_when_clicked(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("ordinary")) as page:
        page.locator("#changes > summary").click()
        page.get_by_role("button", name="1 edited in the target").click()
        assert rows_of(page) == ["Hanne Lovelace"]
        page.get_by_role("button", name="Remove filter: edited in the target").click()
        page.get_by_role("button", name="title: 1 emptied").click()
        assert rows_of(page) == ["Goran Lovelace"]
        page.get_by_role("button", name="title: 1 changed").click()
        assert rows_of(page) == ["Dmitri Lovelace"]
        page.keyboard.press("Escape")
        assert info_of(page) == "1 to 50 of 63 people"


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
            assert info_of(page) == f"1 to {people} of {people} people (of 63)"
        page.get_by_role("button", name="4 held", exact=True).click()
        assert "for 5 days" in page.locator("#grid").inner_text()


def test_a_group_opens_to_its_people_and_filters(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("reorganisation")) as page:
        group = page.locator("details.group").first
        assert "Sales → Customer Success" in group.locator("summary").inner_text()
        group.locator("summary").click()
        assert group.locator(".members div").count() == 30
        group.get_by_role("button", name="Show only these 30 in the list").click()
        assert info_of(page) == "1 to 30 of 30 people (of 88)"


def test_columns_sort_by_click_and_by_keyboard(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("ordinary")) as page:
        head = page.locator("#grid thead th").first
        names = sorted(rows_of(page), key=str.lower)
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
        assert info_of(page) == "51 to 63 of 63 people"
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
        unfold(page)
        assert page.locator("#grid").is_visible()


def test_hostile_values_are_text_and_nothing_else(report: Callable[..., Path], opened: Opened) -> None:
    with opened(report("hostile")) as page:
        title = page.title()
        page.keyboard.press("Escape")
        unfold(page)
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
        unfold(page)
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
        names = rows_of(page)
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


@pytest.mark.parametrize(
    ("is_taken", "place"), [("false", "#answer"), ("true", "header .decided")], ids=["refused", "accepted"]
)
def test_what_came_of_a_decision_is_in_sight_though_it_was_made_by_key(
    report: Callable[..., Path], opened: Opened, is_taken: str, place: str
) -> None:
    with opened(report("reorganisation", review=Review("s", may_approve=True, who="Maja"))) as page:
        said = f"{{ ok: {is_taken}, message: 'So it was answered.' }}"
        page.evaluate(f"window.fetch = async () => ({{ json: async () => ({said}) }})")
        page.locator("#trend").scroll_into_view_if_needed()
        page.keyboard.press("a")
        page.locator("#confirm").click()
        expect(page.locator(place)).to_have_text("So it was answered.")
        expect(page.locator(place)).to_be_in_viewport()


@pytest.mark.parametrize(
    ("review", "action"),
    [(None, ".action code:not(.other)"), (Review("s", may_approve=True), ".action .primary")],
    ids=["a file", "a review"],
)
def test_on_a_phone_the_one_action_stands_on_the_first_screen(
    report: Callable[..., Path], opened: Opened, review: Review | None, action: str
) -> None:
    with opened(report("ordinary", review=review)) as page:
        page.set_viewport_size({"width": 390, "height": 844})
        expect(page.locator(action)).to_be_in_viewport(ratio=1)
        for name in page.locator(".stories :is(.left, .joined, .returned) .name").all():
            name.click(trial=True)  # nothing lies over it
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        expect(page.locator(action)).not_to_be_in_viewport()


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
        assert info_of(page) == "1 to 50 of 49,000 people (of 50,000)"
        page.locator(".dt-search input").fill("person049999@")
        assert info_of(page) == "1 to 1 of 1 people (of 50,000)"
