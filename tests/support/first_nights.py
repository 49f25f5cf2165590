"""The first night of the sample, planned, approved and applied once for all tests that begin where it stands.

A run is of one address, so the two servers stay where they are, and each test gets a tenant and a directory of its own
behind them. What a request does that outlives its test, it does to the directory of that test.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from trueup.sandbox import DirectoryData, Sandbox, control, sample, serving
from trueup.sandbox.directory.application import application as directory_application
from trueup.sandbox.directory.state import Directory
from trueup.sandbox.tenant.application import application as tenant_application
from trueup.sandbox.tenant.state import Tenant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from starlette.types import ASGIApp, Receive, Scope, Send

    from tests.end_to_end.conftest import Office

Step = Literal["planned", "approved", "applied"]
STEPS: tuple[Step, ...] = get_args(Step)


class Doors:
    """Where a tenant and a directory answer, whichever these are."""

    def __init__(self) -> None:
        self.graph_url = self.scim_url = ""
        self.tenant: ASGIApp | None = None
        self.directory: WSGIApplication | None = None

    def sandbox(self, profiles: DirectoryData) -> Sandbox:
        """The sample tenant, and a directory with these profiles, from now on."""
        data = sample.tenant()
        tenant, directory = Tenant(data), Directory(profiles)
        self.tenant = tenant_application(tenant, control.routes(tenant, directory))
        self.directory = directory_application(directory)
        client, secret = next(iter(data.clients.items()))
        urls = {"graph_url": self.graph_url, "login_url": self.graph_url, "scim_url": f"{self.scim_url}/scim/v2"}
        return Sandbox(
            **urls,
            tenant_id=data.tenant_id,
            client_id=client,
            client_secret=secret,
            scim_token=directory.token,
            tenant=tenant,
            directory=directory,
        )


@contextmanager
def doors() -> Iterator[Doors]:
    """Both servers, answering until the block ends."""
    both = Doors()

    async def tenant(scope: Scope, receive: Receive, send: Send) -> None:
        assert both.tenant is not None
        await both.tenant(scope, receive, send)

    def directory(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        assert both.directory is not None
        return both.directory(environ, start_response)

    with serving.serving_asgi(tenant) as both.graph_url, serving.serving_wsgi(directory) as both.scim_url:
        yield both


@dataclass(frozen=True)
class Night:
    """The first night, in an office of a test's own."""

    office: Office
    plan: Any
    """As the command told of it."""
    before: dict[str, dict[str, Any]]
    """Every profile by id, before anything was written."""


@dataclass
class FirstNight:
    """What the first night came to at each step."""

    folder: Path
    open_office: Callable[[Path, Sandbox], Office]
    doors: Doors
    _came_to: dict[Step, DirectoryData] = field(default_factory=dict)
    _plan: Any = None
    _before: dict[str, dict[str, Any]] = field(default_factory=dict)

    def at(self, step: Step, folder: Path) -> Night:
        """An office in ``folder`` where the night has come so far, with what that left of it in the directory."""
        for each in STEPS[: STEPS.index(step) + 1]:
            if each not in self._came_to:
                self._go(each)
        return Night(self._office(step, folder), self._plan, self._before)

    def _go(self, step: Step) -> None:
        place = STEPS.index(step)
        (self.folder / step).mkdir()
        office = self._office(STEPS[place - 1] if place else None, self.folder / step)
        if step == "planned":
            self._before = office.everything()
            self._plan = office.plan()
        elif step == "approved":
            office.accept(self._plan)
        else:
            assert office.apply(self._plan)["state"] == "applied"
        self._came_to[step] = replace(sample.directory(), profiles=tuple(office.sandbox.directory.profiles()))

    def _office(self, step: Step | None, folder: Path) -> Office:
        office = self.open_office(folder, self.doors.sandbox(self._came_to[step] if step else sample.directory()))
        if step:
            shutil.copytree(self.folder / step / office.archive.name, office.archive)
        office.configure()
        return office
