"""The directory on the wire: ``scim2-server`` under ``/scim/v2``, seen through its weaknesses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.sandbox.directory.exchange import PREFIX, Asked, Given, asked_of, call, refused, send
from connectors.sandbox.serving import HANG_UP

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from connectors.sandbox.directory.state import Directory


def application(directory: Directory) -> WSGIApplication:
    """The WSGI application of one directory; its weaknesses are looked up anew for each request."""

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith(f"{PREFIX}/"):
            return send(refused(404, "There is nothing here; the directory is at /scim/v2."), start_response)
        environ = {**environ, "SCRIPT_NAME": PREFIX, "PATH_INFO": path[len(PREFIX) :]}
        asked = asked_of(environ)
        given = _behind(directory, environ, asked)
        if given.hang_up:
            environ[HANG_UP]()
        return send(given, start_response)

    return serve


def _behind(directory: Directory, environ: WSGIEnvironment, asked: Asked) -> Given:
    return call(directory.application, environ, asked)
