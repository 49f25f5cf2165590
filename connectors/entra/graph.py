"""Microsoft Graph over the SDK's own authenticated HTTP pipeline: bytes in, patience, and nothing sent elsewhere.

The SDK signs in and sends; pages, retries and throttling are ours, because the SDK's iterator stops at empty
pages, its retry handler gives up at long waits and repeats neither resets nor truncated bodies.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin

import httpx
import orjson
from azure.core.exceptions import AzureError

from trueup.connectors.entra.clouds import endpoints as endpoints_of
from trueup.connectors.entra.credentials import Granted, Keeper, granted, keeper
from trueup.connectors.entra.loop_detection import LoopGuard, ids
from trueup.connectors.entra.prefetch import Ahead
from trueup.connectors.entra.responses import (
    PASSING,
    GraphError,
    LinkExpired,
    Spoiled,
    expired_too_often,
    json_object,
    number,
    objects,
    responses,
    said_no,
    sorted_out,
)
from trueup.connectors.entra.retry import Attempts, ReadStats, RetryPolicy, slowing
from trueup.connectors.http.retry import stated_wait
from trueup.connectors.http.trust import trusted
from trueup.transforms.errors import Refusal, Refused, Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from trueup.connectors.entra.clouds import Endpoints
    from trueup.connectors.entra.loop_detection import Keys
    from trueup.transforms.settings import Settings

T = TypeVar("T")

_TRANSPORT = (httpx.TransportError, httpx.DecodingError, httpx.InvalidURL, AzureError, OSError)
_UNSAFE = re.compile(r"[\\\x00-\x1f\x7f]")


@dataclass(slots=True)
class Graph:
    """A held connection to one tenant."""

    endpoints: Endpoints
    adapter: Any
    keeper: Keeper
    patience: RetryPolicy
    granted: Granted = field(default_factory=Granted)
    tally: ReadStats = field(default_factory=ReadStats)
    _answered: bool = False
    _quiet_until: float = 0.0
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(6))

    def inside(self, link: str) -> str:
        """``link`` made absolute, proven to stay on the configured Graph host.

        Raises:
            Refused: it leaves the host, the scheme or the port; the token is not sent there.
        """
        whole = urljoin(f"{self.endpoints.graph}/v1.0/", link) if "://" not in link[:12] else link
        try:
            url, home = _parsed(whole), _parsed(self.endpoints.graph)
        except httpx.InvalidURL:
            url = home = httpx.URL("")
        same = (url.scheme, url.host, _port(url)) == (home.scheme, home.host, _port(home))
        if not same or not url.host or url.userinfo or _UNSAFE.search(whole):
            raise Refused(
                Refusal(
                    "source_incomplete",
                    "Graph answered with a link that leaves the configured host; it was not followed.",
                    remedy="Check source.graph_url and any proxy in between. The token was not sent there.",
                )
            )
        return whole

    async def ask(
        self,
        link: str,
        read: Callable[[bytes], T],
        *,
        advanced: bool = False,
        body: bytes | None = None,
        ahead: Ahead | None = None,
    ) -> T:
        """What ``read`` makes of a good answer; faults that may pass are waited out within ``patience``.

        Args:
            link: relative to ``/v1.0`` or absolute on the Graph host.
            read: turns the body into a value, raising ``Spoiled`` if it is not a good answer.
            advanced: sends ``ConsistencyLevel: eventual``.
            body: JSON to POST.
            ahead: asks for what follows while ``read`` is at work, and may hold the answer.

        Raises:
            Answer: Graph said no.
            Failed: no answer at all at the start. Refused: none any more.
        """
        url = self.inside(link)
        trouble = Attempts(self.patience.now(), ahead=ahead)
        while True:
            await self._hold_back()
            answer = await self._attempt(url, read, trouble, advanced=advanced, body=body)
            if answer is not None:
                return answer[0]
            self.tally.retries += 1

    async def _attempt(
        self, url: str, read: Callable[[bytes], T], trouble: Attempts, *, advanced: bool, body: bytes | None
    ) -> tuple[T] | None:
        trouble.attempts += 1
        left = self._left(trouble)
        early = trouble.ahead.take(url) if trouble.ahead and trouble.attempts == 1 else None
        try:
            async with nullcontext() if early else self._slots, asyncio.timeout(max(left, 0.05)):
                response = await (early or self._send(url, advanced=advanced, body=body))
        except TimeoutError:
            trouble.last = "no answer in time"
        except _TRANSPORT as error:
            trouble.last = type(error).__name__
        else:
            if response.status_code == 200:
                if trouble.ahead and self._quiet_until <= self.patience.now():
                    trouble.ahead.look(response.content)
                try:
                    value = await asyncio.to_thread(read, response.content)
                except Spoiled as error:
                    trouble.last = str(error)
                else:
                    self._answered = True
                    return (value,)
            else:
                await self._weigh(response, trouble)
                return None
        await self._back_off(trouble)
        return None

    async def _send(self, url: str, *, advanced: bool, body: bytes | None) -> httpx.Response:
        from kiota_abstractions.method import Method
        from kiota_abstractions.native_response_handler import NativeResponseHandler
        from kiota_abstractions.request_information import RequestInformation
        from kiota_http.middleware.options import ResponseHandlerOption

        info = RequestInformation(Method.GET if body is None else Method.POST)
        info.url = url
        info.headers.add("Accept", "application/json")
        if advanced:
            info.headers.add("ConsistencyLevel", "eventual")
        if body is not None:
            info.set_stream_content(body, "application/json")
        info.add_request_options([ResponseHandlerOption(NativeResponseHandler())])
        self.tally.requests += 1
        response: httpx.Response = await self.adapter.send_primitive_async(info, "bytes", {})
        if pause := slowing(response.headers.get("x-ms-throttle-limit-percentage")):
            self.tally.slowed += 1
            self._quiet_until = max(self._quiet_until, self.patience.now() + pause)
        return response

    async def _weigh(self, response: httpx.Response, trouble: Attempts) -> None:
        status = response.status_code
        if status in PASSING:
            wait = stated_wait(response.headers.get("Retry-After"))
            trouble.last = str(status)
            if wait is not None and (status in {429, 503, 504} or wait > 0):
                await self._wait_as_told(wait, trouble)
            elif status == 429:
                await self._wait_as_told(self.patience.step(trouble.throttles + 1), trouble)
            else:
                await self._back_off(trouble)
            return
        if status == 401 and not trouble.renewed and not self.keeper.is_static:
            trouble.renewed = True
            self.tally.renewals += 1
            await self.keeper.renew()
            return
        if 200 <= status < 400:
            trouble.last = f"status {status}"
            await self._back_off(trouble)
            return
        self._answered = self._answered or status != 401
        raise said_no(response)

    async def _wait_as_told(self, wait: float, trouble: Attempts) -> None:
        self._answered = True
        trouble.throttles += 1
        trouble.stated += wait
        self.tally.throttles += 1
        if trouble.stated > self.patience.throttled or trouble.throttles > self.patience.throttles:
            raise Refused(
                Refusal(
                    "source_incomplete",
                    f"Graph keeps throttling: told to wait {trouble.throttles} times, {trouble.stated:g} s in all, "
                    f"for one request (at most {self.patience.throttled:g} s are waited out).",
                    remedy="Run later, or find out what else reads this tenant with the same app.",
                )
            )
        self.tally.waited_seconds += wait
        self._quiet_until = max(self._quiet_until, self.patience.now() + wait)
        if wait < 0.01:
            await self.patience.sleep(self.patience.step(0))

    async def _back_off(self, trouble: Attempts) -> None:
        step = self.patience.step(trouble.attempts)
        if self._left(trouble) <= step:
            self._give_up(trouble)
        await self.patience.sleep(step)

    def _left(self, trouble: Attempts) -> float:
        bound = self.patience.answering if self._answered else self.patience.reaching
        return bound - (self.patience.now() - trouble.started - trouble.stated)

    def _give_up(self, trouble: Attempts) -> None:
        if not self._answered:
            raise Unreachable(
                f"Microsoft Graph cannot be reached at {self.endpoints.graph_host} ({trouble.last}).",
                remedy="Check the network, the proxy, source.ca_bundle and source.graph_url.",
            )
        raise Refused(
            Refusal(
                "source_incomplete",
                f"Graph gave no usable answer for {self.patience.answering:g} s "
                f"({trouble.attempts} attempts, last: {trouble.last}); the read is not complete.",
                remedy="Run again later; nothing was changed.",
            )
        )

    async def _hold_back(self) -> None:
        while (pause := self._quiet_until - self.patience.now()) > 0:
            await self.patience.sleep(pause)

    async def json(self, link: str, *, advanced: bool = False, body: bytes | None = None) -> dict[str, Any]:
        """The JSON object at ``link``."""
        return await self.ask(link, json_object, advanced=advanced, body=body)

    async def count(self, link: str) -> int | None:
        """The plain number a ``$count`` address answers with; None where Graph does not offer one."""
        try:
            return await self.ask(link, number, advanced=True)
        except GraphError as answer:
            if answer.status in {400, 404, 405, 406, 415, 501}:
                return None
            raise

    async def pages(
        self,
        link: str,
        read: Callable[[bytes], tuple[T, str | None]],
        keys: Callable[[T], Keys],
        *,
        advanced: bool = False,
    ) -> AsyncIterator[T]:
        """Each page from ``link`` to the last, empty ones included.

        Args:
            link: to the first page.
            read: the page and the link to the next, from a body.
            keys: who is on a page.
            advanced: sends ``ConsistencyLevel: eventual``.

        Raises:
            LinkExpired: a link to a further page is no longer taken.
            Endless: the list goes in circles or never ends. Refused: a link leaves the host.
        """
        watch = LoopGuard(link)
        ahead = Ahead(lambda following: self._once(following, advanced=advanced))
        try:
            while True:
                try:
                    page, following = await self.ask(link, read, advanced=advanced, ahead=ahead)
                except GraphError as answer:
                    if not watch.pages or answer.status not in {400, 404, 410}:
                        raise
                    raise LinkExpired from answer
                yield page
                watch.page(keys(page), following)
                if following is None:
                    return
                link = following
        finally:
            ahead.drop()

    async def _once(self, link: str, *, advanced: bool) -> httpx.Response:
        url = self.inside(link)
        async with self._slots:
            return await self._send(url, advanced=advanced, body=None)

    async def rows(self, link: str, *, advanced: bool = False) -> list[dict[str, Any]]:
        """All objects behind ``link`` as plain JSON, for small lists; starts over when a link expires."""
        for _ in range(3):
            try:
                found = self.pages(link, objects, ids, advanced=advanced)
                return [row async for page in found for row in page]
            except LinkExpired:
                self.tally.restarts += 1
        raise expired_too_often()

    async def batch(self, requests: list[str], *, headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
        """The answers to at most 20 relative GETs, in order, each ``{status, headers, body}``; failed parts repeated.

        Graph answers a batch with 200 whatever became of its parts; each part is throttled on its own.
        """
        answers: dict[int, dict[str, Any]] = {}
        trouble = Attempts(self.patience.now())
        while missing := [number for number in range(len(requests)) if number not in answers]:
            parts = [
                {"id": str(place), "method": "GET", "url": requests[place], "headers": headers or {}}
                for place in missing
            ]
            trouble.attempts += 1
            body = orjson.dumps({"requests": parts})
            good, wait = sorted_out(await self.ask("$batch", responses, body=body))
            answers.update((place, answer) for place, answer in good.items() if place in missing)
            if len(answers) < len(requests):
                self.tally.retries += 1
                trouble.last = "parts of a batch without a good answer"
                await (self._wait_as_told(wait, trouble) if wait is not None else self._back_off(trouble))
                await self._hold_back()
        return [answers[place] for place in range(len(requests))]


@lru_cache(maxsize=4)
def _parsed(address: str) -> httpx.URL:
    return httpx.URL(address)


def _port(url: httpx.URL) -> int | None:
    return url.port or {"https": 443, "http": 80}.get(url.scheme)


@asynccontextmanager
async def connected(settings: Settings, patience: RetryPolicy | None = None) -> AsyncIterator[Graph]:
    """A Graph connection that is signed in; closed afterwards.

    Raises:
        Failed: signing in was refused or the sign-in address does not answer.
        Misused: the configuration does not say how to sign in.
    """
    from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
    from kiota_http.middleware.options import RedirectHandlerOption, RetryHandlerOption
    from msgraph.graph_request_adapter import GraphRequestAdapter
    from msgraph_core import GraphClientFactory

    patience = patience or RetryPolicy()
    where = endpoints_of(settings.source)
    held = keeper(settings, where, patience)
    client = httpx.AsyncClient(
        timeout=httpx.Timeout(70.0, connect=10.0),
        verify=trusted(settings, settings.source.ca_bundle, key="source.ca_bundle", address=where.graph),
        follow_redirects=False,
    )
    # The SDK puts its own transport around these, and closing that leaves them open: sockets would leak at every read.
    # httpx has no public way to them; handing it transports of our own, which we could close, makes it pass over the
    # proxies of the environment, and a tenant is often read through one.
    held_open = [client._transport, *(t for t in client._mounts.values() if t)]  # noqa: SLF001 - see above: nothing public leads to them, and left open they leak
    client = GraphClientFactory.create_with_default_middleware(
        client=client,
        options={
            RetryHandlerOption.get_key(): RetryHandlerOption(max_retries=0, should_retry=False),
            RedirectHandlerOption.get_key(): RedirectHandlerOption(should_redirect=False),
        },
    )
    provider = AzureIdentityAuthenticationProvider(
        held, scopes=[where.scope], allowed_hosts=[where.graph_host], is_cae_enabled=False
    )
    adapter = GraphRequestAdapter(provider, client)
    adapter.base_url = f"{where.graph}/v1.0"
    graph = Graph(where, adapter, held, patience)
    try:
        graph.granted = granted(await held.get_token())
        yield graph
    finally:
        await client.aclose()
        for transport in held_open:
            await transport.aclose()
        await held.close()
