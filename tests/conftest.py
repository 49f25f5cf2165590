"""What every test relies on: only loopback is reachable, and nothing phones home."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import socket_allow_hosts

from trueup.connectors import redaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec

ROOMS = frozenset({"connectors", "data", "expectations", "flows", "reports", "sandbox", "transforms"})
LONG = ("tests/end_to_end/", "tests/disasters/", "tests/connectors/scim_writer/", "tests/property/")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
# How fast an example is says something about the machine, nothing about the product.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


class OneName:
    """A checkout has the rooms at top level too, but no module may be imported under two names."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """Refuse what is not asked for as ``trueup.…``."""
        del path, target
        if name.partition(".")[0] in ROOMS:
            raise ImportError(f"{name} is imported by its bare name; it is trueup.{name}")
        return None


sys.meta_path.insert(0, OneName())


def pytest_configure() -> None:
    """Tests in the background of a shell are told to ignore Ctrl-C, and what they start would ignore it too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long goes first, so that no worker is left with it while the others have nothing more to do."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.fixture(autouse=True)
def _own_secrets() -> Iterator[None]:
    """What one test was told in confidence is not looked for in every text of the next ones."""
    before = set(redaction._held)
    yield
    with redaction._lock:
        redaction._held.intersection_update(before)


@pytest.fixture(autouse=True)
def _only_loopback() -> Iterator[None]:
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
    yield
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
