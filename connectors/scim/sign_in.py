"""How Trueup signs in to the target: the one place where the headers of a request to it are made.

Bearer, basic and header credentials are what they are. A token of OAuth 2.0's client credentials (RFC 6749 §4.4) is
asked for with Authlib, before the first request and again before it ends, and once more when the target answers 401.
"""

from __future__ import annotations

import base64
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from trueup.connectors.http.trust import trusted
from trueup.connectors.redaction import remember
from trueup.connectors.secrets import code_word, reveal
from trueup.transforms.errors import Failed, Misused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trueup.transforms.settings import Settings, TargetSettings

MEDIA_TYPE = "application/scim+json"
_EARLY_S = 60.0
_EARLY_SHARE = 0.1
"""A token is renewed so long before it ends; one that lives for less than ten minutes, at a tenth of its life."""
_ATTEMPTS = 3
_PAUSE_S = 0.5
_PATIENCE_S = 6.0
_REMEDIES = {
    "bearer": "Make a new token in the directory's administration and put it where target.token points.",
    "header": "Make a new token in the directory's administration and put it where target.token points.",
    "basic": "Check target.user and what target.password points at.",
    "oauth2": "Check target.scopes and target.token_parameters, and what this client may do in the directory.",
}


class SignIn:
    """The headers of every request to one target. Safe to use from several threads.

    Secrets are revealed here, as late as possible.

    Raises:
        Misused: a reference does not resolve, or a value no header can carry.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._ends: float | None = None
        self._early = 0.0
        self._further = _further_headers(settings)
        self._said: tuple[str, str] | None = None
        if settings.target.auth == "oauth2":
            self._secret = _revealed(settings, "client_secret")
        else:
            self._said = _fixed(settings)

    @property
    def remedy(self) -> str:
        """What to do when the target refuses who we say we are."""
        return _REMEDIES[self._settings.target.auth]

    @property
    def is_due(self) -> bool:
        """Whether the next ``headers`` asks for a token first, which takes a request."""
        return self._said is None or (self._ends is not None and self._clock() > self._ends - self._early)

    def headers(self) -> dict[str, str]:
        """What the next request says.

        Raises:
            Failed: no token is to be had.
        """
        if self.is_due:
            with self._lock:
                if self.is_due:
                    self._renew()
        name, value = self._said or ("Authorization", "")
        return {"Accept": f"{MEDIA_TYPE}, application/json;q=0.9"} | self._further | {name: value}

    def renewed(self, refused: Mapping[str, str]) -> bool:
        """Whether there is another token than the one ``refused`` (the headers of a request answered 401) carried.

        Raises:
            Failed: no token is to be had.
        """
        if self._settings.target.auth != "oauth2":
            return False
        with self._lock:
            if self._said is not None and refused.get("Authorization") == self._said[1]:
                self._said = None
                self._renew()
        return True

    def _renew(self) -> None:
        """Ask for a token; where that fails, one that has not ended yet goes on being used."""
        try:
            token, lives = self._asked()
        except Failed:
            if self._said is not None and self._ends is not None and self._clock() < self._ends:
                return
            raise
        self._said = ("Authorization", f"Bearer {remember(token)}")
        self._early = min(_EARLY_S, (lives or 0) * _EARLY_SHARE)
        self._ends = None if lives is None else self._clock() + lives

    def _asked(self) -> tuple[str, float | None]:
        """A token, and how many seconds it lives if that was said."""
        import httpx2  # which Authlib sends through wherever it is installed

        trouble: Exception | None = None
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE_S * attempt)
            try:
                return _token_of(self._fetched())
            except httpx2.TransportError as error:
                trouble = error
            except _NotNow as error:
                trouble = error
        why = str(trouble) if isinstance(trouble, _NotNow) else type(trouble).__name__
        raise Failed(
            f"The target's token endpoint gives no token: {why}.",
            remedy="Check target.token_url, the network, proxies and target.ca_bundle.",
        ) from trouble

    def _fetched(self) -> dict[str, Any]:
        from authlib.common.errors import AuthlibBaseError
        from authlib.integrations.httpx_client import OAuth2Client

        target = self._settings.target
        who, secret, way = target.client_id, self._secret, target.token_auth
        # RFC 6749 §2.3.1: both are form-encoded first, which Authlib leaves out.
        if way == "basic":
            who, secret = quote_plus(who), quote_plus(secret)
        client = OAuth2Client(
            who,
            secret,
            token_endpoint_auth_method=f"client_secret_{way}",
            verify=trusted(self._settings, target.ca_bundle, key="target.ca_bundle", address=target.token_url),
            timeout=min(_PATIENCE_S, target.timeout_seconds),
            follow_redirects=False,
        )
        client.register_compliance_hook("access_token_response", _judged)
        asked = dict(target.token_parameters) | ({"scope": " ".join(target.scopes)} if target.scopes else {})
        with client:
            try:
                return dict(client.fetch_token(target.token_url, grant_type="client_credentials", **asked))
            except AuthlibBaseError as error:
                refused = _refused(code_word(error.error))
            except ValueError:
                refused = Failed(
                    "The target's token endpoint does not answer as OAuth 2.0 has it.", remedy="Check target.token_url."
                )
        raise refused  # out here, so that the endpoint's own words do not hang on it


class _NotNow(Exception):
    """The token endpoint asks to be asked again."""


def _judged(response: Any) -> Any:
    """The token endpoint's response, unless it is none that could hold a token."""
    status = response.status_code
    if status == 429 or status >= 500:
        raise _NotNow(f"it answered {status}")
    if 300 <= status < 400:
        raise Failed(
            f"The target's token endpoint sends us elsewhere ({status}), and no secret follows a redirect.",
            remedy="Write the address it leads to into target.token_url, if you know it to be right.",
        )
    if status >= 400:
        try:
            word = code_word(response.json().get("error"))
        except (ValueError, AttributeError):
            word = ""
        raise _refused(word or str(status))
    return response


def _refused(word: str) -> Failed:
    return Failed(
        f"The target's token endpoint refuses to give a token ({word or 'it does not say why'}).",
        remedy="Check target.client_id, what target.client_secret points at, target.scopes and target.token_auth.",
    )


def _token_of(said: Mapping[str, Any]) -> tuple[str, float | None]:
    token, kind, lives = said.get("access_token"), said.get("token_type"), said.get("expires_in")
    if not isinstance(token, str) or not _fits(token) or " " in token:
        raise Failed("The target's token endpoint answers without a usable token.", remedy="Check target.token_url.")
    remember(token)
    if isinstance(kind, str) and kind.lower() != "bearer":
        raise Failed(
            f"The target's token endpoint gives a token of another kind ({code_word(kind) or 'unknown'}) than bearer.",
            remedy="Check target.token_url and target.token_parameters.",
        )
    try:
        seconds = float(lives) if lives not in (None, "") else None
    except (TypeError, ValueError):
        seconds = None
    return token, seconds if seconds is None or seconds > 0 else None


def _revealed(settings: Settings, key: str) -> str:
    reference = getattr(settings.target, key)
    return reveal(reference, key=f"target.{key}", folder=settings.folder).get_secret_value()


def _fixed(settings: Settings) -> tuple[str, str]:
    """The header of a credential that needs no asking."""
    target: TargetSettings = settings.target
    if target.auth == "basic":
        pair = f"{target.user}:{_revealed(settings, 'password')}"
        return "Authorization", f"Basic {remember(base64.b64encode(pair.encode()).decode())}"
    token = _revealed(settings, "token")
    if not _fits(token) or (target.auth == "bearer" and " " in token):
        raise Misused(
            "target.token: the token holds blanks or characters that no header can carry.",
            remedy="Copy the token again, on one line.",
        )
    return (target.header, token) if target.auth == "header" else ("Authorization", f"Bearer {token}")


def _further_headers(settings: Settings) -> dict[str, str]:
    headers = {}
    for name, value in settings.target.headers.items():
        key = f"target.headers.{name}"
        refers = value.startswith(("env:", "file:"))
        said = reveal(value, key=key, folder=settings.folder).get_secret_value() if refers else value
        if not _fits(said):
            raise Misused(f"{key} holds characters that no header can carry.", remedy="Write it on one line, in ASCII.")
        headers[name] = said
    return headers


def _fits(value: str) -> bool:
    return bool(value) and value.isascii() and value.isprintable() and value == value.strip()
