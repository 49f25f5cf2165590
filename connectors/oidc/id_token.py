"""What an ID token says, once everything about it has been checked (OpenID Connect Core 1.0 §3.1.3.7)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError
from joserfc.jwk import import_key

from trueup.connectors.oidc.errors import SignInRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.connectors.oidc.keys import Keys
    from trueup.connectors.oidc.registration import Registration

SKEW_S = 180
"""By so much a clock may be wrong."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures only the provider can make; never ``none``, never one with a shared secret."""
_OBJECT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_CODES = {"iss": "issuer", "aud": "audience", "azp": "audience", "nonce": "nonce", "nbf": "early", "iat": "early"}
_SENTENCES = {
    "issuer": "The sign-in comes from another identity provider than the one this server trusts.",
    "audience": "The sign-in is meant for another application.",
    "tenant": "The sign-in is from another company's tenant.",
    "nonce": "The sign-in is not the answer to what was asked here.",
    "early": "The sign-in is from the future: this server's clock and the identity provider's differ too much.",
    "expired": "The sign-in has run out: it took too long, or this server's clock is wrong.",
    "unsigned": "The sign-in is not signed as the identity provider signs.",
    "signature": "The signature of the sign-in is wrong.",
    "form": "The sign-in lacks something every sign-in says.",
    "not_anew": "The identity provider did not ask you again who you are, or does not say when it did (auth_time).",
}
_CLOCK = "Sign in again; if it stays so, have this server's clock checked."
_CLAIM = (
    "Tell who runs this server: with Entra ID the registration needs the optional claim auth_time (docs/review.md)."
)


@dataclass(frozen=True, slots=True)
class Claims:
    """Who signed in, as the provider says it."""

    issuer: str
    tenant: str
    subject: str
    """The object id in the tenant; elsewhere ``sub``."""
    name: str
    """To be shown; decides nothing."""
    login: str
    """User name or mail address; decides nothing but which row of a plan is theirs."""
    groups: frozenset[str] | None
    """None where the token does not tell, or not of all of them."""
    authenticated: float | None = None
    """When the person last proved to the provider who they are (``auth_time``); None where the token does not tell."""


def checked_claims(token: str, registration: Registration, keys: Keys, *, nonce: str, access_token: str = "") -> Claims:
    """Whom the token is about; every reason not to believe it is a :class:`SignInRefused`.

    Args:
        token: as the token endpoint gave it.
        registration: what must be in it.
        keys: the provider's.
        nonce: what it must answer to; empty for a renewed sign-in, which need not have one.
        access_token: beside it, where it holds a hash of it.
    """
    from authlib.oidc.core import CodeIDToken

    header = _header(token)
    try:
        read = jwt.decode(token, import_key(keys.named(header.get("kid"))), algorithms=list(ALGORITHMS))
        claims = CodeIDToken(
            read.claims,
            read.header,
            options={
                "iss": {"essential": True, "value": registration.issuer},
                "aud": {"essential": True, "value": registration.client_id},
                "exp": {"essential": True},
            },
            params={"nonce": nonce, "client_id": registration.client_id, "access_token": access_token},
        )
        claims.validate(now=int(registration.now()), leeway=SKEW_S)
    except ExpiredTokenError as error:
        raise _refused("expired") from error
    except (InvalidClaimError, MissingClaimError) as error:
        raise _refused(_CODES.get(str(error.claim), "form")) from error
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise _refused("signature") from error
    return _claims(dict(claims), registration)


def refuse_unless_anew(claims: Claims, begun: float) -> None:
    """Raise :class:`SignInRefused` unless the person proved who they are after ``begun``, seconds since 1970."""
    if claims.authenticated is None or claims.authenticated < begun - SKEW_S:
        raise _refused("not_anew")


def with_more(claims: Claims, said: Mapping[str, Any]) -> Claims:
    """``claims`` with what the user-info endpoint adds: a name and groups, of the same subject only (§5.3.2)."""
    if said.get("sub") != claims.subject:
        return claims
    login = claims.login or _text(said, "preferred_username") or _text(said, "email")
    named = claims.name if claims.name != claims.subject else _text(said, "name") or login or claims.subject
    return replace(claims, name=named, login=login, groups=_groups(said) if claims.groups is None else claims.groups)


def _header(token: str) -> Mapping[str, Any]:
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError) as error:
        raise _refused("form") from error
    if header.get("alg") not in ALGORITHMS:
        raise _refused("unsigned")
    return header


def _claims(said: Mapping[str, Any], registration: Registration) -> Claims:
    tenant, subject = "", said.get("sub")
    if registration.tenant_id:
        tenant, subject = str(said.get("tid", "")).lower(), said.get("oid")
        if tenant != registration.tenant_id.lower():
            raise _refused("tenant")
        if not isinstance(subject, str) or not _OBJECT_ID.fullmatch(subject):
            raise _refused("form")
        subject = subject.lower()
    if not isinstance(subject, str) or not subject or len(subject) > 255:
        raise _refused("form")
    login = _text(said, "preferred_username") or _text(said, "upn") or _text(said, "email")
    return Claims(
        issuer=registration.issuer,
        tenant=tenant,
        subject=subject,
        name=_text(said, "name") or login or subject,
        login=login,
        groups=_groups(said),
        authenticated=_time(said, "auth_time"),
    )


def _time(said: Mapping[str, Any], name: str) -> float | None:
    """Seconds since 1970; a truth value is not a number here."""
    value = said.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _groups(said: Mapping[str, Any]) -> frozenset[str] | None:
    """The groups the token tells of; where there are too many for it, it says only that it does not."""
    names = said.get("_claim_names")
    if said.get("hasgroups") or (isinstance(names, dict) and "groups" in names):
        return None
    groups = said.get("groups")
    return frozenset(str(one) for one in groups) if isinstance(groups, list) else None


def _text(said: Mapping[str, Any], name: str) -> str:
    """One line of at most 200 characters."""
    value = said.get(name)
    return " ".join("".join(one for one in value if one.isprintable()).split())[:200] if isinstance(value, str) else ""


def _refused(code: str) -> SignInRefused:
    remedies = {"expired": _CLOCK, "early": _CLOCK, "not_anew": _CLAIM}
    remedy = remedies.get(code, "Sign in again; if it stays so, tell who runs this server.")
    return SignInRefused(code, _SENTENCES[code], remedy=remedy)
