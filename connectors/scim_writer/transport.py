"""The engine scim2-client sends through: aiohttp, which costs a sixth of the processor time of its default engine.

Apply is bound by the processor long before the network: every write is a look and a request. scim2-client is built
to have engines put under it (``BaseAsyncSCIMClient``); this one follows no redirects and hands back whatever the server
said. It sends nothing twice on its own, but what was answered 401 and with another token: that was not carried out.
"""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import aiohttp
import httpx2
import orjson
from scim2_client.client import BaseAsyncSCIMClient
from scim2_client.errors import RequestNetworkException
from yarl import URL

from trueup.connectors.http.trust import proxy_for, trusted
from trueup.connectors.scim.session import place_of
from trueup.connectors.scim.sign_in import MEDIA_TYPE, SignIn

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from types import TracebackType

    from scim2_models import ScimProvider

    from trueup.transforms.settings import Settings

_CONNECT_S = 10.0
_IDLE_S = 30.0
_WHOLE = 4
"""So many times the bound on silence bounds one request as a whole: no server holds up an apply by trickling."""
_LONGEST_HEADER = 100_000
_LARGE = 1 << 20
"""Bodies above are handed over as a stream, as aiohttp wants it."""

NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)
"""Troubles after which the request certainly did not reach the server."""


class ConnectionLost(aiohttp.ClientConnectionError):
    """The connection ended before the answer; the request may have been carried out."""


@dataclass(frozen=True, slots=True)
class Response:
    """One response as it came."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The body as text; bytes that are none are replaced."""
        return self.content.decode("utf-8", "replace")


class Wire(BaseAsyncSCIMClient):
    """scim2-client over aiohttp. Use as an asynchronous context manager."""

    def __init__(self, settings: Settings, provider: ScimProvider) -> None:
        super().__init__(
            provider=provider,
            check_request_payload=False,
            check_response_payload=False,
            check_response_content_type=False,
            check_response_status_codes=False,
            raise_scim_errors=False,
        )
        base, self._params = place_of(settings)
        self._base = str(URL(base))
        self.sign_in = SignIn(settings)
        self._ssl = _trust(settings, base)
        self._proxy = proxy_for(base)
        self._concurrency = settings.target.concurrency
        self._timeout = aiohttp.ClientTimeout(
            total=_WHOLE * settings.target.timeout_seconds,
            sock_connect=min(_CONNECT_S, settings.target.timeout_seconds),
            sock_read=settings.target.timeout_seconds,
        )

    async def __aenter__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._concurrency, keepalive_timeout=_IDLE_S, ssl=self._ssl),
            cookie_jar=aiohttp.CookieJar(unsafe=True, quote_cookie=False),
            headers={"Content-Type": MEDIA_TYPE},
            timeout=self._timeout,
            proxy=self._proxy,
            middlewares=(_once,),
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def request(self, method: str, url: str, **kwargs: Any) -> Response:
        """The server's response to one request, sent once; a second time only with another token, after a 401.

        Args:
            method: in capitals.
            url: below the target's root, with a leading slash, escaped.
            kwargs: ``json``, ``params``, ``headers``; the list ``heard`` gets the response as well, since what
                scim2-client's methods return says nothing of status and headers.

        Raises:
            RequestNetworkException: no response, or only part of one; the cause says why.
            Failed: no token is to be had.
        """
        said = await self._signed_in()
        heard = await self._sent(method, url, said, kwargs)
        if heard.status_code == 401 and await asyncio.to_thread(self.sign_in.renewed, said):
            heard = await self._sent(method, url, await self._signed_in(), kwargs)
        kwargs["heard"].append(heard)
        return heard

    async def _signed_in(self) -> dict[str, str]:
        """The headers that say who asks; a token is asked for beside the loop, so that nobody else waits."""
        return await asyncio.to_thread(self.sign_in.headers) if self.sign_in.is_due else self.sign_in.headers()

    async def _sent(self, method: str, url: str, said: Mapping[str, str], kwargs: Mapping[str, Any]) -> Response:
        params = self._params | kwargs.get("params", {})
        query = f"?{urlencode(params, quote_via=quote)}" if params else ""
        try:
            async with self._session.request(
                method,
                URL(f"{self._base}{url}{query}", encoded=True),
                data=_payload(kwargs.get("json")),
                headers={**said, **(kwargs.get("headers") or {})},
                allow_redirects=False,
            ) as response:
                return Response(response.status, response.headers, await response.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RequestNetworkException from error

    def _parse_json(self, response: Any) -> Any:
        return orjson.loads(response.content)


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Nothing is sent again unasked, as aiohttp would a DELETE on a broken connection: its sender looks first."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionLost(type(error).__name__) from error


def _payload(body: Any) -> bytes | io.BytesIO | None:
    if body is None:
        return None
    data = orjson.dumps(body)
    return data if len(data) < _LARGE else io.BytesIO(data)


def _trust(settings: Settings, base: str) -> ssl.SSLContext | bool:
    """What reading trusts, writing trusts."""
    verify = trusted(settings, settings.target.ca_bundle, key="target.ca_bundle", address=base)
    return httpx2.create_ssl_context(verify) if base.startswith("https://") else True
