"""The pictures of ``docs/report.md``, taken anew: ``python -m tests.support.screenshots``."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.chromium import browser
from tests.support.report_cases import CASES
from tests.support.report_runs import AT, history_of, write_run
from trueup.reports.details import Beside
from trueup.reports.html import Review, render_html
from trueup.reports.view import build_view
from trueup.transforms.links import Links

_DOCS = Path(__file__).parents[2] / "docs"
_SHOTS: tuple[tuple[str, str, Literal["light", "dark"], str], ...] = (
    ("report-light.png", "reorganisation", "light", ""),
    ("report-dark.png", "reorganisation", "dark", ""),
    ("report-people.png", "reorganisation", "light", "#h-groups"),
    ("review.png", "refused", "light", "#h-people"),
    ("report-panel.png", "reorganisation", "light", "#h-people"),
)


def main() -> None:
    """Take every picture."""
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        for name, case, scheme, where in _SHOTS:
            page = chromium.new_page(
                viewport={"width": 1280, "height": 960}, color_scheme=scheme, reduced_motion="reduce"
            )
            page.goto(_page(Path(folder) / name, case).as_uri())
            page.wait_for_selector("body[data-ready]")
            if where:
                page.locator("details.group summary, [data-leave-person]").first.click()
                page.evaluate("place => document.querySelector(place).scrollIntoView()", where)
            if "panel" in name:
                page.locator("button.open").nth(1).click()
            page.screenshot(path=_DOCS / name)
            page.close()


def _page(folder: Path, name: str) -> Path:
    case = CASES[name]()
    files, manifest = write_run(folder, case)
    people = [person.key for person in case.people]
    read = {"id": people, "userType": ["Member"] * len(people), "department": ["Customer Success"] * len(people)}
    pq.write_table(pa.table(read), files.source)
    scope = {"scope": {"filters": [["userType EQUALS Member", "department IS NOT NULL"]]}}
    manifest = manifest.model_copy(update={"configuration": scope})
    signals = ["has a licence", "signed in within 90 days", "has a manager"]
    judged = [{"key": key, "verdict": "person", "signals": signals, "overridden_by": ""} for key in people]
    pq.write_table(pa.Table.from_pylist(judged), folder / "verdicts.parquet")
    beside = Beside(
        Links("https://entra.microsoft.com/{source_id}", "https://x/{profile_id}"), folder / "verdicts.parquet"
    )
    history = history_of(folder, held=(60, 61))
    view = build_view(files, manifest, history, at=AT + timedelta(hours=6), beside=beside)
    review = Review("", may_approve=True, who="Maja Novak") if name == "refused" else None
    place = folder / "report.html"
    place.write_text(render_html(view, review=review), encoding="utf-8")
    return place


if __name__ == "__main__":
    main()
