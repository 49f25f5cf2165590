"""The identity provider as Trueup meets it: discovery, the way there, a code made into a person, the way out.

OpenID Connect Core 1.0 and Discovery 1.0: authorization code with PKCE (RFC 7636). Authlib asks, joserfc verifies.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode, urlsplit

from trueup.connectors.entra.clouds import LOOPBACK
from trueup.connectors.oidc.errors import ProviderAway, SignInRefused
from trueup.connectors.oidc.id_token import checked_claims, with_more
from trueup.connectors.oidc.keys import Keys
from trueup.connectors.redaction import remember
from trueup.connectors.secrets import code_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.connectors.oidc.id_token import Claims
    from trueup.connectors.oidc.registration import Registration

TIMEOUT_S = 10.0
LARGEST = 1_000_000
"""Bytes of a document of the provider's."""
_AGAIN_S = 3600.0
"""How long discovery's answer is taken as it was."""
_REST_S = 5.0
"""After a try that failed nobody waits for another one so soon."""
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a code or a refresh token was exchanged for."""

    claims: Claims
    refresh_token: str = ""


class Provider:
    """One identity provider. Safe to use from several threads; every method may wait for the network."""

    def __init__(self, registration: Registration) -> None:
        self.registration = registration
        self._lock = threading.Lock()
        self._known: dict[str, Any] = {}
        self._asked = float("-inf")
        self._away: ProviderAway | None = None
        self._keys = Keys(self._key_document)

    def discovered(self) -> Mapping[str, Any]:
        """The provider's own description, checked: its issuer is ours, its endpoints are encrypted.

        Raises:
            ProviderAway: it does not answer, or as somebody else.
        """
        with self._lock:
            if not self._known or time.monotonic() - self._asked > _AGAIN_S:
                self._look()
            if self._away is not None and not self._known:
                raise ProviderAway(self._away.message, remedy=self._away.remedy)
            return self._known

    def _look(self) -> None:
        if self._away is not None and time.monotonic() - self._asked < _REST_S:
            return
        try:
            self._known, self._away = self._described(), None
        except ProviderAway as error:
            self._away = error
        self._asked = time.monotonic()

    def way_there(self, *, state: str, nonce: str, verifier: str, longest: int = 0, again: bool = False) -> str:
        """Where the browser goes to sign in.

        Args:
            state: comes back with the answer.
            nonce: stands in the ID token.
            verifier: of PKCE.
            longest: so many seconds ago the person may have proved who they are; with it a provider says when that was.
            again: ask in any case.
        """
        from authlib.integrations.httpx_client import OAuth2Client

        own = self.registration
        known = self.discovered()
        asked = {"state": state, "nonce": nonce, "code_verifier": verifier}
        offered = known.get("scopes_supported")
        scopes = [one for one in own.scope.split() if not isinstance(offered, list) or one in offered]
        prompts = ["login"] if again else []
        if "offline_access" in scopes:
            prompts.append("consent")  # without it a provider ignores the scope (OpenID Connect Core 1.0 §11)
        if prompts:
            asked["prompt"] = " ".join(prompts)
        if longest:
            asked["max_age"] = str(longest)
        with OAuth2Client(
            own.client_id,
            redirect_uri=own.redirect_uri,
            scope=" ".join(scopes),
            code_challenge_method="S256",
            verify=own.verify,
        ) as client:
            address, _ = client.create_authorization_url(known["authorization_endpoint"], **asked)
        return str(address)

    def redeemed(self, code: str, *, nonce: str, verifier: str) -> SignedIn:
        """Who signed in.

        Raises:
            SignInRefused: the code is good for nothing, or the ID token cannot be relied on.
            ProviderAway: no answer.
        """
        said = self._tokens(grant_type="authorization_code", code=code, code_verifier=verifier)
        return self._signed_in(said, nonce=nonce)

    def refreshed(self, refresh_token: str) -> SignedIn:
        """Who signed in, as the provider knows them now.

        Raises:
            SignInRefused: the provider does not vouch for them any more.
            ProviderAway: no answer, or one that does not say who.
        """
        said = self._tokens(grant_type="refresh_token", refresh_token=refresh_token)
        if not said.get("id_token"):
            raise ProviderAway("The identity provider renews a sign-in without saying whose.")
        return self._signed_in({"refresh_token": refresh_token, **said}, nonce="")

    def way_out(self) -> str:
        """Where the browser signs out of the provider as well; empty where it has no such place."""
        try:
            place = self.discovered().get("end_session_endpoint", "")
        except ProviderAway:
            return ""
        own = self.registration
        asked = urlencode({"client_id": own.client_id, "post_logout_redirect_uri": own.signed_out_uri})
        return f"{place}{'&' if '?' in place else '?'}{asked}" if place else ""

    def origins(self) -> tuple[str, ...]:
        """Where a form may lead beside our own pages; asks nothing of the network."""
        parts = [urlsplit(str(self._known.get(name, ""))) for name in _ENDPOINTS[-1:]]
        return tuple(f"{one.scheme}://{one.netloc}" for one in parts if one.netloc)

    def _described(self) -> dict[str, Any]:
        issuer = self.registration.issuer
        said = self._document(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if said.get("issuer") != issuer:
            raise ProviderAway(
                "The identity provider calls itself by another name (issuer) than the configuration does.",
                remedy="Check [review] authority and tenant_id.",
            )
        for name in _ENDPOINTS:
            place = said.get(name, "" if name == "end_session_endpoint" else None)
            if place != "" and not _is_safe(place, issuer):
                raise ProviderAway(f"The identity provider's {name} is not an encrypted address.")
        return said

    def _key_document(self) -> dict[str, Any]:
        return self._document(str(self.discovered()["jwks_uri"]))

    def _document(self, address: str, **headers: str) -> dict[str, Any]:
        import httpx2

        try:
            with httpx2.Client(verify=self.registration.verify, timeout=TIMEOUT_S, follow_redirects=False) as client:
                response = client.get(address, headers={"Accept": "application/json", **headers})
                said = response.json() if response.status_code == 200 and len(response.content) <= LARGEST else None
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise ProviderAway(f"The identity provider does not answer ({type(error).__name__}).") from error
        if not isinstance(said, dict):
            raise ProviderAway(f"The identity provider answers {response.status_code} where it describes itself.")
        return said

    def _tokens(self, **asked: str) -> dict[str, Any]:
        import httpx2
        from authlib.common.errors import AuthlibBaseError
        from authlib.integrations.httpx_client import OAuth2Client

        own, known = self.registration, self.discovered()
        who, secret, way = own.client_id, own.client_secret, self._way_in(known)
        if way == "client_secret_basic":  # RFC 6749 §2.3.1: both are form-encoded first, which Authlib leaves out
            who, secret = quote_plus(who), quote_plus(secret)
        client = OAuth2Client(
            who,
            secret,
            token_endpoint_auth_method=way,
            redirect_uri=own.redirect_uri,
            verify=own.verify,
            timeout=TIMEOUT_S,
            follow_redirects=False,
        )
        client.register_compliance_hook("access_token_response", _judged)
        with client:
            try:
                return dict(client.fetch_token(str(known["token_endpoint"]), **asked))
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                refused: Exception = ProviderAway(f"The identity provider does not answer ({type(error).__name__}).")
            except AuthlibBaseError as error:
                refused = _refused(code_word(error.error))
            except ValueError:
                refused = ProviderAway("The identity provider answers with something that is not a token.")
        raise refused  # out here, so that the provider's own words do not hang on it

    def _signed_in(self, said: Mapping[str, Any], *, nonce: str) -> SignedIn:
        token, refresh = said.get("id_token"), said.get("refresh_token")
        if not isinstance(token, str) or not token:
            raise SignInRefused("form", "The identity provider answers without an ID token.")
        access = said.get("access_token")
        claims = checked_claims(
            token,
            self.registration,
            self._keys,
            nonce=nonce,
            access_token=access if isinstance(access, str) else "",
        )
        if not self.registration.tenant_id and isinstance(access, str):
            claims = with_more(claims, self._more(access))
        return SignedIn(claims, remember(refresh) if isinstance(refresh, str) else "")

    def _way_in(self, known: Mapping[str, Any]) -> str:
        """How the client shows who it is: Entra's documented way, else the one every server must take."""
        ways = known.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        is_basic = "client_secret_basic" in ways and not self.registration.tenant_id
        return "client_secret_basic" if is_basic else "client_secret_post"

    def _more(self, access_token: str) -> dict[str, Any]:
        """What the provider says of the person beside the ID token, where most keep names and groups (§5.4).

        Raises:
            ProviderAway: it has a place for that and does not answer there: nothing is concluded from what it lacks.
        """
        place = self.discovered().get("userinfo_endpoint")
        if not _is_safe(place, self.registration.issuer):
            return {}
        return self._document(str(place), Authorization=f"Bearer {remember(access_token)}")


def _judged(response: Any) -> Any:
    if response.status_code == 429 or response.status_code >= 500 or 300 <= response.status_code < 400:
        raise ValueError(response.status_code)
    return response


def _refused(word: str) -> Exception:
    if word == "invalid_grant":
        return SignInRefused("code", "This sign-in was used already or took too long.")
    return ProviderAway(
        f"The identity provider refuses the application ({word or 'it does not say why'}).",
        remedy="Check [review] client_id, what client_secret points at, and the redirect address registered there.",
    )


def _is_safe(place: object, issuer: str) -> bool:
    """Whether tokens and codes may travel there: encrypted, or on this machine where the issuer is there too."""
    parts = urlsplit(place) if isinstance(place, str) else urlsplit("")
    if parts.scheme == "https" and parts.hostname:
        return True
    return parts.scheme == "http" and parts.hostname in LOOPBACK and issuer.startswith("http://")
