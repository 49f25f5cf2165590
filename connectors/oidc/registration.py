"""Trueup as the company's identity provider knows it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.connectors.entra.clouds import endpoints
from trueup.connectors.http.trust import trusted
from trueup.connectors.secrets import reveal
from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from trueup.transforms.settings import Settings

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TENANTS_OWN = re.compile(r"/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/v2\.0$", re.IGNORECASE)
"""How Entra's issuers end."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Trueup as the provider knows it."""

    issuer: str
    """Exactly as its tokens say it."""
    client_id: str
    client_secret: str
    redirect_uri: str
    signed_out_uri: str
    scope: str = "openid profile"
    tenant_id: str = ""
    """Of Entra ID: ``tid`` of every token; empty elsewhere."""
    verify: ssl.SSLContext | bool = True
    """Whom TLS trusts; one for all questions, as each that is made anew reads every authority there is: 2 MB."""
    now: Callable[[], float] = time.time


def registration_of(settings: Settings) -> Registration:
    """What ``[review]`` says, with the tenant's own provider where it names no other.

    Raises:
        Misused: something is missing, or people of any company could sign in.
    """
    review = settings.review
    for key in ("url", "client_id", "client_secret"):
        if not getattr(review, key):
            raise Misused(f"review.{key} is not set.", remedy="Set it in the configuration; see docs/review.md.")
    issuer, tenant = issuer_of(settings)
    import httpx2

    return Registration(
        issuer=issuer,
        client_id=review.client_id,
        client_secret=reveal(
            review.client_secret, key="review.client_secret", folder=settings.folder
        ).get_secret_value(),
        redirect_uri=f"{review.url}/signed-in",
        signed_out_uri=f"{review.url}/signed-out",
        scope="openid profile" if tenant else "openid profile email offline_access",
        tenant_id=tenant,
        verify=httpx2.create_ssl_context(trusted(settings, settings.source.ca_bundle, key="source.ca_bundle")),
    )


def issuer_of(settings: Settings) -> tuple[str, str]:
    """Who says who somebody is, exactly as its tokens say it, and its tenant; that is empty outside of Entra ID.

    Raises:
        Misused: people of any company could sign in, or two tenants are named.
    """
    review = settings.review
    named = _TENANTS_OWN.search(review.authority)
    tenant = review.tenant_id or (named[1] if named else "" if review.authority else settings.source.tenant_id)
    if named and named[1].lower() != tenant.lower():
        raise Misused("review.authority and review.tenant_id name two tenants.", remedy="Leave authority away.")
    if (tenant or not review.authority) and not _GUID.fullmatch(tenant):
        # A tenant has many names and one id; its tokens are signed in the name of the id.
        raise Misused(
            "review.tenant_id is not the tenant's object id.",
            remedy="Write the id (a GUID, in Entra under Overview), not a domain, and never common or organizations.",
        )
    return review.authority or f"{endpoints(settings.source).login}/{tenant.lower()}/v2.0", tenant.lower()
