"""Two people in two windows: they sign in, look, note, leave out, accept and apply, and each sees the other at once."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.end_to_end.conftest import TRUEUP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.end_to_end.conftest import Office

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
PROVIDER = "oidc-provider@9.13.3"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def serving(office: Office, url: str, more: str, **environment: str) -> Iterator[None]:
    """``trueup review --listen``, as somebody types it, until the block ends."""
    office.configure(more)
    every = {**os.environ, **office.sandbox.environment, **office.environment, **environment}
    words = [TRUEUP, "review", "--listen", url.removeprefix("http://"), "--config", "trueup.toml"]
    with (office.folder / "review.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(words, cwd=office.folder, env=every, stderr=log)
        try:
            wait_for(f"{url}/alive", process)
            yield
        finally:
            process.terminate()
            process.wait(30)


def wait_for(address: str, process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(address, trust_env=False, timeout=5).status_code < 500:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"nothing answers at {address}")


@contextmanager
def window(chromium: Browser, address: str) -> Iterator[Page]:
    """A window of its own, with cookies of its own; scripts of ours must not complain."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(address)
    try:
        yield page
        assert troubles == []
    finally:
        context.close()


def sign_in(page: Page, user: str, address: str) -> None:
    page.select_option("select[name=user]", user)
    page.click("button")
    page.wait_for_url(address, timeout=60_000)


def test_two_people_in_two_windows_decide_and_apply(office: Office, chromium: Browser) -> None:
    plan = office.plan()
    users = office.sandbox.tenant.users()
    first, second = [user for user in users if user.get("accountEnabled")][:2]
    url = f"http://127.0.0.1:{free_port()}"
    more = f"""
[approval]
approvers = 2
[review]
url = "{url}"
client_id = "{office.sandbox.client_id}"
client_secret = "env:TRUEUP_CLIENT_SECRET"
reviewers = ["id:{first["id"]}", "id:{second["id"]}"]
apply = true
"""
    run = f"{url}/runs/{plan['run_id']}"
    with serving(office, url, more), window(chromium, run) as one, window(chromium, run) as two:
        sign_in(one, first["userPrincipalName"], run)
        sign_in(two, second["userPrincipalName"], run)
        for page in (one, two):
            page.wait_for_function("document.title.includes('Trueup')")
        key = _someone(one, plan)
        _send(one, run, "note", {"key": key, "text": "Ask the payroll office"})
        _send(one, run, "leave-out", {"selectors": [key], "on": True})
        two.wait_for_function("document.documentElement.innerHTML.includes('Ask the payroll office')", timeout=30_000)
        accepted = _send(one, run, "approve", {"fingerprint": plan["fingerprint"], "acts": 0, "exclude": [key]})
        assert accepted["still_needed"] == 1, accepted
        two.wait_for_function(
            "name => document.body.innerText.includes(name)", arg=str(first["displayName"]), timeout=30_000
        )
        late = _send(two, run, "approve", {"fingerprint": plan["fingerprint"], "acts": 0})
        assert late["code"] == "decided_meanwhile"
        assert str(first["displayName"]) in late["message"]
        assert _send(two, run, "approve", {"fingerprint": plan["fingerprint"], "acts": 1})["still_needed"] == 0
        assert _send(two, run, "apply", {"fingerprint": plan["fingerprint"]})["ok"]
        until = time.monotonic() + 180
        while not _state(office, plan).endswith("applied"):
            assert time.monotonic() < until
            time.sleep(0.5)
        cookies = {cookie["name"]: cookie for cookie in one.context.cookies()}
        assert cookies["__Host-trueup"]["httpOnly"]
        assert one.evaluate("document.cookie") == ""
    outcome = office.trueup("show", plan["run_id"], "--json")
    assert outcome.code == 0
    log = (office.folder / "review.log").read_text(encoding="utf-8")
    assert str(first["displayName"]) not in log
    assert log.count('"event": "approved"') == 2


def _someone(page: Page, plan: dict[str, str]) -> str:
    """The key of somebody who is updated, as the page's own list gives it."""
    answer = _send(page, "", f"/runs/{plan['run_id']}/people", {"ask": "list", "only": {"decision": ["update"]}})
    found = re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", str(answer))
    assert found, answer
    return found[0]


def _send(page: Page, base: str, what: str, said: dict[str, object]) -> dict[str, object]:
    """A request as the page's own script sends it."""
    address = what if not base else f"{base}/{what}"
    script = """async ([address, said]) => {
        const csrf = document.querySelector('input[name=csrf]').value;
        const headers = {'Content-Type': 'application/json', 'X-CSRF': csrf};
        const answer = await fetch(address, {method: 'POST', headers, body: JSON.stringify(said)});
        return await answer.json();
    }"""
    return dict(page.evaluate(script, [address, said]))


def _state(office: Office, plan: dict[str, str]) -> str:
    runs = office.trueup("runs", "--json").json
    return str(next(run["state"] for run in runs if run["run_id"] == plan["run_id"]))


@pytest.fixture(scope="module")
def provider_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("provider")
    (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
    words = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", PROVIDER]
    subprocess.run(words, cwd=folder, check=True, timeout=300)
    return folder


def test_another_provider_signs_people_in_and_out(office: Office, chromium: Browser, provider_package: Path) -> None:
    plan = office.plan()
    port, url = free_port(), f"http://127.0.0.1:{free_port()}"
    more = f"""
[review]
url = "{url}"
authority = "http://127.0.0.1:{port}"
client_id = "trueup"
client_secret = "env:TRUEUP_REVIEW_SECRET"
reviewers = ["group:reviewers"]
readers = ["group:readers"]
recheck_minutes = 0.05
"""
    secret = {"TRUEUP_REVIEW_SECRET": "a-secret-of-this-test-only"}
    script = Path(__file__).with_name("other_provider.mjs")
    node = subprocess.Popen(["node", script, provider_package, str(port), url], env={**os.environ, **secret})
    try:
        wait_for(f"http://127.0.0.1:{port}/.well-known/openid-configuration", node)
        with serving(office, url, more, **secret), window(chromium, f"{url}/") as page:
            _elsewhere(page, "ann", f"{url}/")
            assert "ann of elsewhere" in page.inner_text("body")
            time.sleep(35)  # longer than a right counts: it is asked for again, by the refresh token
            page.goto(f"{url}/runs/{plan['run_id']}")
            said = {"fingerprint": plan["fingerprint"], "acts": 0}
            assert _send(page, f"{url}/runs/{plan['run_id']}", "approve", said)["ok"]
            with window(chromium, f"{url}/") as stranger:
                _elsewhere(stranger, "mallory", f"{url}/signed-in**")
                assert stranger.context.cookies(url) == []
        log = (office.folder / "review.log").read_text(encoding="utf-8")
        assert '"subject": "ann"' in log
        assert "right_unknown" not in log
        assert '"code": "no_right"' in log
    finally:
        node.terminate()
        node.wait(30)


def _elsewhere(page: Page, name: str, address: str) -> None:
    """Through the other provider's own pages: a name, any password, and consent."""
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", "any")
    page.click("button[type=submit]")
    page.click("button[type=submit]")
    page.wait_for_url(address, timeout=60_000)
