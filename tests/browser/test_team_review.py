"""Two people in two windows: sign in, look, note, leave out, accept twice, apply; each sees what the other does."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import Watch, updates_of
from tests.end_to_end.conftest import TRUEUP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from playwright.sync_api import Browser, Page, ViewportSize

    from tests.end_to_end.conftest import Office

    Window = Callable[..., AbstractContextManager[Page]]

pytestmark = pytest.mark.browser
DESK: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
INES = ("000c1849-f555-5d7c-953f-b1ecc2852480", "ines.hallgrimsdottir@contoso.example", "Ines Hallgrímsdóttir")
EMEKA = ("018020c0-6dff-5d78-8f5f-93b635e9e41e", "emeka.fabregas@contoso.example", "Emeka Fàbregas")
OTTAVIA = ("02137b86-d5ea-5031-941c-edd85d54e5d2", "ottavia.uchida@contoso.example", "Ottavia Uchida")


@pytest.fixture
def served(office: Office) -> Iterator[str]:
    """``trueup review --listen`` on the office's archive: two who review, one who reads; gives its address."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    office.configure(
        f"""[approval]
approvers = 2

[review]
url = "{url}"
client_id = "{office.sandbox.client_id}"
client_secret = "env:TRUEUP_CLIENT_SECRET"
reviewers = ["id:{INES[0]}", "id:{EMEKA[0]}"]
readers = ["id:{OTTAVIA[0]}"]
apply = true
"""
    )
    process = subprocess.Popen(
        [TRUEUP, "review", "--listen", f"127.0.0.1:{port}"],
        cwd=office.folder,
        env={**os.environ, **office.sandbox.environment, **office.environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield url
    process.terminate()
    try:
        process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


@pytest.fixture
def window(chromium: Browser, served: str) -> Window:
    """A window of somebody's own, signed in; what it says on the console must be nothing."""

    @contextmanager
    def opened(person: tuple[str, str, str], size: ViewportSize, *, scheme: str = "light") -> Iterator[Page]:
        context = chromium.new_context(
            viewport=size,
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
        )
        watch = Watch()
        page = context.new_page()
        page.set_default_timeout(90_000)
        watch.follow(page)
        page.goto(served)
        page.locator("select[name=user]").select_option(person[1])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_selector("body.team")
        try:
            yield page
        finally:
            context.close()
        # The tenant's own page asks for an icon that it does not have.
        assert [one for one in watch.troubles if not one.endswith("(Not Found)")] == []

    return opened


expect.set_options(timeout=30_000)  # two windows, a service and a tenant share the machine


def _serious(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in ("serious", "critical")
    ]


def _open_run(page: Page) -> None:
    page.locator(".card a").first.click()
    page.wait_for_selector("body[data-live]", timeout=60_000)


def _row(page: Page, user_name: str) -> Any:
    return page.locator("#grid tbody tr", has=page.get_by_text(user_name, exact=True)).first


def test_two_people_review_together_and_one_applies(office: Office, window: Window) -> None:  # noqa: PLR0915 - one morning, in order
    plan = office.plan()
    before = office.everything()
    (_, _, noted), (_, left_profile, left), *rest = updates_of(office, plan)
    with window(INES, DESK) as ines, window(EMEKA, PHONE, scheme="dark") as emeka:
        for page in (ines, emeka):
            expect(page.locator("h1")).to_have_text("1 plan waits for you")
            assert _serious(page) == []
            _open_run(page)
        expect(ines.locator("#here")).to_contain_text(EMEKA[2])
        expect(emeka.locator("#here")).to_contain_text(INES[2])

        for page in (ines, emeka):
            page.locator(".dt-search input").fill(noted)
            expect(page.locator("#grid tbody tr")).to_have_count(1)
        _row(ines, noted).locator("button.open").click()
        expect(_row(emeka, noted).locator(".shared")).to_contain_text(f"{INES[2]} is here")
        ines.locator("#panel-note").fill("Asked her manager: it is right.")
        expect(_row(emeka, noted).locator(".shared")).to_contain_text("1 note")
        _row(emeka, noted).locator("button.open").click()
        expect(emeka.locator("#panel-body")).to_contain_text("Asked her manager: it is right.")
        expect(emeka.locator("#panel-body")).to_contain_text(f"Looked at by {INES[2]}")
        assert _serious(emeka) == []
        assert emeka.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        emeka.locator("#panel-close").click()
        ines.keyboard.press("Escape")

        for page in (ines, emeka):
            page.locator(".dt-search input").fill(left)
            expect(page.locator("#grid tbody tr")).to_have_count(1)
        _row(ines, left).locator("[data-leave-person]").click()
        expect(_row(emeka, left).locator(".shared")).to_contain_text(f"left out by {INES[2]}, not accepted yet")
        assert _serious(ines) == []

        ines.reload()
        ines.wait_for_selector("body[data-live]")
        expect(ines.locator("#left-out")).to_contain_text("Left out: 1 person")
        ines.locator("#accept").click()
        expect(ines.locator("#summary")).to_contain_text("1 person, and what depends on them.")
        ines.locator("#confirm").click()
        ines.wait_for_selector("body[data-done=approve]")
        expect(emeka.locator("#news")).to_contain_text(f"{INES[2]} accepted it")
        expect(emeka.locator("#applying")).to_be_hidden()
        emeka.locator("#news button").click()
        emeka.wait_for_selector("body[data-live]")
        expect(emeka.locator("#decided")).to_contain_text("left out 1 person")

        emeka.locator("#accept").click()
        emeka.locator("#confirm").click()
        emeka.wait_for_selector("body[data-done=approve]")
        expect(ines.locator("#news")).to_contain_text(f"{EMEKA[2]} accepted it")
        assert office.everything() == before, "deciding wrote to the target"

        expect(ines.locator("#apply")).to_be_visible()
        ines.locator("#apply").click()
        expect(emeka.locator("#apply-said")).to_contain_text("Apply has ended: applied.", timeout=400_000)
        expect(ines.locator("#news")).to_contain_text("applied it", timeout=60_000)
        after = office.everything()
        assert after[left_profile] == before[left_profile]
        assert all(after[profile] != before[profile] for _, profile, _ in rest)

        ines.goto(ines.url.partition("/runs/")[0])
        expect(ines.locator("h1")).to_have_text("Nothing waits")
        expect(ines.locator("table.done")).to_contain_text(f"{INES[2]}, {EMEKA[2]}")


def test_a_reader_sees_everything_and_no_action(office: Office, window: Window) -> None:
    plan = office.plan()
    key, _, user_name = updates_of(office, plan)[0]
    with window(OTTAVIA, DESK) as page:
        _open_run(page)
        assert page.locator("#sign, #accept, [data-leave-person], #panel-note").count() == 0
        page.locator(".dt-search input").fill(user_name)
        expect(page.locator("#grid tbody tr")).to_have_count(1)
        _row(page, user_name).locator("button.open").click()
        expect(page.locator("#panel-body")).to_contain_text("Before and after")
        page.get_by_role("link", name="This person over all runs").click()
        expect(page.locator(".story")).to_contain_text(str(plan["run_id"]))
        assert page.url.endswith(key)
        for path, words in (("/people", "Find a person"), ("/health", "whole"), ("/limits", "How much one plan")):
            page.goto(page.url.partition("/people")[0].partition("/health")[0] + path)
            expect(page.locator("h1")).to_contain_text(words, ignore_case=True)
            assert _serious(page) == []
        page.goto(page.url.replace("/limits", "/people"))
        page.locator("#q").fill(user_name)
        page.get_by_role("button", name="Search").click()
        expect(page.locator(".people a")).to_have_count(1)
        assert user_name not in page.url
        page.get_by_role("button", name="Sign out").click()
        expect(page.locator("h1")).to_contain_text("signed out")
