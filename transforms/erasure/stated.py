"""What ``erased`` acts state of the files they changed, and what that means for hashes and chains.

``details`` of an ``erased`` act: ``number`` (random; names the erasure and is derived from nothing), ``reason`` (a
code), ``count`` (people), ``before`` (file → its record until then) and ``records`` (``manifest.json`` and acts that
had to be rewritten → ``before`` and ``after``: hash, bytes, and ``stands``, the hash by which what follows names
it). Its ``files`` are the records from then on, its ``fingerprint`` that of the content from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trueup.transforms.manifest import ActRecord

REASONS = ("request", "retention", "legal", "mistake")
"""Why a person's data goes: they asked, its time is over, the law says so, it should never have been there."""
TOKEN = "erased:"  # noqa: S105 - what stands where somebody erased was referred to, no secret
"""With the erasure's number behind it, stands where somebody who was erased was referred to."""


def erasures(acts: Iterable[ActRecord]) -> list[ActRecord]:
    """The ``erased`` acts, in order."""
    return [act for act in acts if act.act is Act.ERASED]


def stands_for(stands: str, acts: Iterable[ActRecord]) -> set[str]:
    """Every hash a record with the hash ``stands`` was known by before it was rewritten, and this one."""
    before = {
        str(said["after"]["stands"]): str(said["before"]["stands"])
        for act in erasures(acts)
        for said in act.details.get("records", {}).values()
    }
    found = {stands}
    while (stands := before.get(stands, "")) and stands not in found:
        found.add(stands)
    return found
