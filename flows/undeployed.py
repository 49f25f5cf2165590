"""Configurations in the archive that no deployment carries any more: what ``trueup prune`` removes beside old runs.

``trueup deploy`` leaves each under its digest. A night reads the one its deployment carries, so that the others serve
nobody, and may name people (``[people]``, ``[matching] links``) that an erasure cannot take out of them.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.flows import flow_runs
from trueup.flows.bundle import FOLDER, Carried, records_of
from trueup.flows.orchestrator import orchestrator
from trueup.flows.safe_errors import impersonal
from trueup.transforms.errors import TrueupError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trueup.transforms.erasure.person import Person
    from trueup.transforms.settings import Settings


@dataclass(frozen=True, slots=True)
class Undeployed:
    """What may go of the archive's configurations."""

    names: tuple[str, ...] = ()
    """Files that no deployment needs."""
    why_kept: str = ""
    """Why all are kept, in a sentence."""


def undeployed(settings: Settings) -> Undeployed:
    """Those no deployment carries; none where the server that would know cannot be asked, or knows nothing of them."""
    there = records_of(settings).list(FOLDER)
    if not there:
        return Undeployed()
    many = f"{len(there)} deployed configuration{'' if len(there) == 1 else 's'} kept"
    if not os.environ.get("PREFECT_API_URL"):
        return Undeployed(why_kept=f"{many}: which are used is known by the Prefect server. Set PREFECT_API_URL.")
    try:
        used = _used()
    except TrueupError as error:
        return Undeployed(why_kept=f"{many}: {impersonal(error.message)}")
    if not used & set(there):
        return Undeployed(why_kept=f"{many}: this Prefect server has no deployment of any of them.")
    return Undeployed(tuple(name for name in there if name not in used))


def remove(settings: Settings, names: Iterable[str]) -> None:
    """These configurations are gone.

    Raises:
        Failed: the disk or the store refuses.
    """
    from trueup.connectors.archive.atomic_files import on_disk
    from trueup.connectors.archive.object_store import ObjectStore

    records = records_of(settings)
    if isinstance(records, ObjectStore):
        records.remove(f"{FOLDER}/{name}" for name in names)
        return
    with on_disk("A configuration cannot be removed"):
        for name in names:
            (records.root / FOLDER / name).unlink(missing_ok=True)


def naming(settings: Settings, person: Person) -> tuple[str, ...]:
    """Of each configuration in the archive that names ``person``: which, and the file it was made from."""
    from trueup.connectors.archive.unowned import said_in

    records, found = records_of(settings), []
    words = {word.lower() for word in person.sought | person.clear}
    for name in records.list(FOLDER):
        content = said_in(records, settings, f"{FOLDER}/{name}", records.read(f"{FOLDER}/{name}"))
        made_from, texts = _texts(content.decode("utf-8", "replace"))
        told = "\n".join(texts).lower()
        if any(word in told for word in words):
            found.append(f"{FOLDER}/{name} (made from {made_from})")
    return tuple(found)


def _texts(content: str) -> tuple[str, list[str]]:
    """The file a configuration was made from, and its texts as they were written; of a damaged one, all there is."""
    try:
        said = json.loads(content)
        return str(said["path"]), [said["text"], *said["files"].values()]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "a file that is not known", [content]


def _used() -> set[str]:
    """The files that deployments of this server carry."""
    with orchestrator() as server:
        server.ready()
        nights = [one.parameters["deployed"] for one in flow_runs.deployed_nights()]
    return {f"{Carried.of(said).digest}.json" for said in nights}
