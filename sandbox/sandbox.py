"""The sandbox as a whole: a tenant and a directory, running, and the configuration that leads there."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.sandbox.directory.data import DirectoryData
from trueup.sandbox.tenant.data import CLIENT_ID, CLIENT_SECRET, TenantData

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from trueup.sandbox.directory.state import Directory
    from trueup.sandbox.directory.weaknesses import Weaknesses
    from trueup.sandbox.tenant.faults import Fault
    from trueup.sandbox.tenant.state import Tenant

SOURCE_VARIABLE = "TRUEUP_CLIENT_SECRET"
TARGET_VARIABLE = "TRUEUP_SCIM_TOKEN"
"""The environment variables the configuration of a sandbox takes its credentials from."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Where everything answers, and the state behind it."""

    graph_url: str
    login_url: str
    scim_url: str
    tenant_id: str
    client_id: str
    client_secret: str
    scim_token: str
    tenant: Tenant
    directory: Directory

    @property
    def environment(self) -> dict[str, str]:
        """The variables the configuration refers to."""
        return {SOURCE_VARIABLE: self.client_secret, TARGET_VARIABLE: self.scim_token}

    def configuration(self, archive: Path | str, *, more: str = "") -> str:
        """The text of a ``trueup.toml`` that plans this tenant into this directory; ``more`` is added at the end."""
        text = f"""\
[source]
kind = "entra"
tenant_id = "{self.tenant_id}"
client_id = "{self.client_id}"
client_secret = "env:{SOURCE_VARIABLE}"
graph_url = "{self.graph_url}"
login_url = "{self.login_url}"
scope = "assigned"
enterprise_app = "Pingboard"

[target]
url = "{self.scim_url}"
token = "env:{TARGET_VARIABLE}"
requests_per_second = 200

[archive]
path = {_quoted(str(archive))}
"""
        return text + (f"\n{more}" if more else "")

    @contextmanager
    def in_environment(self) -> Iterator[None]:
        """The variables set in this process for as long as the block runs."""
        before = {name: os.environ.get(name) for name in self.environment}
        os.environ.update(self.environment)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


@contextmanager
def running(
    *,
    users: int | None = None,
    tenant: TenantData | None = None,
    directory: DirectoryData | None = None,
    weaknesses: Weaknesses | None = None,
    faults: Sequence[Fault] = (),
    port: int = 0,
    scim_port: int = 0,
    certificate: tuple[Path, Path] | None = None,
) -> Iterator[Sandbox]:
    """A sandbox that answers on loopback until the block ends.

    Args:
        users: how many accounts the tenant has; none means the sample as it is. Ignored with ``tenant``.
        tenant: the tenant to serve instead of the sample.
        directory: the directory to serve; the sample's with the sample tenant, else empty.
        weaknesses: manners of the directory.
        faults: what goes wrong at the tenant.
        port: where the tenant answers; 0 for any.
        scim_port: where the directory answers; 0 for the one after ``port``, or any.
        certificate: (certificate, key) in PEM, to serve the tenant over TLS.
    """
    from trueup.sandbox import control, sample, serving
    from trueup.sandbox.directory.application import application as directory_application
    from trueup.sandbox.directory.state import Directory
    from trueup.sandbox.tenant.application import application as tenant_application
    from trueup.sandbox.tenant.faults import Faults
    from trueup.sandbox.tenant.state import Tenant

    if tenant is None:
        tenant = sample.tenant(users)
        directory = sample.directory(users) if directory is None else directory
    live = Tenant(tenant, Faults(faults))
    profiles = Directory(directory or DirectoryData(), weaknesses)
    graph_application = tenant_application(live, control.routes(live, profiles))
    with (
        serving.serving_asgi(graph_application, port=port, certificate=certificate) as graph,
        serving.serving_wsgi(directory_application(profiles), port=scim_port or (port + 1 if port else 0)) as scim,
    ):
        client, secret = next(iter(tenant.clients.items()), (CLIENT_ID, CLIENT_SECRET))
        yield Sandbox(
            graph_url=graph,
            login_url=graph,
            scim_url=f"{scim}/scim/v2",
            tenant_id=tenant.tenant_id,
            client_id=client,
            client_secret=secret,
            scim_token=profiles.token,
            tenant=live,
            directory=profiles,
        )


def _quoted(text: str) -> str:
    """A TOML basic string."""
    escaped = "".join(
        f"\\u{ord(mark):04x}" if ord(mark) < 32 or mark == "\x7f" else "\\" + mark if mark in '"\\' else mark
        for mark in text
    )
    return f'"{escaped}"'
