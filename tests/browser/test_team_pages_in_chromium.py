"""The pages of a shared review as somebody has them: every page for assistive software, light, dark and on a phone."""

from __future__ import annotations

import base64
import hashlib
from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any, get_args

import pytest
import trustme
from axe_playwright_python.sync_playwright import Axe
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Error, expect

from tests.browser.conftest import Watch
from tests.support.chromium import CHROMIUM, FLAGS
from tests.support.screenshots import LIVE
from tests.support.team_archive import RUN_ID, key_of, morning
from tests.support.team_review import Team, team_review
from tests.support.team_server import READER, team_pages
from trueup.reports.team.model import ErrorKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from trueup.transforms.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
RUN = f"/runs/{RUN_ID}"
DESK, PHONE, NARROW = (1280, 800), (390, 844), (360, 740)
AHEAD = {"what": "approved", "who": "Bo Chen", "at": "2026-11-23T08:31:00Z", "via": "sign_in", "left_out": 2,
         "note": "The two move only next week."}  # fmt: skip
ACCEPTED = {**deepcopy(LIVE), "acts": 1, "state": "approved", "still_needed": 1, "decisions": {"1": AHEAD}}
REPLACED = {
    **deepcopy(LIVE),
    "acts": 1,
    "state": "superseded",
    "may_approve": False,
    "why_not": "The newer plan 20261124T010000Z-1b2c replaced it.",
    "decisions": {"1": {**AHEAD, "what": "superseded", "who": "trueup", "left_out": 0, "note": ""}},
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return morning(tmp_path_factory.mktemp("team"))


@contextmanager
def shown(chromium: Browser, address: str, size: tuple[int, int], scheme: Any = "light") -> Iterator[Page]:
    """The page once it is ready; it must have nothing to complain of."""
    width, height = size
    context = chromium.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    watch, page = Watch(), context.new_page()
    watch.follow(page)
    page.goto(address, timeout=120_000)
    page.wait_for_selector("body[data-live]" if "/runs/" in address else "body[data-ready]", timeout=60_000)
    try:
        yield page
    finally:
        context.close()
    assert watch.troubles == []


def complaints(page: Page) -> list[str]:
    """What axe finds wrong, whatever it thinks of how bad that is, and what does not fit on the screen."""
    found = [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in Axe().run(page).response["violations"]]
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [*found, *([f"{wide} pixels too wide"] if wide > 0 else [])]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read_by_everybody(chromium: Browser, settings: Settings, scheme: str) -> None:
    bad: dict[str, list[str]] = {}
    with team_pages(settings, live=ACCEPTED) as address, shown(chromium, f"{address}/", NARROW, scheme) as page:

        def look(name: str) -> None:
            for width, height in (NARROW, DESK):
                page.set_viewport_size({"width": width, "height": height})
                if found := complaints(page):
                    bad[f"{name} at {width}"] = found

        look("/")
        for path in (f"/people/{key_of(3)}", "/health", "/limits", "/sessions", "/people"):
            page.goto(f"{address}{path}")
            look(path)
        for text in ("lovelace", "nobody of that name"):
            page.locator("#q").fill(text)
            page.get_by_role("button", name="Search").click()
            page.wait_for_function("!document.querySelector('h1').textContent.startsWith('Find')")
            assert page.locator("#q").input_value() == text, "what was searched for stands there to be changed"
            assert text not in page.url
            look(text)
        for kind in get_args(ErrorKind):
            page.goto(f"{address}/errors/{kind}")
            look(kind)
        page.goto(f"{address}{RUN}")
        page.wait_for_selector("body[data-live]", timeout=60_000)
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        look("a run, all of it")
        page.locator(f'[data-person="{key_of(3)}"]').first.click()
        expect(page.locator("#panel-body")).to_contain_text("Asked her manager")
        look("a person opened")
        page.keyboard.press("Escape")
        page.locator("#accept").click()
        look("the last summary")
    assert bad == {}


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_what_others_decide_is_seen_wherever_one_reads(
    chromium: Browser, settings: Settings, size: tuple[int, int]
) -> None:
    with team_pages(settings, live=ACCEPTED) as address, shown(chromium, f"{address}{RUN}", size) as page:
        for where in ("#h-people", "#sign"):
            expect(page.locator("#news")).to_be_in_viewport(ratio=1)
            expect(page.get_by_role("button", name="Load again")).to_be_in_viewport(ratio=1)
            page.locator(where).scroll_into_view_if_needed()
        told = page.locator("#news").inner_text()
        assert "Bo Chen accepted it, leaving out 2 people, in whole or in part, on " in told
        assert "1 more must accept before it can be applied." in told
        assert "Nobody has decided" not in page.locator("header").inner_text()
        expect(page.locator("header .action")).to_be_visible()
    with team_pages(settings, live=REPLACED) as address, shown(chromium, f"{address}{RUN}", size) as page:
        expect(page.locator("#news")).to_contain_text("The newer plan 20261124T010000Z-1b2c replaced it.")
        assert "must accept" not in page.locator("#news").inner_text()
        expect(page.locator("header .action")).to_be_hidden()
        expect(page.locator("header .ask")).to_be_hidden()
        expect(page.locator("#accept")).to_be_disabled()
    with team_pages(settings, READER, live=LIVE) as address, shown(chromium, f"{address}{RUN}", size) as page:
        expect(page.locator("header .ask")).to_contain_text("Reviewers are asked to accept 10 writes")


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_what_is_to_be_done_stands_on_the_first_screen(
    chromium: Browser, settings: Settings, size: tuple[int, int]
) -> None:
    with team_pages(settings, live=LIVE) as address:
        with shown(chromium, f"{address}/", size) as page:
            expect(page.get_by_role("link", name="10 writes to accept or reject")).to_be_in_viewport(ratio=1)
        with shown(chromium, f"{address}{RUN}", size) as page:
            expect(page.get_by_role("link", name="Accept or reject")).to_be_in_viewport(ratio=1)


@pytest.fixture(scope="module")
def encrypted(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Team, Browser]]:
    """The service with a certificate of its own, and a Chromium that believes that certificate's key and no other."""
    folder: Path = tmp_path_factory.mktemp("encrypted")
    with team_review(folder, "[approval]\napprovers = 2", pages=True, ca=trustme.CA()) as team:
        own = x509.load_pem_x509_certificate((folder / "own.pem").read_bytes())
        key = own.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        believed = base64.b64encode(hashlib.sha256(key).digest()).decode()
        flags = [*FLAGS, f"--ignore-certificate-errors-spki-list={believed}"]
        started = chromium.browser_type.launch(executable_path=CHROMIUM, args=flags)
        try:
            yield team, started
        finally:
            started.close()


@contextmanager
def signed_in(team: Team, started: Browser, user: str, path: str, size: tuple[int, int]) -> Iterator[Page]:
    context = started.new_context(viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{team.url}{path}")
    page.locator("select[name=user]").select_option(f"{user}@contoso.example")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("body[data-live]", timeout=60_000)
    try:
        yield page
    finally:
        context.close()


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_whoever_decides_second_is_told_by_whom_and_led_on(
    encrypted: tuple[Team, Browser], chromium: Browser, size: tuple[int, int]
) -> None:
    team, started = encrypted
    path = f"/runs/{team.run().run_id}"
    with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"), shown(chromium, f"{team.url}{path}", size):
        pass
    with signed_in(team, started, "ada", path, size) as ada, signed_in(team, started, "bo", path, size) as bo:
        expect(bo.locator("#here")).to_contain_text("Ada Example")
        assert ada.evaluate("document.cookie") == ""
        (cookie,) = ada.context.cookies(team.url)
        facts = [cookie.get(name) for name in ("name", "secure", "httpOnly", "sameSite", "path")]
        assert facts == ["__Host-trueup", True, True, "Strict", "/"]
        # Bo's page is cut off from what happens meanwhile.
        bo.route("**/events", lambda route: route.abort())
        bo.reload()
        expect(bo.locator("#trouble")).to_be_in_viewport(ratio=1)
        ada.locator("#accept").click()
        ada.locator("#confirm").click()
        expect(ada.locator("header .decided")).to_be_in_viewport(ratio=1)
        expect(ada.locator("header .decided")).to_contain_text("Accepted by Ada Example. 1 more must accept it")
        expect(ada.locator("header .action")).to_be_hidden()
        expect(ada.locator("#news")).to_be_hidden()
        bo.locator("#accept").click()
        bo.locator("#confirm").click()
        answer = bo.locator("#answer")
        expect(answer).to_contain_text("approved by Ada Example")
        expect(answer).to_contain_text("Your decision is not recorded.")
        bo.unroute("**/events")
        answer.get_by_role("button", name="Load again").click()
        expect(bo.locator("#decided")).to_contain_text("Ada Example accepted it")
        bo.wait_for_selector("body[data-live]")
        bo.locator("#accept").click()
        bo.locator("#confirm").click()
        expect(bo.locator("header .decided")).to_contain_text("Accepted by Bo Example.")
        expect(ada.locator("#news")).to_contain_text("Bo Example accepted it")
        expect(ada.locator("#news")).to_be_in_viewport(ratio=1)
