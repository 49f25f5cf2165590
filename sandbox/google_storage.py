"""A small stand-in for Google Cloud Storage: as much of its XML API as its clients use, in memory.

Objects are known by their generation, another number after each write, and conditions are on that number
(https://cloud.google.com/storage/docs/xml-api/reference-headers). An ETag is the MD5 of the content, as there: two
writers of the same bytes have the same one. Whoever asks shows a token that a service account signed for itself.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import count, islice
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.requests import Request

GENERATION = "x-goog-generation"
CONDITION = "x-goog-if-generation-match"
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One content of an object."""

    content: bytes
    generation: int
    modified: datetime
    e_tag: str

    @property
    def headers(self) -> dict[str, str]:
        """What each answer about it says."""
        return {"ETag": self.e_tag, GENERATION: str(self.generation), "x-goog-metageneration": "1"}


@dataclass(slots=True)
class GoogleStorage:
    """The buckets, and who may use them."""

    public_key: bytes
    """PEM, of the one service account."""
    buckets: dict[str, dict[str, StoredObject]] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    """Parts of multipart uploads under way, by their ids."""
    _generations: Iterator[int] = field(default_factory=lambda: count(1_790_000_000_000_000))

    def put(self, objects: dict[str, StoredObject], name: str, content: bytes, e_tag: str = "") -> StoredObject:
        """Another generation of the object is there."""
        e_tag = e_tag or f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        objects[name] = StoredObject(content, next(self._generations), datetime.now(UTC), e_tag)
        return objects[name]

    def is_signed(self, authorization: str) -> bool:
        """Whether the token is one of the service account's own, and still holds."""
        try:
            token = jwt.decode(authorization.removeprefix("Bearer "), RSAKey.import_key(self.public_key), ["RS256"])
        except (JoseError, ValueError):
            return False
        return datetime.now(UTC).timestamp() < float(token.claims.get("exp", 0))


def application(storage: GoogleStorage) -> Starlette:
    """The ASGI application; it answers one request at a time, as nothing in it waits once the body is there."""

    async def answer(request: Request) -> Response:
        content = await request.body()
        if not storage.is_signed(request.headers.get("authorization", "")):
            return _error(401, "AuthenticationRequired")
        bucket, _, name = request.path_params["path"].partition("/")
        objects = storage.buckets.get(bucket)
        if objects is None:
            return _error(404, "NoSuchBucket")
        if not name:
            return _listed(bucket, objects, request.query_params)
        if "uploads" in request.query_params or "uploadId" in request.query_params:
            return _in_parts(storage, objects, name, request, content)
        return _object(storage, objects, name, request, content)

    methods = ["GET", "HEAD", "PUT", "POST", "DELETE"]
    return Starlette(routes=[Route("/{path:path}", answer, methods=methods)])


def _object(
    storage: GoogleStorage, objects: dict[str, StoredObject], name: str, request: Request, content: bytes
) -> Response:
    there = objects.get(name)
    wanted = request.headers.get(CONDITION)
    if wanted is not None and int(wanted) != (there.generation if there else 0):
        return _error(412, "PreconditionFailed")
    if request.method == "PUT":
        return Response(headers=storage.put(objects, name, content).headers)
    if there is None or request.query_params.get("generation", str(there.generation)) != str(there.generation):
        return _error(404, "NoSuchKey")
    if request.method == "DELETE":
        del objects[name]
        return Response(status_code=204)
    headers = {**there.headers, "Last-Modified": format_datetime(there.modified, usegmt=True)}
    return Response(there.content, headers=headers, media_type="application/octet-stream")


def _in_parts(
    storage: GoogleStorage, objects: dict[str, StoredObject], name: str, request: Request, content: bytes
) -> Response:
    """Upload in parts; with PUT one part, with POST without an id the beginning, and with it the end."""
    asked = request.query_params
    if "uploads" in asked:
        storage.uploads[number := secrets.token_hex(16)] = {}
        return _xml(f"<InitiateMultipartUploadResult><UploadId>{number}</UploadId></InitiateMultipartUploadResult>")
    parts = storage.uploads.get(asked["uploadId"])
    if parts is None:
        return _error(404, "NoSuchUpload")
    if request.method == "PUT":
        parts[int(asked["partNumber"])] = content
        return Response(headers={"ETag": f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'})
    del storage.uploads[asked["uploadId"]]
    if request.method == "DELETE":
        return Response(status_code=204)
    whole = b"".join(content for _, content in sorted(parts.items()))
    found = storage.put(objects, name, whole, f'"{secrets.token_hex(16)}-{len(parts)}"')
    said = f"<CompleteMultipartUploadResult><ETag>{escape(found.e_tag)}</ETag></CompleteMultipartUploadResult>"
    return _xml(said, found.headers)


def _listed(bucket: str, objects: dict[str, StoredObject], asked: Mapping[str, str]) -> Response:
    """One page in the form of ``list-type=2``: names in order, those with the delimiter rolled up into prefixes."""
    prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
    after = max(asked.get("start-after", ""), asked.get("continuation-token", ""))
    entries: dict[str, StoredObject | None] = {}
    for name in sorted(objects):
        if name.startswith(prefix):
            folder, mark, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            entries[prefix + folder + mark if mark else name] = None if mark else objects[name]
    left = [entry for entry in entries.items() if entry[0] > after]
    page = list(islice(left, min(int(asked.get("max-keys", _PAGE)), _PAGE)))
    said = [f"<Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"]
    said.append(f"<IsTruncated>{'true' if len(left) > len(page) else 'false'}</IsTruncated>")
    if len(left) > len(page):
        said.append(f"<NextContinuationToken>{escape(page[-1][0])}</NextContinuationToken>")
    said += [_entry(name, found) for name, found in page]
    return _xml(f"<ListBucketResult>{''.join(said)}</ListBucketResult>")


def _entry(name: str, found: StoredObject | None) -> str:
    if found is None:
        return f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
    modified = found.modified.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return (
        f"<Contents><Key>{escape(name)}</Key><Generation>{found.generation}</Generation>"
        f"<LastModified>{modified}</LastModified><ETag>{escape(found.e_tag)}</ETag>"
        f"<Size>{len(found.content)}</Size></Contents>"
    )


def _error(status: int, code: str) -> Response:
    return _xml(f"<Error><Code>{code}</Code></Error>", status=status)


def _xml(said: str, headers: Mapping[str, str] | None = None, *, status: int = 200) -> Response:
    content = f"<?xml version='1.0' encoding='UTF-8'?>{said}"
    return Response(content, status, dict(headers or {}), media_type="application/xml")
