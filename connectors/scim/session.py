"""A held connection that reads from a SCIM server: patient where repeating is safe, quick to say what is wrong."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlsplit

import httpx2

from trueup.connectors.http.rate_limit import Turns
from trueup.connectors.http.retry import Backoff
from trueup.connectors.http.trust import trusted
from trueup.connectors.scim.responses import Answer, sentence
from trueup.connectors.scim.sign_in import SignIn
from trueup.transforms.errors import Failed, Misused

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from trueup.transforms.settings import Settings

FIRST_CONTACT_S = 20.0
"""How long the first request may be tried before the target counts as unreachable."""
BRIEF_S = 3.0
"""How long the token is tried; what does not answer within this is left to the read."""
_ATTEMPTS = 6
_BACKOFF = Backoff(0.25, 8.0)
_SAFE = "!$&'()*+,;=:@"
_AS_IT_IS = re.compile(r"(?:[^%?#]|%[0-9A-Fa-f]{2})+\Z")
_NOT_THERE = (400, 404, 410)
UNSPEAKABLE = Answer(0, trouble="an id no address can carry", sent=False)


def place_of(settings: Settings) -> tuple[str, dict[str, str]]:
    """The root of the server without a trailing slash, and query parameters its URL carries.

    Raises:
        Misused: no URL, or one that is not https (http is for loopback only).
    """
    url = settings.target.url.strip()
    parts = urlsplit(url)
    loopback = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Misused("target.url is not set to a URL.", remedy='Write target.url = "https://…/scim/v2".')
    if parts.scheme == "http" and not loopback:
        raise Misused("target.url is plain http.", remedy="Use https; http is for loopback only.")
    if parts.username or parts.password:
        raise Misused("target.url holds credentials.", remedy="Leave them out; target.auth says how to sign in.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", dict(parse_qsl(parts.query))


class Credential(httpx2.Auth):
    """What a request says of who asks; asked once more with another token where the first was refused (401)."""

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """See :class:`httpx2.Auth`."""
        said = self._sign_in.headers()
        request.headers.update(said)
        response = yield request
        if response.status_code == 401 and self._sign_in.renewed(said):
            request.headers.update(self._sign_in.headers())
            yield request


def timeouts(settings: Settings) -> httpx2.Timeout:
    """Per-request bounds; a connection is given ten seconds at most."""
    whole = settings.target.timeout_seconds
    return httpx2.Timeout(whole, connect=min(10.0, whole))


def user_path(profile_id: str) -> str:
    """``/Users/<id>`` with the id escaped as one segment (RFC 3986 §3.3).

    Raises:
        ValueError: a dot segment, which no URL can carry.
    """
    if profile_id in {"", ".", ".."}:
        raise ValueError("this id cannot stand in a URL")
    return f"/Users/{quote(profile_id, safe=_SAFE)}"


def other_path(profile_id: str, answer: Answer) -> str | None:
    """Another way to put an id into an address, worth trying after ``answer`` said that nothing is there.

    Some servers show ids that are escaped already, or take a slash as it is. Whoever answers there must show this
    very id: the address may mean somebody else.
    """
    plain = f"/Users/{quote(profile_id, safe=_SAFE + '%/')}"
    odd = "%" in profile_id or "/" in profile_id
    if answer.status not in _NOT_THERE or not odd or not _AS_IT_IS.match(profile_id):
        return None
    return None if {"", ".", ".."} & set(profile_id.split("/")) else plain


class Session:
    """Reads with GET only; safe to use from several threads."""

    def __init__(
        self,
        client: httpx2.Client,
        *,
        per_second: float,
        read_concurrency: int = 1,
        remedy: str = "Check how target.auth signs in.",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._remedy = remedy
        self.read_concurrency = read_concurrency
        """How many pages may be asked for at a time."""
        self._client = client
        self._turns = Turns(per_second)
        self._sleep = sleep
        self._met = False
        self.requests = 0
        self.retries = 0

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """The server's answer, whatever it is; 429, 5xx, lost connections and a 200 without JSON were tried again.

        This is the one place where a read of the target is repeated: the single request, never the whole list.

        Raises:
            Failed: nothing answers, or the token is refused (401, or 403 at the first contact).
        """
        deadline = None if self._met else time.monotonic() + FIRST_CONTACT_S
        answer = Answer(0)
        for attempt in range(_ATTEMPTS):
            self._wait_for_turn()
            answer = self._once(path, params)
            if answer.status:
                self._met = True
            unusable = answer.is_lost or (answer.is_ok and answer.json is None)
            if answer.status and answer.status != 429 and not (unusable and attempt < 3):
                break
            pause = _BACKOFF.wait(attempt, answer.pause)
            if attempt == _ATTEMPTS - 1 or (deadline and time.monotonic() + pause > deadline):
                break
            self.retries += 1
            self._sleep(pause)
        return self._judged(answer)

    def once(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """The server's answer to one request that nothing depends on; never tried again."""
        self._wait_for_turn()
        return self._once(path, params)

    def try_token(self) -> None:
        """Return when the token is good, or when one brief question does not tell.

        Raises:
            Failed: the token is refused: 401, or 403 for a list of one user.
        """
        answer = self._once("/Users", {"startIndex": "1", "count": "1"}, bound=BRIEF_S)
        if answer.status == 403:
            raise Failed(
                "The target refuses the token: it may not list users (403).",
                remedy="Give the token the right to read users, or make a new one in the directory's administration.",
            )
        if answer.status == 401:
            self._judged(answer)

    def profile(self, profile_id: str) -> Answer:
        """The profile of that id, however this server spells it in an address; else why there is none.

        Raises:
            Failed: as :meth:`get`.
        """
        try:
            answer = self.get(user_path(profile_id))
        except ValueError:
            return UNSPEAKABLE
        other = other_path(profile_id, answer)
        if other is None:
            return answer
        again = self.get(other)
        return again if again.is_ok and again.resource and str(again.resource["id"]) == profile_id else answer

    def _once(self, path: str, params: Mapping[str, str] | None, *, bound: float | None = None) -> Answer:
        self.requests += 1
        try:
            patience = bound or (httpx2.USE_CLIENT_DEFAULT if self._met else FIRST_CONTACT_S)
            response = self._client.get(path, params=params, timeout=patience)
        except httpx2.TransportError as error:
            return Answer(0, trouble=type(error).__name__)
        except (httpx2.InvalidURL, httpx2.DecodingError, httpx2.TooManyRedirects) as error:
            return Answer(599, trouble=type(error).__name__)
        return Answer(response.status_code, response.headers, response.content)

    def _judged(self, answer: Answer) -> Answer:
        if answer.status == 0:
            raise Failed(
                f"The target cannot be reached: {sentence(answer)}.",
                remedy="Check target.url, the network, proxies and target.ca_bundle.",
            )
        if answer.status == 401:
            raise Failed(
                "The target refuses the token (401).",
                remedy=self._remedy,
            )
        return answer

    def _wait_for_turn(self) -> None:
        if (wait := self._turns.take()) > 0:
            self._sleep(wait)


@contextmanager
def open_session(settings: Settings) -> Iterator[Session]:
    """A session on the configured target.

    Raises:
        Misused: URL, token or CA bundle are unusable.
    """
    base, params = place_of(settings)
    sign_in = SignIn(settings)
    client = httpx2.Client(
        base_url=base,
        params=params,
        auth=Credential(sign_in),
        verify=trusted(settings, settings.target.ca_bundle, key="target.ca_bundle", address=base),
        timeout=timeouts(settings),
        limits=httpx2.Limits(
            max_connections=max(settings.target.concurrency, settings.target.read_concurrency),
            max_keepalive_connections=64,
        ),
    )
    with client:
        yield Session(
            client,
            per_second=settings.target.requests_per_second,
            read_concurrency=settings.target.read_concurrency,
            remedy=sign_in.remedy,
        )
