"""One request and one answer of the directory, freed from WSGI so that a weakness is a plain function."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

SCIM = "application/scim+json"
PREFIX = "/scim"
_PHRASES = {200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 404: "Not Found", 409: "Conflict"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to the directory."""

    method: str
    path: str
    """Below the SCIM root, percent-decoded, with a leading slash."""
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def kind(self) -> str:
        """``list``, ``one``, ``create``, ``patch``, ``put``, ``delete`` for users; else ``other``."""
        parts = self.path.strip("/").split("/")
        if parts[0] != "Users":
            return "other"
        if len(parts) == 1:
            return {"GET": "list", "POST": "create"}.get(self.method, "other")
        if parts[1] == ".search":
            return "list"
        return {"GET": "one", "PATCH": "patch", "PUT": "put", "DELETE": "delete"}.get(self.method, "other")

    @property
    def writes(self) -> bool:
        """Whether it changes a profile."""
        return self.kind in ("create", "patch", "put", "delete")

    @property
    def profile_id(self) -> str:
        """The id in the path, or nothing."""
        return self.path.strip("/").partition("/")[2]

    def document(self) -> Any:
        """The body as JSON, or none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def with_document(self, document: Any) -> Asked:
        """The same request with another body."""
        return replace(self, body=json.dumps(document).encode())


@dataclass(frozen=True, slots=True)
class Given:
    """An answer of the directory."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hang_up: bool = False
    """Whether the connection is dropped instead of answering."""
    cut: bool = False
    """Whether the body ends before the length that was announced."""

    def document(self) -> Any:
        """The body as JSON, or none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def with_document(self, document: Any) -> Given:
        """The same answer with another body."""
        return replace(self, body=json.dumps(document).encode())

    def without(self, *names: str) -> Given:
        """The same answer without some headers."""
        return replace(self, headers={k: v for k, v in self.headers.items() if k.lower() not in names})


class Next(Protocol):
    """What lies behind a weakness: the next one, and the server at last."""

    def __call__(self, asked: Asked, /) -> Given:
        """The answer."""
        ...


def refused(status: int, detail: str, scim_type: str = "") -> Given:
    """A SCIM error."""
    document = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": str(status),
        "detail": detail,
        **({"scimType": scim_type} if scim_type else {}),
    }
    return Given(status, {"Content-Type": SCIM}, json.dumps(document).encode())


def asked_of(environ: WSGIEnvironment) -> Asked:
    """The request behind a WSGI environment whose SCRIPT_NAME is the SCIM root."""
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    if environ.get("CONTENT_TYPE"):
        kind = environ["CONTENT_TYPE"]
        # RFC 7644 §3.1 has servers take plain JSON too; the one behind knows SCIM's own media type only.
        headers["content-type"] = SCIM if kind.split(";")[0].strip().lower() == "application/json" else kind
    length = environ.get("CONTENT_LENGTH") or "0"
    return Asked(
        environ["REQUEST_METHOD"],
        environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace").removeprefix("/v2"),
        dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)),
        headers,
        environ["wsgi.input"].read(int(length)) if length != "0" else b"",
    )


def call(application: WSGIApplication, environ: WSGIEnvironment, asked: Asked) -> Given:
    """Put the request, as it stands now, to the WSGI application behind."""
    from io import BytesIO

    status: list[Any] = []

    def start(line: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], object]:
        status[:] = [int(line.split(" ", 1)[0]), dict(headers)]
        return lambda _: None

    inner = {
        **{name: value for name, value in environ.items() if not name.startswith(("HTTP_", "CONTENT_"))},
        **{f"HTTP_{name.replace('-', '_').upper()}": value for name, value in asked.headers.items()},
        "REQUEST_METHOD": asked.method,
        "PATH_INFO": "/v2" + asked.path,  # scim2-server takes text here, not the bytes in disguise of PEP 3333
        "QUERY_STRING": urlencode(asked.query),
        "CONTENT_LENGTH": str(len(asked.body)),
        "wsgi.input": BytesIO(asked.body),
    }
    if "content-type" in asked.headers:
        inner["CONTENT_TYPE"] = asked.headers["content-type"]
    inner["HTTP_HOST"] = environ.get("HTTP_HOST", "")
    chunks = application(inner, start)
    body = b"".join(chunks)
    return Given(status[0], status[1], body)


def send(given: Given, start_response: StartResponse) -> Iterable[bytes]:
    """The answer as WSGI."""
    headers = [(name, value) for name, value in given.headers.items() if name.lower() != "content-length"]
    headers.append(("Content-Length", str(len(given.body) * (2 if given.cut else 1))))
    start_response(f"{given.status} {_PHRASES.get(given.status, 'Status')}", headers)
    return [given.body]
