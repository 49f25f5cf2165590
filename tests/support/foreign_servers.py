"""Other people's SCIM servers, each started on loopback with nothing in it; ``tests/foreign/install.sh`` gets them."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.scim_directory import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

_HERE = Path(__file__).resolve().parents[2]
_SCRIPTS = _HERE / "tests" / "foreign"
_INSTALLED = _HERE / ".venv-foreign"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server answers."""

    url: str
    token: str
    version: str


@contextmanager
def _child(command: list[str], installed_in: Path, environment: dict[str, str]) -> Iterator[tuple[str, str]]:
    """A server in a process of its own, which prints its root and token once it listens."""
    with subprocess.Popen(
        command,
        cwd=installed_in,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = next((line for line in process.stdout if line.startswith("{")), "")
            assert said, f"{command[-1]} did not start; see tests/foreign/install.sh"
            place = json.loads(said)
            yield place["url"], place["token"]
        finally:
            process.kill()


def _on_node(script: str, package: str) -> Callable[[Path], AbstractContextManager[Place]]:
    @contextmanager
    def start(_: Path) -> Iterator[Place]:
        home = _INSTALLED / "node"
        told = json.loads((home / "node_modules" / package / "package.json").read_text(encoding="utf-8"))
        silent = {"DO_NOT_TRACK": "1", "BOXYHQ_NO_ANALYTICS": "1"}
        with _child(["node", str(_SCRIPTS / script)], home, silent) as (url, token):
            yield Place(url, token, told["version"])

    return start


def _on_python(script: str, package: str) -> Callable[[Path], AbstractContextManager[Place]]:
    @contextmanager
    def start(folder: Path) -> Iterator[Place]:
        python = str(_INSTALLED / package / "bin" / "python")
        asked = [python, "-c", f"import importlib.metadata as told; print(told.version({package!r}))"]
        found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        with _child([python, str(_SCRIPTS / script)], folder, {}) as (url, token):
            yield Place(url, token, found)

    return start


@contextmanager
def _django(folder: Path) -> Iterator[Place]:
    from tests.support.django_people.server import running

    with running(str(folder / "people.sqlite")) as url:
        yield Place(url, TOKEN, version("django-scim2"))


@contextmanager
def _scim2_server(_: Path) -> Iterator[Place]:
    """As its own test server puts it together."""
    from scim2_server.applications.wsgi import WSGIApplication
    from scim2_server.memory import InMemoryStorage
    from scim2_server.service import ScimService
    from scim2_server.utils import load_default_provider

    from trueup.sandbox.serving import serving_wsgi

    provider = load_default_provider()
    with serving_wsgi(WSGIApplication(InMemoryStorage(), provider, ScimService(provider))) as url:
        yield Place(url, TOKEN, version("scim2-server"))


@contextmanager
def _sandbox(_: Path) -> Iterator[Place]:
    from trueup.sandbox import DirectoryData, running

    with running(users=1, directory=DirectoryData()) as started:
        yield Place(started.scim_url, started.scim_token, version("trueup"))


SERVERS: dict[str, Callable[[Path], AbstractContextManager[Place]]] = {
    "saml-jackson": _on_node("jackson.mjs", "@boxyhq/saml-jackson"),
    "scim-patch with scim2-parse-filter": _on_node("scim_patch.mjs", "scim-patch"),
    "SCIMMY with scimmy-routers": _on_node("scimmy.mjs", "scimmy"),
    "open-webui": _on_python("open_webui_scim.py", "open-webui"),
    "Better Auth": _on_node("better_auth.mjs", "@better-auth/scim"),
    "Canaille": _on_python("canaille_scim.py", "canaille"),
    "django-scim2-server": _on_python("django_scim2_server_app.py", "django-scim2-server"),
    "django-scim2": _django,
    "scim2-server": _scim2_server,
    "the sandbox directory": _sandbox,
}
"""Name → starts it, with a folder for its data."""
if (_INSTALLED / "mlflow-oidc-auth").exists():  # it needs Python 3.12; install.sh says so where there is none
    SERVERS["mlflow-oidc-auth"] = _on_python("mlflow_oidc_auth_scim.py", "mlflow-oidc-auth")


def of_pytest(application: Any) -> Callable[[Path], AbstractContextManager[Place]]:
    """The server of ``pytest-scim2-server``'s own fixture, served by us: its own leaves the listening socket open."""

    @contextmanager
    def start(_: Path) -> Iterator[Place]:
        from trueup.sandbox.serving import serving_wsgi

        with serving_wsgi(application) as url:
            yield Place(url, TOKEN, version("pytest-scim2-server"))

    return start
