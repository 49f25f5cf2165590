"""What decides by one write holds nobody any more once what it decided is in its own place.

A claim holds a whole act with its side file, ``head`` a whole manifest, a segment lines of a journal: copies, for
whoever comes after a writer that died. None of them is ever removed, as its name is what two hosts agree upon; each is
replaced by if-match.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from typing import TYPE_CHECKING, Any

from trueup.connectors.archive.object_store import each
from trueup.connectors.archive.store import Changed
from trueup.transforms.run_files import RUN_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trueup.connectors.archive.object_store import ObjectStore
    from trueup.connectors.archive.vault import Vault

HEAD = "head"
CLAIMS = "claims"
CLAIM = re.compile(rf"{CLAIMS}/({RUN_ID.pattern})/(\d{{3,}})\.json")


def settle_claims(objects: ObjectStore, names: Iterable[str]) -> None:
    """Each of these claims says what is in its act's place, and no side file; one whose act is not there yet stays."""

    def one(name: str) -> None:
        fits = CLAIM.fullmatch(name)

        def said(content: bytes) -> bytes | None:
            claim = json.loads(content)
            try:
                act = objects.read(f"{fits.group(1) if fits else ''}/{claim['name']}").decode()
            except FileNotFoundError:
                return None
            same = "side" not in claim and claim["act"] == act
            return None if same else _fresh({"name": claim["name"], "act": act})

        _replaced(objects, name, said)

    each(one, [name for name in names if CLAIM.fullmatch(name)])


def settle_head(objects: ObjectStore, vault: Vault, run_id: str, sha256: str) -> None:
    """Where ``head`` holds the manifest of this run, it holds the one that says what has this hash, from its place."""
    key = f"{run_id}/manifest.json"

    def said(content: bytes) -> bytes | None:
        head = json.loads(content)
        if head["run_id"] != run_id or head["sha256"] == sha256:
            return None
        manifest = objects.read(key)
        if hashlib.sha256(vault.open(key, manifest)).hexdigest() != sha256:
            return None  # not what was prepared: verify says so
        return _fresh({**head, "sha256": sha256, "manifest": manifest.decode()})

    _replaced(objects, HEAD, said)


def empty_segments(objects: ObjectStore, names: Iterable[str], run_id: str) -> None:
    """Those of these announcements that are the run's say only whose they were; its journal has the lines, or had."""

    def said(content: bytes) -> bytes | None:
        line, _, rest = content.partition(b"\n")
        head = json.loads(line)
        return _fresh(head) + b"\n" if rest and head["run"] == run_id else None

    each(lambda name: _replaced(objects, name, said), names)


def _fresh(said: dict[str, Any]) -> bytes:
    return json.dumps({**said, "fresh": secrets.token_hex(16)}).encode()


def _replaced(objects: ObjectStore, name: str, said: Callable[[bytes], bytes | None]) -> None:
    """The object says what ``said`` makes of what it says now; None leaves it."""
    while True:
        try:
            content, seen = objects.get(name)
        except FileNotFoundError:
            return
        after = said(content)
        if after is None:
            return
        try:
            objects.replace_if_match(name, after, seen)
        except Changed:
            continue
        return
