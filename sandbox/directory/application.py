"""The directory on the wire: ``scim2-server`` under ``/scim/v2``, seen through its weaknesses."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from trueup.sandbox.directory import listing
from trueup.sandbox.directory.answering import answer
from trueup.sandbox.directory.exchange import PREFIX, Asked, Given, asked_of, call, refused, send
from trueup.sandbox.directory.failing import fail
from trueup.sandbox.directory.reading import read
from trueup.sandbox.directory.writing import write
from trueup.sandbox.serving import HANG_UP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from trueup.sandbox.directory.exchange import Next
    from trueup.sandbox.directory.state import Directory
    from trueup.sandbox.directory.weaknesses import Weaknesses

    Layer = Callable[[Directory, Weaknesses, Asked, Next], Given]


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
    """Through the layers from the outermost to the server itself."""
    weak = directory.weaknesses
    trusted = asked.headers.get("authorization") == f"Bearer {directory.token}"
    layers = _LAYERS if trusted else _LAYERS_OF_STRANGERS

    def behind(asked: Asked) -> Given:
        return call(directory.application, environ, asked)

    def server(asked: Asked) -> Given:
        quick = listing.quick(directory, asked, environ.get("HTTP_HOST", ""), behind) if trusted else None
        return quick or behind(asked)

    further: Next = server
    for layer in layers:
        further = partial(_through, layer, directory, weak, further)
    given = further(asked)
    directory.see(asked, given)
    return given


def _through(layer: Layer, directory: Directory, weak: Weaknesses, further: Next, asked: Asked) -> Given:
    return layer(directory, weak, asked, further)


_LAYERS: tuple[Layer, ...] = (write, read, answer, fail)
"""From the server outwards."""
_LAYERS_OF_STRANGERS: tuple[Layer, ...] = (answer,)
"""Without the right token nothing is done and little said."""
