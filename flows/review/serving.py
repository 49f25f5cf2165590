"""``trueup review --listen``: everything settled before the first request, then served until somebody says to stop."""

from __future__ import annotations

import ipaddress
import logging
import os
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trueup.connectors.oidc.provider import Provider
from trueup.connectors.oidc.registration import registration_of
from trueup.flows import configuration, screen
from trueup.flows.listening import listen
from trueup.flows.review.application import application
from trueup.flows.review.context import Service
from trueup.flows.review.little_memory import do_without_pandas
from trueup.flows.review.neighbours import Neighbours
from trueup.flows.review.rights import Rights
from trueup.flows.review.security_log import SecurityLog, to_stderr
from trueup.flows.review.sessions import Sessions
from trueup.flows.review.tls import Certificate, is_for
from trueup.transforms.errors import Misused
from trueup.transforms.vocabulary import Exit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import uvicorn
    from starlette.types import ASGIApp

    from trueup.flows.review.context import Pages
    from trueup.transforms.settings import Settings

KEPT_ALIVE_S = 30
LEAVING_S = 3
"""Seconds that open requests have to end once the service is told to stop."""
MOST_CONNECTIONS = 1_000


def serve_team_review(config: Path, address: str, targets: Path | None = None) -> int:
    """Serve until SIGINT or SIGTERM, with the state of all ``targets`` of a folder; returns the exit code.

    Raises:
        Misused: configuration or address that must not be served.
        Failed: the address is taken, or the tenant does not answer a question that must be settled first.
    """
    do_without_pandas()
    settings = configuration.load(config)
    host, port = address_of(address)
    certificate = certificate_of(settings, host, SecurityLog(to_stderr))
    service = service_of(config.resolve(), settings, targets=targets)
    with closing(listen(host, port, remedy="Choose another with --listen.")) as listener:
        where = f"{host}:{listener.getsockname()[1]}"
        service.log("began", listen=where)
        screen.note(f"The review answers at {settings.review.url} (listening on {where}). Stop with Ctrl-C.")
        if certificate is not None:
            certificate.begin()
        server_of(application(service), certificate).run(sockets=[listener])
    return Exit.DONE


def server_of(served: ASGIApp, certificate: Certificate | None = None) -> uvicorn.Server:
    """The server, believing no header and printing nothing of its own: a traceback would hold what people typed."""
    import uvicorn

    logger = logging.getLogger("uvicorn")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    how: dict[str, Any] = {
        "ws": "none",
        "log_config": None,
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "timeout_keep_alive": KEPT_ALIVE_S,
        "timeout_graceful_shutdown": LEAVING_S,
        "limit_concurrency": MOST_CONNECTIONS,
    }
    if certificate is not None:
        how["ssl_context_factory"] = lambda _config, _default: certificate.context
    return uvicorn.Server(uvicorn.Config(served, **how))


def service_of(
    config: Path,
    settings: Settings,
    *,
    pages: Pages | None = None,
    log: Callable[[str], None] = to_stderr,
    targets: Path | None = None,
) -> Service:
    """The service of a configuration, ready to answer.

    Args:
        config: where it stands.
        settings: what it says.
        pages: what draws; the product's own unless given.
        log: takes the lines of the security log.
        targets: the folder of all targets' configurations.

    Raises:
        Misused: something is missing or wrong in it.
        Failed: somebody named by ``upn:`` cannot be looked up.
    """
    from trueup.connectors.archive import open_archive

    if pages is None:
        # Read once, when Arrow is loaded: its own allocator keeps a store for every thread that ever asked.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
        from trueup.flows.review.pages import TeamPages

        made = TeamPages(settings)
        made.begin()
        pages = made
    open_archive(settings)
    provider = Provider(registration_of(settings))
    neighbours = Neighbours(targets, settings) if targets else None
    return Service(
        config=config,
        settings=settings,
        provider=provider,
        rights=Rights(settings, provider, neighbours.groups if neighbours else frozenset()),
        sessions=Sessions(),
        pages=pages,
        log=SecurityLog(log),
        proxies=frozenset(str(one) for one in settings.review.proxies),
        neighbours=neighbours,
    )


def address_of(listen: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``; raises ``Misused``."""
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise Misused(f"--listen {listen} is not HOST:PORT.", remedy="For example --listen 127.0.0.1:8650.")
    return host, int(port)


def certificate_of(settings: Settings, host: str, say: SecurityLog) -> Certificate | None:
    """What the server shows of itself; nothing on loopback, where it may do without.

    Raises:
        Misused: without a certificate it would listen to more than this machine, or answer https in clear; or the
            certificate cannot be believed.
    """
    review = settings.review
    if review.certificate:
        if not review.url.startswith("https://"):
            raise Misused("review.url is http, and a certificate is set.", remedy="Write https in review.url.")
        found = Certificate(settings.place(review.certificate), settings.place(review.key), say)
        named = urlsplit(review.url).hostname or ""
        if not is_for(found.names, named):
            screen.note(f"review.certificate is not for {named}: only a proxy before this server may mind or not.")
        return found
    if not is_loopback(host):
        raise Misused(
            f"Without a certificate the review listens on loopback only, not on {host}.",
            remedy="Set [review] certificate and key, or listen on 127.0.0.1 behind a proxy that has them "
            "(docs/review.md).",
        )
    return None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
