"""Weaknesses of answering: bodies of errors, versions, locations, booleans as text, discovery that is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trueup.sandbox.directory.exchange import Asked, Given, refused

if TYPE_CHECKING:
    from trueup.sandbox.directory.exchange import Next
    from trueup.sandbox.directory.state import Directory
    from trueup.sandbox.directory.weaknesses import Weaknesses

_HTML = b"<!DOCTYPE html><html><body><h1>Something went wrong</h1><p>Please try again.</p></body></html>"


def answer(directory: Directory, weak: Weaknesses, asked: Asked, further: Next) -> Given:
    """The answer with this server's manners."""
    if weak.etags != "honoured":
        headers = {k: v for k, v in asked.headers.items() if k not in ("if-match", "if-none-match")}
        asked = replace(asked, headers=headers)
    given = further(asked)
    if given.status >= 400:
        return _error(weak, given)
    given = _versions_and_places(weak, given)
    document = given.document()
    if asked.path.strip("/") in ("Schemas", "ResourceTypes", "ServiceProviderConfig"):
        return _discovery(weak, asked.path.strip("/"), given, document)
    if isinstance(document, dict):
        given = given.with_document(_shown(weak, document, directory.junk))
    if weak.plain_json and given.body:
        given = Given(given.status, {**given.headers, "Content-Type": "application/json"}, given.body)
    return given


def _versions_and_places(weak: Weaknesses, given: Given) -> Given:
    if weak.etags == "absent":
        given = given.without("etag")
    return given.without("location") if weak.no_location else given


def _shown(weak: Weaknesses, document: dict[str, Any], junk: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if "Resources" in document:
        rows = [_profile(weak, row) | junk.get(str(row.get("id")), {}) for row in document["Resources"]]
        return {**document, "Resources": rows}
    return _profile(weak, document) | junk.get(str(document.get("id")), {})


def _profile(weak: Weaknesses, profile: dict[str, Any]) -> dict[str, Any]:
    shown = dict(profile)
    meta = dict(shown.get("meta") or {})
    if weak.etags == "absent":
        meta.pop("version", None)
    if weak.no_location:
        meta.pop("location", None)
    if meta:
        shown["meta"] = meta
    if weak.active_missing and shown.get("active") is True:
        del shown["active"]
    if weak.plain_emails and isinstance(shown.get("emails"), list):
        shown["emails"] = [each.get("value") for each in shown["emails"]]
    if weak.active_as_text and isinstance(shown.get("active"), bool):
        shown["active"] = str(shown["active"])
    return shown


def _error(weak: Weaknesses, given: Given) -> Given:
    if given.status == 409 and weak.conflict_without_type:
        document = given.document()
        if isinstance(document, dict):
            document = {k: v for k, v in document.items() if k != "scimType"} | {"status": 409}
            given = given.with_document(document)
    headers = {k: v for k, v in given.headers.items() if k.lower() != "content-type"}
    match weak.errors:
        case "html":
            return Given(given.status, {**headers, "Content-Type": "text/html"}, _HTML)
        case "text":
            return Given(given.status, {**headers, "Content-Type": "text/plain"}, b"something went wrong")
        case "empty":
            return Given(given.status, headers, b"")
        case _:
            return given


def _discovery(weak: Weaknesses, name: str, given: Given, document: Any) -> Given:
    if weak.discovery == "missing":
        return _error(weak, refused(404, "not here"))
    if weak.discovery == "html":
        return Given(200, {"Content-Type": "text/html"}, _HTML)
    if not isinstance(document, dict):
        return given
    if weak.discovery == "plain_lists" and "Resources" in document:
        rows = [{**row, "vendorNote": "not in the RFC"} for row in document["Resources"]]
        return replace(given, body=json.dumps(rows).encode())
    if name == "ServiceProviderConfig":
        return given.with_document(_configuration(weak, document))
    return given


def _configuration(weak: Weaknesses, document: dict[str, Any]) -> dict[str, Any]:
    features = ("patch", "bulk", "filter", "sort", "etag", "changePassword")
    if weak.discovery in ("denies", "boasts"):
        says = weak.discovery == "boasts"
        return {**document, **{name: {**document.get(name, {}), "supported": says} for name in features}}
    supported = {
        "patch": weak.patch != "none",
        "filter": not (weak.filter_ignored or weak.filter_refused),
        "sort": not weak.sort_refused,
        "etag": weak.etags == "honoured",
    }
    told = {**document, **{name: {**document.get(name, {}), "supported": on} for name, on in supported.items()}}
    if weak.largest_page:
        told["filter"] = {**told["filter"], "maxResults": weak.largest_page}
    return told
