"""Manifests and acts as bytes: how they are written, and how a changed one is noticed.

A record is indented JSON with a ``sha256`` of its own canonical content (sorted keys, no spaces, UTF-8,
without the field itself). A file counts as unchanged when that hash fits *and* the bytes are exactly what
writing the same content gives: a changed blank is a change too.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any


def content_sha256(document: dict[str, Any]) -> str:
    """SHA-256 of a record's canonical content without its ``sha256``."""
    content = {key: value for key, value in document.items() if key != "sha256"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def rendered(document: dict[str, Any]) -> bytes:
    """The bytes of a record's file."""
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def signed(document: dict[str, Any]) -> dict[str, Any]:
    """The record with the hash of its own content."""
    return {**document, "sha256": content_sha256(document)}


def unsigned_problem(content: bytes) -> str:
    """Why these bytes are not the record that was written; empty when they are."""
    try:
        document = json.loads(content)
    except ValueError:
        return "it is not readable JSON"
    if not isinstance(document, dict):
        return "it is not a JSON object"
    try:
        fits = document.get("sha256") == content_sha256(document) and content == rendered(document)
    except ValueError:
        return "it holds what no record holds"
    return "" if fits else "its content does not fit its own hash"
