"""Signing in: one held credential, whatever the configured way, and what its token allows."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import quote

from azure.core.credentials import AccessToken

from trueup.connectors.entra.certificates import certificate_bytes, certificate_of, certificate_password
from trueup.connectors.entra.sign_in_errors import is_passing, refused_sign_in
from trueup.connectors.http.trust import trusting_nobody
from trueup.connectors.redaction import remember
from trueup.connectors.secrets import reveal
from trueup.transforms.errors import Failed, Misused, TrueupError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from trueup.connectors.entra.clouds import Endpoints
    from trueup.connectors.entra.retry import RetryPolicy
    from trueup.transforms.settings import Settings, SourceSettings


class Credential(Protocol):
    """What azure-identity's asynchronous credentials have in common."""

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token that is good now."""

    async def close(self) -> None:
        """Let go of connections."""


class StaticToken:
    """A bearer that somebody else keeps fresh, such as a sandbox's."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        """The token as given; how long it lives is not known."""
        return AccessToken(self._token, int(time.time()) + 3600)

    async def close(self) -> None:
        """Nothing is held."""


class LoopbackSecret:
    """Client credentials against a plain-http login on this machine, which azure-identity declines to speak to."""

    def __init__(self, login: str, source: SourceSettings, secret: str) -> None:
        self._url = f"{login}/{quote(source.tenant_id, safe='')}/oauth2/v2.0/token"
        self._form = {
            "client_id": source.client_id,
            "client_secret": secret,
            "grant_type": "client_credentials",
        }
        self._token = AccessToken("", 0)

    async def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        """A token with some life left; one POST to the token endpoint where there is none."""
        if time.time() < self._token.expires_on:
            return self._token
        import httpx

        async with httpx.AsyncClient(timeout=10, trust_env=False, verify=trusting_nobody()) as client:
            response = await client.post(self._url, data={**self._form, "scope": " ".join(scopes)})
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise ConnectionError(f"the token endpoint answered {response.status_code} without JSON")
        if response.status_code != 200 or not isinstance(answer.get("access_token"), str):
            text = str(answer.get("error_description", ""))
            if response.status_code >= 500 or response.status_code == 429 or is_passing(text):
                raise ConnectionError(f"the token endpoint answered {response.status_code}")
            raise refused_sign_in(text, error=str(answer.get("error", "")))
        lifetime = _seconds(answer.get("expires_in"))
        margin = min(300.0, lifetime / 4)
        self._token = AccessToken(answer["access_token"], int(time.time() + lifetime - margin))
        return self._token

    async def close(self) -> None:
        """Nothing is held between two tokens."""


class _NoTokenError(Exception):
    """An attempt that brought no token, for whatever is its cause."""


def _seconds(value: object) -> float:
    try:
        return max(0.0, float(str(value)))
    except ValueError:
        return 3600.0


@dataclass(frozen=True, slots=True)
class Granted:
    """What the token says it may do; ``known`` is false for tokens that cannot be looked into."""

    permissions: frozenset[str] = frozenset()
    known: bool = False
    expires_on: int = 0

    def lacks(self, *any_of: str) -> bool:
        """True only if the token can be read and names none of ``any_of``."""
        return self.known and not self.permissions.intersection(any_of)


class Keeper:
    """Holds the credential and renews it when a token is turned down before its time."""

    def __init__(self, make: Callable[[], Credential], scope: str, patience: RetryPolicy) -> None:
        self._make = make
        self._scope = scope
        self._patience = patience
        self._inner: Credential | None = None
        self._lock = asyncio.Lock()
        self.renewals = 0
        self.is_static = False

    async def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **kwargs: Any,
    ) -> AccessToken:
        """A token for the cloud's Graph whatever is asked for, asked for again while the fault may pass.

        Raises:
            Failed: signing in was refused, or the sign-in address does not answer in time.
        """
        del scopes, claims, tenant_id, enable_cae, kwargs  # one scope, no challenges: what azure-core's protocol names
        async with self._lock:
            if self._inner is None:
                self._inner = self._made()
                self.is_static = isinstance(self._inner, StaticToken)
            return await self._ask(self._inner)

    def _made(self) -> Credential:
        try:
            return self._make()
        except (TypeError, ValueError) as error:  # an id of another form, a key no library can use
            raise _unusable() from error

    async def _ask(self, inner: Credential) -> AccessToken:
        started = self._patience.now()
        for attempt in range(1000):
            left = self._patience.signing_in - (self._patience.now() - started)
            try:
                return await self._token(inner, max(0.05, left))
            except _NoTokenError as error:
                trouble = error.__cause__
            final = _verdict(trouble)
            step = self._patience.step(attempt)
            if final is not None or self._patience.now() - started + step > self._patience.signing_in:
                raise final or Unreachable(
                    f"The sign-in address does not answer ({type(trouble).__name__}).",
                    remedy="Check the network, the proxy, source.ca_bundle and source.login_url.",
                ) from trouble
            await self._patience.sleep(step)
        raise Unreachable("The sign-in address does not answer.", remedy="Check source.login_url.")

    async def _token(self, inner: Credential, seconds: float) -> AccessToken:
        """One attempt.

        A sign-in page, a proxy's or anything else in place of JSON makes the libraries below raise whatever comes of it
        (KeyError, AttributeError, ValueError, errors of azure, msal and aiohttp): there is no list of it to name.

        Raises:
            TrueupError: it is said already what is wrong.
            _NoTokenError: anything else, which is its cause.
        """
        try:
            async with asyncio.timeout(seconds):
                token = await inner.get_token(self._scope)
        except TrueupError:
            raise
        except Exception as error:
            raise _NoTokenError from error
        remember(token.token)
        return token

    async def renew(self) -> None:
        """Forget the token: the next request signs in anew."""
        async with self._lock:
            if self._inner is not None:
                await self._inner.close()
            self._inner = None
            self.renewals += 1

    async def close(self) -> None:
        """Let go of connections."""
        if self._inner is not None:
            await self._inner.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _verdict(trouble: BaseException | None) -> TrueupError | None:
    """The final failure in ``trouble``, or None if asking again may help."""
    from azure.core.exceptions import ClientAuthenticationError
    from azure.identity import CredentialUnavailableError

    if isinstance(trouble, CredentialUnavailableError):
        return Failed(
            "The configured way to sign in is not available on this machine.",
            remedy="managed_identity needs an Azure host, workload_identity a projected token, azure_cli `az login`.",
        )
    if isinstance(trouble, ClientAuthenticationError):
        return None if is_passing(str(trouble)) else refused_sign_in(str(trouble))
    if isinstance(trouble, (FileNotFoundError, PermissionError)):
        return Failed(
            f"A file the sign-in rests on cannot be read ({type(trouble).__name__}).",
            remedy="workload_identity needs the file AZURE_FEDERATED_TOKEN_FILE names; check that it is projected.",
        )
    if isinstance(trouble, ValueError):
        return _unusable()
    return None


def _unusable() -> Failed:
    return Failed(
        "The credential could not be used: its certificate, key or ids are not in the expected form.",
        remedy="Check source.tenant_id and source.client_id. source.certificate is a PEM or PKCS#12 file with key and "
        "certificate; check its password.",
    )


def keeper(settings: Settings, endpoints: Endpoints, patience: RetryPolicy) -> Keeper:
    """The credential of ``[source]``, not yet used.

    Raises:
        Misused: a key the chosen ``auth`` needs is missing or does not resolve.
    """
    source = settings.source
    verify: dict[str, Any] = {"connection_verify": str(settings.place(source.ca_bundle))} if source.ca_bundle else {}
    options: dict[str, Any] = {
        "authority": endpoints.login,
        "retry_total": 0,
        "connection_timeout": 5,
        "read_timeout": 10,
        **verify,
    }
    makers: dict[str, Callable[[], Credential]] = {
        "token": _static(settings),
        "client_secret": _secret(settings, endpoints, options),
        "certificate": _certificate(settings, endpoints, options),
        "managed_identity": _managed(source),
        "workload_identity": _workload(source, options),
        "azure_cli": _cli(source),
    }
    return Keeper(makers[source.auth], endpoints.scope, patience)


def _required(source: SourceSettings, *keys: str) -> None:
    for key in keys:
        if not getattr(source, key):
            raise Misused(
                f"source.{key} is not set, which auth = {source.auth!r} needs.",
                remedy=f"Write {key} into [source] of the configuration.",
            )


def _static(settings: Settings) -> Callable[[], Credential]:
    def make() -> Credential:
        return StaticToken(reveal(settings.source.token, key="source.token", folder=settings.folder).get_secret_value())

    return make


def _secret(settings: Settings, endpoints: Endpoints, options: dict[str, Any]) -> Callable[[], Credential]:
    def make() -> Credential:
        source = settings.source
        _required(source, "tenant_id", "client_id")
        secret = reveal(source.client_secret, key="source.client_secret", folder=settings.folder).get_secret_value()
        if endpoints.login_is_plain:
            return LoopbackSecret(endpoints.login, source, secret)
        from azure.identity.aio import ClientSecretCredential

        return ClientSecretCredential(source.tenant_id, source.client_id, secret, **options)

    return make


def _certificate(settings: Settings, endpoints: Endpoints, options: dict[str, Any]) -> Callable[[], Credential]:
    def make() -> Credential:
        source = settings.source
        _required(source, "tenant_id", "client_id", "certificate")
        if endpoints.login_is_plain:
            raise Misused(
                "auth = 'certificate' needs a sign-in address with https.", remedy="Use https in source.login_url."
            )
        data, password = certificate_bytes(settings), certificate_password(settings)
        certificate_of(data, password)
        from azure.identity.aio import CertificateCredential

        return CertificateCredential(
            source.tenant_id, source.client_id, certificate_data=data, password=password, **options
        )

    return make


def _managed(source: SourceSettings) -> Callable[[], Credential]:
    def make() -> Credential:
        from azure.identity.aio import ManagedIdentityCredential

        return ManagedIdentityCredential(client_id=source.managed_identity_client_id or None)

    return make


def _workload(source: SourceSettings, options: dict[str, Any]) -> Callable[[], Credential]:
    def make() -> Credential:
        from azure.identity.aio import WorkloadIdentityCredential

        _find_projected_token()
        try:
            return WorkloadIdentityCredential(
                tenant_id=source.tenant_id or None, client_id=source.client_id or None, **options
            )
        except ValueError as error:
            raise Failed(
                "This machine offers no workload identity: AZURE_FEDERATED_TOKEN_FILE or its companions are not set.",
                remedy="Run where the token is projected, or choose another source.auth.",
            ) from error

    return make


def _find_projected_token() -> None:
    """Say at once that the projected token is not there: the library would tell it like a network fault.

    Raises:
        Failed: the file AZURE_FEDERATED_TOKEN_FILE names cannot be read, or is empty.
    """
    named = os.environ.get("AZURE_FEDERATED_TOKEN_FILE")
    if not named:
        return
    try:
        empty = not Path(named).read_bytes().strip()
    except OSError as error:
        raise Failed(
            f"AZURE_FEDERATED_TOKEN_FILE names {named}, which cannot be read ({type(error).__name__}).",
            remedy="Check that the token is projected into this place and that this user may read it, or choose "
            "another source.auth.",
        ) from error
    if empty:
        raise Failed(
            f"AZURE_FEDERATED_TOKEN_FILE names {named}, which is empty.",
            remedy="Check what projects the token, or choose another source.auth.",
        )


def _cli(source: SourceSettings) -> Callable[[], Credential]:
    def make() -> Credential:
        from azure.identity.aio import AzureCliCredential

        return AzureCliCredential(tenant_id=source.tenant_id, process_timeout=12)

    return make


def granted(token: AccessToken) -> Granted:
    """What a token says it may do: application roles, or delegated scopes; unknown if it is opaque."""
    parts = token.token.split(".")
    if len(parts) != 3:
        return Granted(expires_on=token.expires_on)
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, UnicodeDecodeError):
        return Granted(expires_on=token.expires_on)
    if not isinstance(claims, dict):
        return Granted(expires_on=token.expires_on)
    roles, scopes = claims.get("roles"), claims.get("scp")
    names = [str(role) for role in roles] if isinstance(roles, list) else []
    names += scopes.split() if isinstance(scopes, str) else []
    if "Directory.AccessAsUser.All" in names:
        return Granted(expires_on=token.expires_on)
    until = claims.get("exp")
    return Granted(frozenset(names), known=True, expires_on=until if isinstance(until, int) else token.expires_on)
