"""The pictures of ``docs/report.md`` and the README, taken anew: ``python -m tests.support.screenshots``."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

from tests.support.chromium import browser
from tests.support.report_cases import CASES
from tests.support.report_runs import AT, DEPARTMENT, Case, history_of, someone, write_run
from trueup.reports.html import Review, render_html
from trueup.reports.view import build_view

_DOCS = Path(__file__).parents[2] / "docs"
_DESK, _PHONE = (1280, 800), (390, 844)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture."""

    name: str
    case: str
    size: tuple[int, int] = _DESK
    scheme: Literal["light", "dark"] = "light"
    where: str = ""
    """What of the page; without it, its first screen."""
    click: str = ""
    """What is pressed first."""


SHOTS = (
    Shot("report-light.png", "ordinary"),
    Shot("report-phone.png", "ordinary", _PHONE),
    Shot("report-dark.png", "reorganisation", scheme="dark"),
    Shot("report-refused.png", "refused"),
    Shot("report-organisation.png", "reorganisation", where="#organisation"),
    Shot("report-people.png", "reorganisation", where="#groups", click="details.group summary"),
    Shot("review.png", "refused", where="#sign", click="[data-leave-person]"),
)


def main() -> None:
    """Take every picture."""
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        for shot in SHOTS:
            width, height = shot.size
            page = chromium.new_page(
                viewport={"width": width, "height": height}, color_scheme=shot.scheme, reduced_motion="reduce"
            )
            page.goto(_page(Path(folder) / shot.name, shot.case, review=shot.name == "review.png").as_uri())
            page.wait_for_selector("body[data-ready]")
            if shot.click:
                page.locator(shot.click).first.click()
            if shot.where and shot.name != "review.png":
                page.locator(shot.where).screenshot(path=_DOCS / shot.name)
            else:
                page.evaluate(
                    "place => place && document.querySelector(place).scrollIntoView({block: 'end'})", shot.where
                )
                page.screenshot(path=_DOCS / shot.name)
            page.close()


def _wide(case: Case) -> Case:
    """With more ways from one department to another than the tests need."""
    ways = (
        ("Sales", "Marketing", 9),
        ("IT", "Customer Success", 5),
        ("Support", "Customer Success", 7),
        ("IT", "Support", 3),
    )
    moves = [(before, after) for before, after, people in ways for _ in range(people)]
    people = tuple(
        someone(n, "update", (DEPARTMENT, before, after, "source_changed"))
        for n, (before, after) in enumerate(moves, 200)
    )
    return replace(case, people=(*people, *case.people))


def _page(folder: Path, name: str, *, review: bool) -> Path:
    files, manifest = write_run(folder, _wide(CASES[name]()) if name == "reorganisation" else CASES[name]())
    view = build_view(files, manifest, history_of(folder, held=(60, 61)), at=AT + timedelta(hours=6))
    signing = Review("", may_approve=True, who="Maja Novak") if review else None
    place = folder / "report.html"
    place.write_text(render_html(view, review=signing), encoding="utf-8")
    return place


if __name__ == "__main__":
    main()
