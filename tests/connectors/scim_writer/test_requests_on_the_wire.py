"""What leaves for a target, byte by byte: once, with the right trust, through the right proxy, cookies returned."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.support.scim_directory import Directory
from tests.support.scim_runs import settings_for
from trueup.connectors.http.trust import proxy_for
from trueup.connectors.scim_writer.rate_limit import Pace
from trueup.connectors.scim_writer.sender import Sender

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from trueup.connectors.scim.responses import Answer

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Listener:
    """A server that keeps every request line and head it hears; ``answers`` are given in turn, none hangs up."""

    def __init__(self, *answers: bytes | None, status: bytes = b"200 OK") -> None:
        self.answers = list(answers)
        self.status = status
        self.heads: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := (await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""):
            text = head.decode()
            length = next((line[15:] for line in text.splitlines() if line.lower().startswith("content-length:")), "0")
            await reader.readexactly(int(length))
            self.heads.append(text)
            answer = self.answers.pop(0) if self.answers else b""
            if answer is None:
                break
            body = b'{"id": "p1"}'
            said = (self.status, answer, len(body), body)
            writer.write(b"HTTP/1.1 %s\r\n%scontent-length: %d\r\n\r\n%s" % said)
            if reader.at_eof():
                break
        writer.close()


def answered(
    listener: Listener,
    ask: Callable[[Sender], Awaitable[list[Answer]]],
    *,
    url: str = "{root}/scim/v2",
    tls: ssl.SSLContext | None = None,
    ca_bundle: str = "",
) -> list[Answer]:
    """What a sender hears from ``listener``."""

    async def talk() -> list[Answer]:
        server = await asyncio.start_server(_patient(listener), "127.0.0.1", 0, ssl=tls)
        root = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        settings = settings_for(Directory(url=url.format(root=root)), ca_bundle=ca_bundle)
        async with server, Sender(settings, Pace(1e6, unit=0.01)) as sender:
            return await ask(sender)

    return asyncio.run(talk())


def _patient(listener: Listener) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await listener(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    return serve


@pytest.mark.parametrize("method", ["put", "delete", "patch", "create"])
def test_a_write_whose_connection_breaks_is_not_sent_again_unasked(method: str) -> None:
    listener = Listener(b"", None)

    async def ask(sender: Sender) -> list[Answer]:
        first = await sender.get_profile("p1")
        if method == "create":
            return [first, await sender.create({"userName": "u"})]
        if method == "delete":
            return [first, await sender.delete("p1", None)]
        return [first, await getattr(sender, method)("p1", {"Operations": []}, None)]

    looked, lost = answered(listener, ask)
    assert looked.is_ok
    assert (lost.status, lost.is_lost, lost.trouble) == (0, True, "ServerDisconnectedError")
    assert len(listener.heads) == 2


def test_a_target_that_sends_a_write_elsewhere_is_not_obeyed() -> None:
    listener = Listener(b"location: /elsewhere\r\n", status=b"307 Temporary Redirect")

    async def ask(sender: Sender) -> list[Answer]:
        return [await sender.patch("p1", {"Operations": []}, None)]

    (answer,) = answered(listener, ask)
    assert (answer.status, answer.is_ok) == (307, False)
    assert [head.split(" HTTP")[0] for head in listener.heads] == ["PATCH /scim/v2/Users/p1"]


def test_a_cookie_that_a_balancer_set_comes_back() -> None:
    listener = Listener(b"set-cookie: node=a/b+c==; Path=/\r\n")

    async def ask(sender: Sender) -> list[Answer]:
        return [await sender.get_profile("p1"), await sender.get_profile("p1")]

    answered(listener, ask)
    assert "cookie:" not in listener.heads[0].lower()
    assert "cookie: node=a/b+c==" in listener.heads[1].lower()


def test_an_address_with_a_query_and_an_id_with_a_slash_arrive_as_meant() -> None:
    listener = Listener()

    async def ask(sender: Sender) -> list[Answer]:
        return [await sender.get_profile("a/b c%"), await sender.find('userName eq "ä+b"')]

    answered(listener, ask, url="{root}/my dir/v2?tenant=x%20y")
    assert listener.heads[0].startswith("GET /my%20dir/v2/Users/a%2Fb%20c%25?tenant=x%20y ")
    assert "GET /my%20dir/v2/Users?tenant=x%20y&filter=userName%20eq%20%22%C3%A4%2Bb%22 " in listener.heads[-1]


def test_a_profile_of_more_than_a_megabyte_is_sent_whole() -> None:
    listener = Listener()

    async def ask(sender: Sender) -> list[Answer]:
        return [await sender.put("p1", {"photos": [{"value": "x" * (1 << 20)}]}, None), await sender.get_profile("p1")]

    assert [answer.is_ok for answer in answered(listener, ask)] == [True, True]
    assert f"content-length: {(1 << 20) + 25}" in listener.heads[0].lower()


def test_a_private_authority_is_trusted_where_it_is_named_and_nowhere_else(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def ask(sender: Sender) -> list[Answer]:
        return [await sender.patch("p1", {"Operations": []}, None)]

    (trusted,) = answered(Listener(), ask, tls=context, ca_bundle=str(tmp_path / "ca.pem"))
    assert trusted.is_ok
    (refused,) = answered(Listener(), ask, tls=context)
    assert (refused.status, refused.sent, refused.trouble) == (0, False, "ClientConnectorCertificateError")


def test_the_proxy_of_the_environment_is_used_and_its_exceptions_are_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, *(name.upper() for name in NAMES)):
        monkeypatch.delenv(name, raising=False)
    assert proxy_for("https://people.example/scim") is None
    monkeypatch.setenv("ALL_PROXY", "proxy.example:3128")
    assert proxy_for("https://people.example/scim") == "http://proxy.example:3128"
    monkeypatch.setenv("HTTPS_PROXY", "http://other.example:8080")
    assert proxy_for("https://people.example/scim") == "http://other.example:8080"
    monkeypatch.setenv("NO_PROXY", ".example")
    assert proxy_for("https://people.example/scim") is None


def test_a_request_through_a_proxy_names_the_target_and_the_proxy_gets_its_own_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (*NAMES, *(name.upper() for name in NAMES)):
        monkeypatch.delenv(name, raising=False)
    listener = Listener()

    async def ask(sender: Sender) -> list[Answer]:
        return [await sender.get_profile("p1")]

    async def talk() -> None:
        server = await asyncio.start_server(_patient(listener), "127.0.0.1", 0)
        monkeypatch.setenv("HTTP_PROXY", f"http://me:pass@127.0.0.1:{server.sockets[0].getsockname()[1]}")
        settings = settings_for(Directory(url="http://localhost:1/scim/v2"))
        async with server, Sender(settings, Pace(1e6)) as sender:
            await ask(sender)

    asyncio.run(talk())
    assert listener.heads[0].startswith("GET http://localhost:1/scim/v2/Users/p1 ")
    assert "proxy-authorization: basic bwu6cgfzcw==" in listener.heads[0].lower()


def test_a_proxy_that_shows_a_certificate_of_nobody_known_gets_nothing_to_pass_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether the target itself is asked over TLS or not: the token goes through the proxy."""
    for name in (*NAMES, *(name.upper() for name in NAMES)):
        monkeypatch.delenv(name, raising=False)
    listener, context = Listener(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    async def talk() -> Answer:
        server = await asyncio.start_server(_patient(listener), "127.0.0.1", 0, ssl=context)
        monkeypatch.setenv("HTTP_PROXY", f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        async with server, Sender(settings_for(Directory(url="http://localhost:1/scim/v2")), Pace(1e6)) as sender:
            return await sender.patch("p1", {"Operations": []}, None)

    answer = asyncio.run(talk())
    assert (answer.status, answer.sent) == (0, False), answer.trouble
    assert listener.heads == []
