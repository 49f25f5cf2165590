"""People signing in to an application: OpenID Connect's authorization code with PKCE, as Entra's version 2.0 endpoints.

Whoever asks chooses whom to be: there are no passwords. An application may send people back to loopback only.
"""

from __future__ import annotations

import base64
import hashlib
import html
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus, urlencode, urlsplit

from trueup.sandbox.tenant.errors import SignInError
from trueup.sandbox.tenant.groups import transitive_groups_of
from trueup.sandbox.tenant.signing import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.sandbox.tenant.state import Tenant

_LIVES = 300.0
_SHOWN = 400
"""People offered to choose from; anybody else is named by hand."""


def choose(tenant: Tenant, asked: Mapping[str, str]) -> str:
    """The page on which a person is chosen; :class:`SignInError` for what Entra would not even show one for."""
    _check_request(tenant, asked)
    hint = asked.get("login_hint", "")
    people = sorted((user["userPrincipalName"], user.get("displayName") or "") for user in tenant.users()[:_SHOWN])
    options = "".join(
        f'<option value="{html.escape(name)}"{" selected" if name == hint else ""}>{html.escape(f"{shown} ({name})")}'
        for name, shown in people
    )
    kept = "".join(
        f'<input type="hidden" name="{html.escape(key)}" value="{html.escape(value)}">' for key, value in asked.items()
    )
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in to the sandbox</title>
<h1>Who are you today?</h1><p>Everybody here is invented, and nobody has a password.</p>
<form method="post">{kept}
<label>Sign in as <select name="user">{options}</select></label> <button>Sign in</button></form></html>"""


def back(tenant: Tenant, asked: Mapping[str, str]) -> str:
    """Where the browser goes with the code, once a person is chosen."""
    _check_request(tenant, asked)
    try:
        user = tenant.user(asked.get("user", ""))
    except KeyError:
        raise SignInError(400, "invalid_request", 50034, "The user account does not exist in the directory.") from None
    answer = {"state": asked.get("state", "")}
    if user.get("accountEnabled") is False:
        answer |= {"error": "access_denied", "error_description": "AADSTS50057: The user account is disabled."}
    else:
        code = secrets.token_urlsafe(32)
        known = Code(
            str(user["id"]),
            client=asked["client_id"],
            redirect_uri=asked["redirect_uri"],
            challenge=asked.get("code_challenge", ""),
            nonce=asked.get("nonce", ""),
            scope=asked["scope"],
            ends=time.time() + _LIVES,
            authenticated=int(time.time()) if asked.get("max_age") else 0,
        )
        with tenant.lock:
            tenant.people.codes[code] = known
        answer["code"] = code
    return f"{asked['redirect_uri']}?{urlencode(answer)}"


def redeem(tenant: Tenant, form: Mapping[str, str], authorization: str, root: str) -> dict[str, Any]:
    """The token endpoint's answer to a code or a refresh token, each good once."""
    client = _client(tenant, form, authorization)
    is_code = form.get("grant_type") == "authorization_code"
    store = tenant.people.codes if is_code else tenant.people.refreshing
    with tenant.lock:
        known = store.pop(form.get("code" if is_code else "refresh_token", ""), None)
    if known is None or known.client != client or time.time() > known.ends:
        raise SignInError(400, "invalid_grant", 54005, "OAuth2 Authorization code was already redeemed or has expired.")
    if is_code and known.redirect_uri != form.get("redirect_uri"):
        raise SignInError(400, "invalid_grant", 50011, "The redirect URI does not match the one of the code.")
    if is_code and known.challenge and known.challenge != _challenge(form.get("code_verifier", "")):
        raise SignInError(400, "invalid_grant", 501481, "The code_verifier does not match the code_challenge.")
    answer: dict[str, Any] = {
        "token_type": "Bearer",
        "expires_in": int(tenant.people.lifetime),
        "access_token": secrets.token_urlsafe(48),
        "id_token": id_token(tenant, known, root),
        "scope": known.scope,
    }
    if "offline_access" in known.scope.split():
        renewing = secrets.token_urlsafe(48)
        answer["refresh_token"] = renewing
        with tenant.lock:
            tenant.people.refreshing[renewing] = _later(known)
    return answer


def id_token(tenant: Tenant, known: Code, root: str) -> str:
    """A token about the person of a code, signed unless it was bent into something else."""
    user, now = tenant.user(known.user_id), int(time.time())
    claims: dict[str, Any] = {
        "aud": known.client,
        "iss": f"{root}/{tenant.tenant_id}/v2.0",
        "iat": now,
        "nbf": now,
        "exp": now + int(tenant.people.lifetime),
        "name": user.get("displayName"),
        "nonce": known.nonce,
        "oid": user["id"],
        "preferred_username": user["userPrincipalName"],
        "sub": hashlib.sha256(f"{known.client}{user['id']}".encode()).hexdigest()[:43],
        "tid": tenant.tenant_id,
        "uti": secrets.token_urlsafe(16),
        "ver": "2.0",
        "auth_time": known.authenticated or None,
        **_groups(tenant, str(user["id"]), root),
    }
    bent = tenant.people.bend({key: value for key, value in claims.items() if value not in ("", None)})
    return bent if isinstance(bent, str) else tenant.people.keys.signed(bent)


def may_return_to(address: str) -> bool:
    """Whether people may be sent there: loopback only."""
    return urlsplit(address).hostname in ("localhost", "127.0.0.1", "::1")


def _groups(tenant: Tenant, user_id: str, root: str) -> dict[str, Any]:
    how = tenant.people.groups
    if how == "all":
        return {"groups": sorted(transitive_groups_of(tenant, user_id))}
    if how == "overflow":
        source = {"endpoint": f"{root}/{tenant.tenant_id}/users/{user_id}/getMemberObjects"}
        return {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": source}}
    return {"hasgroups": True} if how == "hasgroups" else {}


def _check_request(tenant: Tenant, asked: Mapping[str, str]) -> None:
    if asked.get("client_id", "") not in tenant.clients:
        raise SignInError(400, "unauthorized_client", 700016, "The application was not found in the directory.")
    if not may_return_to(asked.get("redirect_uri", "")):
        raise SignInError(400, "invalid_request", 50011, "The redirect URI is not one of the application's.")
    if asked.get("response_type") != "code" or "openid" not in asked.get("scope", "").split():
        raise SignInError(400, "invalid_request", 900144, "The request needs response_type=code and scope=openid.")
    if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
        raise SignInError(400, "invalid_request", 50148, "The code_challenge_method is not S256.")


def _client(tenant: Tenant, form: Mapping[str, str], authorization: str) -> str:
    name, secret = form.get("client_id", ""), form.get("client_secret", "")
    if authorization.lower().startswith("basic "):
        name, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
        name, secret = unquote_plus(name), unquote_plus(secret)
    known = tenant.clients.get(name, "")
    if not known or not secrets.compare_digest(known.encode(), secret.encode()):
        raise SignInError(401, "invalid_client", 7000215, "Invalid client secret provided.")
    return name


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _later(known: Code) -> Code:
    """The same for a refresh token: it lives for a day, and its tokens have no nonce."""
    return Code(known.user_id, known.client, known.redirect_uri, "", "", known.scope, time.time() + 86_400)
