"""Weaknesses of writing: forms that are not understood, and what becomes of a value that is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trueup.sandbox.directory.data import ENTERPRISE
from trueup.sandbox.directory.exchange import SCIM, Asked, Given, refused
from trueup.sandbox.directory.replacing import bent, merged, with_objects, without_urn_paths
from trueup.sandbox.directory.storage_quirks import kept

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trueup.sandbox.directory.exchange import Next
    from trueup.sandbox.directory.state import Directory
    from trueup.sandbox.directory.weaknesses import Weaknesses

_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_FILTERED = re.compile(r"^(?P<name>\w+)\[(?P<condition>[^\]]*)\]")


def write(directory: Directory, weak: Weaknesses, asked: Asked, further: Next) -> Given:
    """A write as this server would take it; everything else passes."""
    if not asked.writes:
        return further(asked)
    if no := _refusal(directory, weak, asked):
        return no
    with directory.storage.lock:
        before = directory.held(asked.profile_id) if asked.profile_id else None
        if asked.kind == "delete" and weak.delete == "deactivates" and before is not None:
            return _deactivated(asked, further)
        sent, asked = _understood(directory, weak, asked, before)
        given = further(asked)
        if given.status < 300 and asked.kind == "delete" and weak.delete_returns_body:
            return Given(200, {"Content-Type": SCIM}, json.dumps(before).encode())
        if given.status >= 300 or asked.kind == "delete":
            return given
        profile_id = asked.profile_id or str((given.document() or {}).get("id"))
        after = directory.held(profile_id)
        stored = kept(weak, before or {}, bent(weak, sent, before or {}, after or {}))
        if stored != after:
            directory.store(profile_id, stored)
        answered = _answer(weak, asked, given, profile_id, further)
        if weak.deactivated_vanish and stored.get("active") is False:
            directory.storage.drop(profile_id)
        return answered


def _understood(
    directory: Directory, weak: Weaknesses, asked: Asked, before: dict[str, Any] | None
) -> tuple[Asked, Asked]:
    """The request as it means to be, and what of it the server behind is told."""
    if asked.kind == "put":
        asked = _put(weak, asked, before)
        directory.junk.pop(asked.profile_id, None)
    if weak.plain_emails:
        asked = with_objects(asked)
    misplaced = asked.kind == "patch" and weak.urn_paths_stored
    return asked, without_urn_paths(directory, asked) if misplaced else asked


def _refusal(directory: Directory, weak: Weaknesses, asked: Asked) -> Given | None:
    if asked.kind == "delete":
        return refused(405, "profiles cannot be deleted") if weak.delete == "refused" else None
    if asked.kind == "put" and weak.put_refused:
        return refused(405, "PUT is not supported")
    document = asked.document()
    if asked.kind == "patch" and (no := _patch_refusal(directory, weak, asked, document)):
        return no
    return _value_refusal(weak, asked, document)


def _value_refusal(weak: Weaknesses, asked: Asked, document: Any) -> Given | None:
    if weak.remove_refused and any(str(op.get("op")).lower() == "remove" for op in _operations(document)):
        return refused(400, "remove is not supported", "invalidSyntax")
    if weak.null_refused and _has_null(document):
        return refused(400, "null is not a value", "invalidValue")
    for name, value in _all(asked):
        if weak.strict_types and name.rpartition(".")[2] in ("active", "primary") and isinstance(value, str):
            return refused(400, f"{name} must be a boolean", "invalidValue")
        if weak.text_for_active_refused and name == "active" and isinstance(value, str):
            return refused(400, "active must be a boolean", "invalidValue")
        if any(_covers(each, name) for each in weak.refuses):
            return refused(weak.refused_with, f"unknown attribute {name}", "invalidPath")
    return None


def _patch_refusal(directory: Directory, weak: Weaknesses, asked: Asked, document: Any) -> Given | None:
    operations = _operations(document)
    with_path = [operation for operation in operations if operation.get("path")]
    if (
        weak.patch == "none"
        or (weak.patch == "pathless" and with_path)
        or (weak.patch == "with_path" and len(with_path) < len(operations))
    ):
        return refused(weak.patch_refused_with, "this form of PATCH is not supported")
    if weak.missing_element == "works":
        return None
    held = directory.held(asked.profile_id) or {}
    for operation in with_path:
        found = _FILTERED.match(operation["path"])
        if found and not _has_element(held.get(found.group("name")), found.group("condition")):
            failed = weak.missing_element == "fails"
            return refused(500, "list index out of range") if failed else refused(400, "no such element", "noTarget")
    return None


def _operations(document: Any) -> list[dict[str, Any]]:
    return list(document.get("Operations", [])) if isinstance(document, dict) else []


def _has_element(values: Any, condition: str) -> bool:
    wanted = re.match(r'\s*type\s+eq\s+"([^"]*)"', condition, re.IGNORECASE)
    return any(isinstance(each, dict) and (not wanted or each.get("type") == wanted.group(1)) for each in values or [])


def _put(weak: Weaknesses, asked: Asked, before: dict[str, Any] | None) -> Asked:
    document = asked.document()
    if not isinstance(document, dict):
        return asked
    if "active" not in document and weak.put_without_active != "clears":
        document = {**document, "active": weak.put_without_active == "enables"}
    if weak.put_merges and before:
        document = merged(before, document)
    if weak.put_keeps_emails and before and "emails" in before:
        document = {**document, "emails": before["emails"]}
    return asked.with_document(document)


def _deactivated(asked: Asked, further: Next) -> Given:
    body = {"schemas": [_PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]}
    headers = {**asked.headers, "content-type": SCIM}
    given = further(replace(asked, method="PATCH", headers=headers).with_document(body))
    return Given(204) if given.status < 300 else given


def _answer(weak: Weaknesses, asked: Asked, given: Given, profile_id: str, further: Next) -> Given:
    """The answer again, now that the server has made of the values what it does."""
    shows_body = bool(given.body) or (asked.kind == "patch" and weak.patch_returns_body)
    if not shows_body:
        return given
    headers = {name: value for name, value in asked.headers.items() if name in ("authorization", "host")}
    read = further(Asked("GET", f"/Users/{profile_id}", {}, headers, b""))
    status = 200 if given.status == 204 else given.status
    return Given(status, {**given.headers, **read.headers}, read.body)


def _all(asked: Asked) -> Iterator[tuple[str, Any]]:
    """Every attribute the request writes, with its value: ``title``, ``name.givenName``, ``urn:…:department``."""
    document = asked.document()
    if not isinstance(document, dict):
        return
    if asked.kind != "patch":
        yield from _members(document)
        return
    for operation in document.get("Operations", []):
        path, value = operation.get("path"), operation.get("value")
        if not path:
            yield from _members(value if isinstance(value, dict) else {})
        elif path == ENTERPRISE and isinstance(value, dict):
            yield from _members({ENTERPRISE: value})
        else:
            yield re.sub(r"\[[^\]]*\]", "", path), value


def _members(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if name in ("schemas", "meta", "id"):
            continue
        if name.startswith("urn:") and isinstance(value, dict):
            for inner, inside in value.items():
                yield f"{name}:{inner}", inside
            continue
        yield name, value
        for element in value if isinstance(value, list) else [value]:
            if isinstance(element, dict):
                for inner, inside in element.items():
                    yield f"{name}.{inner}", inside


def _covers(named: str, name: str) -> bool:
    named, name = named.lower(), name.lower()
    return name == named or name.startswith((f"{named}.", f"{named}:"))


def _has_null(document: Any) -> bool:
    return bool(re.search(r"[:\[,]\s*null\b", json.dumps(document)))
