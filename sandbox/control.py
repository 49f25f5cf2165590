"""Playing with a running sandbox over HTTP, under ``/sandbox`` beside Graph: edits, faults, weaknesses.

JSON only, and only when called by its loopback name: a web page in somebody's browser can do neither.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import JSONResponse
from starlette.routing import Route

from trueup.sandbox import sample
from trueup.sandbox.directory.weaknesses import Weaknesses
from trueup.sandbox.tenant.edits import play
from trueup.sandbox.tenant.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from trueup.sandbox.directory.state import Directory
    from trueup.sandbox.tenant.state import Tenant

_NAMES = ("127.0.0.1", "localhost", "[::1]")


def routes(tenant: Tenant, directory: Directory) -> list[Route]:
    """``/sandbox`` tells how things stand; POST changes them.

    ``POST /sandbox/edits`` takes a list of edits, or ``{"scenario": name}``; ``POST /sandbox/faults`` a list of
    faults, DELETE disarms them; ``POST /sandbox/weaknesses`` the switches of the directory, the others going off.
    """

    def edits(document: Any) -> Any:
        play(tenant, sample.edits(document["scenario"]) if isinstance(document, dict) else document)
        return _standing(tenant, directory)

    def faults(document: Any) -> Any:
        tenant.faults.add(*(Fault.from_json(each) for each in document))
        return _standing(tenant, directory)

    def no_faults(_: Any) -> Any:
        tenant.faults.clear()
        return _standing(tenant, directory)

    def weaknesses(document: Any) -> Any:
        directory.weaknesses = Weaknesses.from_json(document)
        return _standing(tenant, directory)

    def standing(_: Any) -> Any:
        return _standing(tenant, directory)

    return [
        _route("/sandbox", "GET", standing),
        _route("/sandbox/edits", "POST", edits),
        _route("/sandbox/faults", "POST", faults),
        _route("/sandbox/faults", "DELETE", no_faults),
        _route("/sandbox/weaknesses", "POST", weaknesses),
    ]


def _route(path: str, method: str, act: Callable[[Any], Any]) -> Route:
    async def answer(request: Request) -> JSONResponse:
        if request.headers.get("host", "").rpartition(":")[0] not in _NAMES:
            return JSONResponse({"error": "call it by its loopback name"}, 403)
        document = None
        if method == "POST":
            if request.headers.get("content-type", "").split(";")[0] != "application/json":
                return JSONResponse({"error": "send application/json"}, 415)
            try:
                document = orjson.loads(await request.body())
            except orjson.JSONDecodeError:
                return JSONResponse({"error": "this is not JSON"}, 400)
        try:
            return JSONResponse(act(document))
        except (KeyError, TypeError, ValueError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

    return Route(path, answer, methods=[method])


def _standing(tenant: Tenant, directory: Directory) -> dict[str, Any]:
    return {
        "users": tenant.table.count,
        "deleted": len(tenant.deleted),
        "profiles": len(directory.storage.resources),
        "faults": [asdict(fault) for fault in tenant.faults.left],
        "weaknesses": list(directory.weaknesses.switched_on),
        "scenarios": list(sample.SCENARIOS),
    }
