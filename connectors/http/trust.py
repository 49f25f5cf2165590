"""Whom TLS trusts and which proxy leads there, for the source and for the target alike."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from trueup.transforms.settings import Settings


def trusted(settings: Settings, bundle: str, *, key: str, address: str = "https://") -> ssl.SSLContext | bool:
    """The private CA of ``bundle``, a path in the configuration; without one, true: the certificates the system trusts.

    Nobody where ``address`` is spoken to without TLS.

    Raises:
        Misused: the file cannot be read as certificates; ``key`` is what the configuration calls it.
    """
    if not bundle:
        return trusting_nobody() if address.startswith("http://") else True
    try:
        return ssl.create_default_context(cafile=str(settings.place(bundle)))
    except (OSError, ssl.SSLError) as error:
        raise Misused(
            f"{key} cannot be read as PEM certificates.", remedy="Point it at a PEM file of the CA's certificates."
        ) from error


def trusting_nobody() -> ssl.SSLContext:
    """For plain http: to load the system's certificates takes as long as a small read."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def proxy_for(base: str) -> str | None:
    """The proxy the environment names for this address (``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``), else none."""
    parts = urlsplit(base)
    if proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy
