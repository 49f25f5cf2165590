"""The report: how long it takes to make and how large it is; in Chromium, first paint and filtering."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.chromium import CHROMIUM, browser
from tests.support.report_runs import AT
from tests.support.report_scale import write_big_run
from trueup.reports.html import render_html
from trueup.reports.markdown import render_markdown
from trueup.reports.spreadsheet import xlsx
from trueup.reports.view import build_view
from trueup.transforms.history import History

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILTER = """async () => {
  const clock = async (work) => { const begun = performance.now(); work(); await new Promise(requestAnimationFrame);
    return performance.now() - begun; };
  const input = document.querySelector(".dt-search input");
  const type = (text) => () => { input.value = text; input.dispatchEvent(new Event("input", { bubbles: true })); };
  const search = await clock(type("lovelace 4242"));
  type("")();
  const button = await clock(() => document.querySelector('[data-facet="attribute"]').click());
  return [search, button];
}"""


def run() -> Iterator[tuple[str, str]]:
    """Rows for ``make bench``."""
    with tempfile.TemporaryDirectory() as folder:
        for changes in (1_000, 10_000, 100_000):
            yield from _measured(Path(folder) / str(changes), changes)


def _measured(folder: Path, changes: int) -> Iterator[tuple[str, str]]:
    files, manifest = write_big_run(folder, changes)
    what = f"{changes:,} changes"
    begun = time.perf_counter()
    view = build_view(files, manifest, History(), at=AT)
    yield f"{what}: view", _seconds(begun)
    begun = time.perf_counter()
    page = render_html(view).encode()
    yield f"{what}: HTML, {len(page) / 1e6:.1f} MB (limit 40 MB)", _seconds(begun)
    begun = time.perf_counter()
    text = render_markdown(view).encode()
    yield f"{what}: Markdown, {len(text) / 1e6:.1f} MB", _seconds(begun)
    begun = time.perf_counter()
    book = xlsx(view)
    yield f"{what}: workbook, {len(book) / 1e6:.1f} MB", _seconds(begun)
    if Path(CHROMIUM).exists():
        place = folder / "report.html"
        place.write_bytes(page)
        yield from _in_browser(place, what)


def _in_browser(place: Path, what: str) -> Iterator[tuple[str, str]]:
    with browser() as chromium:
        page = chromium.new_page()
        page.goto(place.as_uri(), wait_until="commit")
        page.wait_for_selector("body[data-ready]", timeout=60_000)
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1")
        ready = page.evaluate("performance.now()")
        search, button = page.evaluate(_FILTER)
        yield f"{what}: first paint in Chromium (limit 2,000 ms)", f"{paint:.0f} ms"
        yield f"{what}: list ready in Chromium", f"{ready:.0f} ms"
        yield f"{what}: search in Chromium (limit 200 ms)", f"{search:.0f} ms"
        yield f"{what}: filter by attribute in Chromium (limit 200 ms)", f"{button:.0f} ms"


def _seconds(begun: float) -> str:
    return f"{time.perf_counter() - begun:.2f} s"
