"""The token endpoint: client credentials only, refusing as Entra refuses."""

from __future__ import annotations

import base64
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson

from trueup.sandbox.tenant.errors import SignInError, unauthorized

if TYPE_CHECKING:
    from trueup.sandbox.tenant.state import Tenant

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def sign_in(tenant: Tenant, named_tenant: str, body: bytes, graph_url: str) -> dict[str, Any]:
    """The token document for a client-credentials request; :class:`SignInError` as Entra would refuse it.

    A client assertion is taken unseen when the tenant knows the client: signatures are not the sandbox's subject.
    """
    if named_tenant.lower() not in (tenant.tenant_id.lower(), tenant.domain.lower()):
        raise SignInError(
            400,
            "invalid_request",
            90002,
            f"Tenant '{named_tenant}' not found. Check to make sure you have the correct tenant ID and are signing "
            "into the correct cloud.",
        )
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if form.get("grant_type") != "client_credentials":
        raise SignInError(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
    client = form.get("client_id", "")
    if client not in tenant.clients:
        raise SignInError(
            400,
            "unauthorized_client",
            700016,
            f"Application with identifier '{client}' was not found in the directory '{named_tenant}'.",
        )
    _check_credential(tenant, client, form)
    _check_scope(form.get("scope", ""), graph_url)
    return {
        "token_type": "Bearer",
        "expires_in": tenant.token_seconds,
        "ext_expires_in": tenant.token_seconds,
        "access_token": issue(tenant, client, graph_url),
    }


def issue(tenant: Tenant, client: str, graph_url: str, seconds: float | None = None) -> str:
    """A token with the roles granted now; ``seconds`` overrides the tenant's lifetime."""
    now = time.time()
    expires = now + (tenant.token_seconds if seconds is None else seconds)
    with tenant.lock:
        roles = frozenset(tenant.granted)
    claims = {
        "aud": graph_url,
        "iss": f"https://sts.windows.net/{tenant.tenant_id}/",
        "iat": int(now),
        "nbf": int(now),
        "exp": int(expires),
        "appid": client,
        "tid": tenant.tenant_id,
        "uti": secrets.token_urlsafe(12),
        "ver": "1.0",
        **({"roles": sorted(roles)} if roles else {}),
    }
    token = f"{_part({'typ': 'JWT', 'alg': 'none'})}.{_part(claims)}.{secrets.token_urlsafe(16)}"
    with tenant.lock:
        tenant.tokens[token] = (expires, roles)
    return token


def roles_of(tenant: Tenant, authorization: str) -> frozenset[str]:
    """The roles of a good token; :class:`GraphError` 401 for none, a foreign or an expired one."""
    kind, _, token = authorization.partition(" ")
    if kind.lower() != "bearer" or not token:
        raise unauthorized("Access token is empty.")
    with tenant.lock:
        known = tenant.tokens.get(token.strip())
    if known is None:
        raise unauthorized("Access token validation failure. Invalid audience.")
    expires, roles = known
    if time.time() >= expires:
        raise unauthorized("Lifetime validation failed, the token is expired.")
    return roles


def _check_credential(tenant: Tenant, client: str, form: dict[str, str]) -> None:
    if form.get("client_assertion") and form.get("client_assertion_type") == _ASSERTION:
        return
    secret = form.get("client_secret", "")
    if not secret:
        raise SignInError(
            401,
            "invalid_client",
            7000218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        )
    if client in tenant.expired_clients:
        raise SignInError(401, "invalid_client", 7000222, "The provided client secret keys for the app are expired.")
    if not secrets.compare_digest(secret.encode(), tenant.clients[client].encode()):
        raise SignInError(
            401,
            "invalid_client",
            7000215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
            f"not the client secret ID, for a secret added to app '{client}'.",
        )


def _check_scope(scope: str, graph_url: str) -> None:
    resource, _, rest = scope.rpartition("/")
    if rest != ".default":
        raise SignInError(
            400,
            "invalid_scope",
            1002012,
            "The provided value for scope is not valid. Client credential flows must have a scope value with "
            "/.default suffixed to the resource identifier.",
        )
    if resource.rstrip("/") not in (graph_url, "https://graph.microsoft.com"):
        raise SignInError(
            400, "invalid_resource", 500011, f"The resource principal named {resource} was not found in the tenant."
        )


def _part(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(document)).decode().rstrip("=")
