"""Where a tenant signs in and answers: the four clouds, and overrides such as a loopback sandbox.

Facts: Microsoft Graph "national cloud deployments". Tokens are not interchangeable between clouds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from trueup.transforms.settings import SourceSettings

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""The only hosts that may be spoken to without TLS."""

_CLOUDS = {
    "global": ("https://login.microsoftonline.com", "https://graph.microsoft.com"),
    "usgov": ("https://login.microsoftonline.us", "https://graph.microsoft.us"),
    "usgov_dod": ("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
    "china": ("https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where to sign in, where to read, and what the token is asked for."""

    login: str
    """Without a trailing slash."""
    graph: str
    """Root without ``/v1.0`` and without a trailing slash."""
    scope: str
    """The cloud's own Graph ``/.default``, whatever ``graph`` is overridden with."""

    @property
    def graph_host(self) -> str:
        """The one host the token may be sent to."""
        return urlsplit(self.graph).hostname or ""

    @property
    def login_is_plain(self) -> bool:
        """Whether signing in is over http, which only loopback may be."""
        return self.login.startswith("http://")


def endpoints(source: SourceSettings) -> Endpoints:
    """The endpoints of the configured cloud, overrides applied.

    Raises:
        Misused: an override is not an http(s) address, or is plain http off loopback.
    """
    login, graph = _CLOUDS[source.cloud]
    return Endpoints(
        login=_address(source.login_url or login, "source.login_url"),
        graph=_address(source.graph_url or graph, "source.graph_url").removesuffix("/v1.0"),
        scope=f"{graph}/.default",
    )


def _address(url: str, key: str) -> str:
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment or parts.username:
        raise Misused(f"{key} is not an address such as https://graph.microsoft.com.", remedy=f"Correct {key}.")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise Misused(
            f"{key} is plain http to a host that is not this machine: the token would travel in clear.",
            remedy=f"Use https in {key}; plain http is for loopback only.",
        )
    return url.strip().rstrip("/")
