"""A provider of other people signs in to the shared review, vouches for rights later on, and lets nobody else in."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.end_to_end.conftest import TRUEUP
from tests.support.team_review import true_run
from trueup.flows import configuration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page


pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
PROVIDER = "oidc-provider@9.13.3"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def serving(folder: Path, url: str, environment: dict[str, str]) -> Iterator[None]:
    """``trueup review --listen``, as somebody types it, until the block ends."""
    every = {**os.environ, **environment}
    words = [TRUEUP, "review", "--listen", url.removeprefix("http://"), "--config", "trueup.toml"]
    with (folder / "review.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(words, cwd=folder, env=every, stderr=log)
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


@pytest.fixture(scope="module")
def provider_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("provider")
    (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
    words = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", PROVIDER]
    subprocess.run(words, cwd=folder, check=True, timeout=300)
    return folder


def test_another_provider_signs_people_in_and_out(tmp_path: Path, chromium: Browser, provider_package: Path) -> None:
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
    config = tmp_path / "trueup.toml"
    target = '[target]\nurl = "https://directory.example/scim/v2"\n[archive]\npath = "runs"\n'
    config.write_text(target + more, encoding="utf-8")
    run = true_run(configuration.load(config))
    script = Path(__file__).with_name("other_provider.mjs")
    node = subprocess.Popen(["node", script, provider_package, str(port), url], env={**os.environ, **secret})
    try:
        wait_for(f"http://127.0.0.1:{port}/.well-known/openid-configuration", node)
        with serving(tmp_path, url, secret), window(chromium, f"{url}/") as page:
            _elsewhere(page, "ann", f"{url}/")
            assert "ann of elsewhere" in page.inner_text("body")
            time.sleep(35)  # longer than a right counts: it is asked for again, by the refresh token
            place = f"{url}/runs/{run.run_id}"
            page.goto(place)
            decided = _send(page, place, "approve", {"fingerprint": run.manifest.fingerprint, "acts": 0})
            assert decided["ok"], decided
            with window(chromium, f"{url}/") as stranger:
                _elsewhere(stranger, "mallory", f"{url}/signed-in**")
                assert "__Host-trueup" not in {cookie["name"] for cookie in stranger.context.cookies(url)}
        log = (tmp_path / "review.log").read_text(encoding="utf-8")
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
