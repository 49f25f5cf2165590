"""The review behind Debian's nginx, with the lines of the guide: signing in, deciding and live events go through it."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import trustme

from tests.support.team_review import Team, certificate_in, patiently, team_review
from tests.unit.flows.review.test_deciding_together import after, asked, following

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.services
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "review.md"
CALLER = "127.0.0.2"
PLACE = "https://localhost"
"""What people type; nginx has another port here than the one nobody types."""


class Typed(httpx.HTTPTransport):
    """Leads what is sent to ``PLACE`` to the port nginx has here, as the port of the address would."""

    def __init__(self, context: ssl.SSLContext, port: int) -> None:
        super().__init__(verify=context, local_address=CALLER)
        self._port = port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if (request.url.scheme, request.url.host, request.url.port) == ("https", "localhost", None):
            request.url = request.url.copy_with(port=self._port)
        return super().handle_request(request)


def guide(folder: Path, port: int, behind: str) -> str:
    """The guide's own lines, with this machine's places in them."""
    found = re.search(r"```nginx\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    text = found[1]
    for said, here in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "trueup.example.com": "localhost",
        "/etc/ssl/trueup.pem": str(folder / "own.pem"),
        "/etc/ssl/trueup.key": str(folder / "own.key"),
        "http://127.0.0.1:8650": behind,
    }.items():
        assert said in text, said
        text = text.replace(said, here)
    return text


@contextmanager
def nginx(folder: Path, port: int, behind: str) -> Iterator[None]:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "\n".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
    config = folder / "nginx.conf"
    config.write_text(
        f"user root;\ndaemon off;\npid {folder / 'nginx.pid'};\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}\n{guide(folder, port, behind)}\n}}\n",
        encoding="utf-8",
    )
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program is not None, "Debian's nginx is missing: tests/end_to_end/debian.sh"
    words = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(config)]
    with subprocess.Popen(words) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[Team]:
    """The review on loopback without a certificate, and nginx before it; its people come through nginx alone."""
    ca, port = trustme.CA(), free_port()
    certificate_in(tmp_path, ca)
    ca.configure_trust(context := ssl.create_default_context())
    with (
        team_review(tmp_path, review='proxies = ["127.0.0.1"]', url=PLACE) as team,
        nginx(tmp_path, port, team.behind),
        httpx.Client(trust_env=False, timeout=30, transport=Typed(context, port)) as client,
    ):
        team.client = client
        patiently(lambda: _answers(client))
        yield team


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get(f"{PLACE}/alive").status_code == 200
    except httpx.TransportError:
        return False


def test_two_people_review_through_the_proxy_of_the_guide(proxied: Team) -> None:
    run, ada, bo = proxied.run(), proxied.browser("ada"), proxied.browser("bo")
    assert ada.get("/").headers["strict-transport-security"]
    with following(bo, run) as events:
        begun = time.monotonic()
        assert ada.post(f"/runs/{run.run_id}/note", {"key": "k-1", "text": "ask HR"}).status_code == 200
        patiently(lambda: after(events)["notes"].get("k-1"), 5)
        assert time.monotonic() - begun < 5, "the proxy held events back"
        many = {"selectors": ["k-1/title"] * 180_000, "on": True}
        assert ada.post(f"/runs/{run.run_id}/leave-out", many).status_code == 200, "a large body did not get through"
        assert ada.post(f"/runs/{run.run_id}/approve", asked(run, exclude=["k-1"])).status_code == 200
        patiently(lambda: after(events)["acts"] == 1, 5)
    assert {line["address"] for line in proxied.events("signed_in")} == {CALLER}


def test_what_a_caller_says_of_itself_does_not_get_past_the_proxy(proxied: Team) -> None:
    forged = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    proxied.browser().get("/signed-in?state=x", **forged)
    assert proxied.events("sign_in_refused")[-1]["address"] == CALLER, "a caller chose its own address"
    assert "evil" not in proxied.browser().get("/sign-in", **forged).headers["location"]
    answer = proxied.client.get(f"{PLACE}/", headers={"Host": "evil.example"})
    assert answer.status_code == 421
    behind = httpx.get(f"{proxied.behind}/alive", trust_env=False)
    assert behind.status_code == 421, "past the proxy, under the name of the port behind it"
