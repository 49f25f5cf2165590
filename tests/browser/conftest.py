"""A real Chromium that may reach nothing but loopback, and pages that must stay silent."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.end_to_end.conftest import office, prefect, warm  # noqa: F401 - pytest finds fixtures by their name here
from tests.support.chromium import browser
from tests.support.report_cases import CASES
from tests.support.report_runs import AT, history_of, write_run
from trueup.reports.html import Review, render_html
from trueup.reports.view import build_view
from trueup.transforms.history import History

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

    from tests.end_to_end.conftest import Office
    from trueup.reports.details import Beside


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests; each test has a context of its own."""
    with browser() as started:
        yield started


class Watch:
    """What a page said and asked for while it was open."""

    def __init__(self) -> None:
        self.troubles: list[str] = []
        self.requests: list[str] = []

    def console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(message.text)

    def request(self, request: Request) -> None:
        self.requests.append(request.url)

    def follow(self, page: Page) -> None:
        page.on("console", self.console)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("dialog", lambda dialog: self.troubles.append(f"a dialog: {dialog.message}"))
        page.on("request", self.request)


@pytest.fixture
def opened(chromium: Browser) -> Callable[..., AbstractContextManager[Page]]:
    """Opens an address; when the block ends, the page must have been silent and have asked for nothing else."""

    @contextmanager
    def open_page(address: str | Path, *, scheme: str = "light", own: str = "") -> Iterator[Page]:
        url = address if isinstance(address, str) else address.as_uri()
        context: BrowserContext = chromium.new_context(
            color_scheme="dark" if scheme == "dark" else "light", viewport={"width": 1280, "height": 900}
        )
        watch = Watch()
        page = context.new_page()
        watch.follow(page)
        page.goto(url)
        page.wait_for_selector("body[data-ready]")
        try:
            yield page
        finally:
            context.close()
        assert watch.troubles == []
        assert [asked for asked in watch.requests if asked != url and not (own and asked.startswith(own))] == []

    return open_page


def updates_of(job: Office, plan: dict[str, str]) -> list[tuple[str, str, str]]:
    """Key, profile and user name of everybody whom the plan updates, by key."""
    decisions = job.run_folder(plan) / "decisions.parquet"
    with duckdb.connect() as db:
        return db.execute(
            f"SELECT key, profile_id, user_name FROM read_parquet('{decisions}') WHERE decision = 'update' ORDER BY key"
        ).fetchall()


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


def info_of(page: Page) -> str:
    return page.locator(".dt-info").inner_text()


def unfold(page: Page) -> None:
    page.evaluate("for (const one of document.querySelectorAll('details.fold')) one.open = true")


def rows_of(page: Page) -> list[str]:
    return page.locator("#grid tbody tr .who").all_inner_texts()
