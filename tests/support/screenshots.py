"""The pictures of ``docs/report.md``, ``docs/review.md`` and the README, taken anew.

``python -m tests.support.screenshots`` takes all, with ``review`` those of a shared review only.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.chromium import browser
from tests.support.report_cases import CASES
from tests.support.report_runs import AT, DEPARTMENT, RUN_ID, Case, history_of, key_of, someone, write_run
from tests.support.team_archive import morning
from tests.support.team_server import team_pages
from trueup.reports.details import Beside
from trueup.reports.html import Review, render_html
from trueup.reports.view import build_view
from trueup.transforms.links import Links

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_DOCS = Path(__file__).parents[2] / "docs"
_DESK, _PHONE = (1280, 800), (390, 844)
Shots = tuple[tuple[str, str, tuple[int, int], Literal["light", "dark"], str], ...]
"""Picture, path, size, scheme, and what is shown or opened."""


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
    Shot("report-panel.png", "reorganisation", click="button.open"),
    Shot("review.png", "refused", where="#sign", click="[data-leave-person]"),
)


LIVE: dict[str, Any] = {
    "version": 3,
    "you": "ana",
    "here": {"bo": {"who": "Bo Chen", "key": key_of(3)}, "ana": {"who": "Ana Berg", "key": None}},
    "looked": {key_of(n): {"bo": "Bo Chen"} for n in (1, 2, 3, 10)},
    "notes": {key_of(3): {"bo": {"who": "Bo Chen", "at": "2026-11-23T08:12:00Z", "text": "Asked her manager: right."}}},
    "left_out": {"bo": {"who": "Bo Chen", "selectors": [key_of(2)]}},
    "decisions": {},
    "acts": 0,
    "state": "ready",
    "still_needed": 2,
    "may_approve": True,
    "why_not": "",
    "apply": None,
}
"""What two reviewers have done by half past eight."""
NEWS = {
    **LIVE,
    "acts": 1,
    "state": "approved",
    "still_needed": 1,
    "decisions": {
        "1": {
            "what": "approved",
            "who": "Bo Chen",
            "at": "2026-11-23T08:31:00Z",
            "via": "sign_in",
            "left_out": 1,
            "note": "She begins in January.",
        }
    },
}
"""One of them has accepted, while the other still reads."""
EARLIER = {
    8: (someone(3, "create", ("title", None, "Trainee", "source_changed"), reason="In scope and without a profile."),),
    5: (someone(3, "hold", reason_code="finding", reason="Two people in scope have the same work e-mail address."),),
    2: (someone(3, "update", ("title", "Trainee", "Analyst", "source_changed"),
                (DEPARTMENT, "Sales", "Support", "edited_in_target")),),
}  # fmt: skip
"""What earlier nights did with one person, days ago."""


def main() -> None:
    """Take the pictures."""
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        if sys.argv[1:] != ["review"]:
            _reports(folder, chromium)
        _reviews(folder, chromium)


def _reviews(folder: str, chromium: Browser) -> None:
    """The pages of a shared review."""
    settings = morning(Path(folder) / "team", earlier=EARLIER)
    shots: Shots = (
        ("review-front.png", "/", _DESK, "light", ""),
        ("review-run.png", f"/runs/{RUN_ID}", _DESK, "light", "#people"),
        ("review-panel.png", f"/runs/{RUN_ID}", _DESK, "dark", f'[data-person="{key_of(3)}"]'),
        ("review-phone.png", f"/runs/{RUN_ID}", _PHONE, "light", ""),
        ("review-person.png", f"/people/{key_of(3)}", _DESK, "light", ""),
        ("review-archive.png", "/health", _DESK, "light", ""),
        ("review-limits.png", "/limits", _DESK, "light", ""),
        ("review-sessions.png", "/sessions", _DESK, "light", ""),
    )
    with team_pages(settings, live=LIVE) as address:
        _take(chromium, address, shots)
    with team_pages(settings, live=NEWS) as address:
        _take(chromium, address, (("review-news.png", f"/runs/{RUN_ID}", _DESK, "light", ""),))


def _take(chromium: Browser, address: str, shots: Shots) -> None:
    for name, path, (width, height), scheme, where in shots:
        page = chromium.new_page(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
        )
        page.goto(f"{address}{path}", timeout=300_000)
        page.wait_for_selector("body[data-live]" if "/runs/" in path else "body[data-ready]", timeout=60_000)
        if where.startswith("#"):
            page.locator(where).scroll_into_view_if_needed()
            page.evaluate("place => document.querySelector(place).scrollIntoView()", where)
        elif where:
            page.locator(where).first.click()
            page.wait_for_timeout(500)
        page.screenshot(path=_DOCS / name)
        page.close()


def _reports(folder: str, chromium: Browser) -> None:
    """The report and the review of one person."""
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
            page.evaluate("place => place && document.querySelector(place).scrollIntoView({block: 'end'})", shot.where)
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
    case = _wide(CASES[name]()) if name == "reorganisation" else CASES[name]()
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
    signing = Review("", may_approve=True, who="Maja Novak") if review else None
    place = folder / "report.html"
    place.write_text(render_html(view, review=signing), encoding="utf-8")
    return place


if __name__ == "__main__":
    main()
