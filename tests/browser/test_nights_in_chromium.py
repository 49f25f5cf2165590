"""The page of all nights: whole without a network or a script, on a phone, in the dark, and for a screen reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe

import trueup
from tests.support.archive_runs import Person, archive_in, sealed_run
from tests.support.many_nights import many_nights
from trueup.reports.nights import nights_page, nights_view

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from playwright.sync_api import Page

    Opened = Callable[..., AbstractContextManager[Page]]

pytestmark = pytest.mark.browser
HOSTILE = "<script>alert(1)</script>\u202e"


@pytest.fixture(scope="module")
def page_of_nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nights")
    archive = many_nights(folder, nights=35, people=1000, changing=10)
    return _written(archive.path, folder / "nights.html")


def _written(root: Path, place: Path) -> Path:
    with trueup.open(root) as archive:
        view = nights_view(archive.figures_of_nights(), left_out=[one.text for one in archive.left_out])
    place.write_text(nights_page(view), encoding="utf-8")
    return place


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_and_fits_a_phone(page_of_nights: Path, opened: Opened, scheme: str) -> None:
    with opened(page_of_nights, scheme=scheme) as page:
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        page.set_viewport_size({"width": 360, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.locator("h1").inner_text().startswith("35 nights")
        assert page.locator(".days li.applied").count() == 35


def test_the_page_says_what_the_archive_says(page_of_nights: Path, opened: Opened) -> None:
    with opened(page_of_nights) as page:
        page.get_by_text("The nights as a table").click()
        assert page.get_by_role("region", name="Nights, table", exact=True).locator("tbody tr").count() == 35
        assert "changed at the source" in page.get_by_role("region", name="Changes by kind, table").inner_text()
        approvals = page.get_by_role("region", name="Approvals, table").inner_text()
        assert "ann" in approvals
        assert "bo" in approvals
        held = page.get_by_role("region", name="Held now, table").inner_text()
        assert "mononym" in held
        assert "2025-10-31" in held  # one night of ten they are written, which ends the row
        assert (
            page.get_by_role("region", name="Seconds per stage, the last ten nights, table").locator("tbody tr").count()
            == 10
        )
        assert "Person" not in page.content()


def test_hostile_words_do_nothing(tmp_path: Path, opened: Opened) -> None:
    archive = archive_in(tmp_path)
    change = {"title": ("a", "b")}
    run = sealed_run(archive, (Person("k-1", "hold", change, user_name="a@x"),))
    from trueup.connectors.archive import add_act
    from trueup.transforms.vocabulary import Act

    add_act(run, Act.APPROVED, HOSTILE, at=run.manifest.sealed, fingerprint=run.manifest.fingerprint)
    with opened(_written(archive.path, tmp_path / "nights.html")) as page:
        assert "<script>alert(1)</script>" in page.get_by_role("region", name="Approvals, table").inner_text()
