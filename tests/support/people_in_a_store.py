"""Archives in an object store with people in them, erased from, and every object looked into."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from tests.support.archive_runs import AT, TARGET, Person, applied, approved, sealed_run
from tests.unit.connectors.archive.test_erasing import WORDS
from trueup.connectors.archive import apply_lock, erasing, reading
from trueup.connectors.archive.places import place_of
from trueup.connectors.archive.remote import RemotePlace
from trueup.connectors.archive.staging import bring_all
from trueup.transforms.erasure.person import find
from trueup.transforms.private import write_text

if TYPE_CHECKING:
    from trueup.connectors.archive import Archive
    from trueup.connectors.archive.erasing import Erased
    from trueup.connectors.archive.object_store import ObjectStore
    from trueup.transforms.history import PriorRun
    from trueup.transforms.run_files import RunFiles


def erase(archive: Archive, *called: str) -> Erased:
    """As the command does, with the targets held."""
    with apply_lock(archive.path, TARGET, "erase"):
        bring_all(archive.path)
        person = find(tuple(reading.sealed(archive.path)), called, erasing.new_number())
        return erasing.erase(archive, person, reason="request", who="Chris", at=AT, render=rendered)


def rendered(files: RunFiles, *_: object) -> None:
    write_text(files.report_md, "# a report")
    write_text(files.report_html, "a report")


def every_object(store: ObjectStore) -> dict[str, str]:
    """What each object says, Parquet unpacked, and what it holds in base64 too."""
    found = {}
    for name in store.every():
        content = store.read(name)
        text = _unpacked(content)
        if name.startswith("claims/"):
            text += _unpacked(base64.b64decode(json.loads(content).get("people", "")))
        found[name] = text
    return found


def _unpacked(content: bytes) -> str:
    if content[:4] == b"PAR1":
        return content.decode(errors="replace") + str(pq.read_table(io.BytesIO(content)).to_pylist())
    return content.decode(errors="replace")


def named_in(store: ObjectStore, words: tuple[str, ...] = WORDS) -> list[str]:
    return [name for name, text in every_object(store).items() if any(word in text for word in words)]


ANN = ("k-ann", "ann@contoso.example", "Chief ann", "Ann asked for it")


def with_people(archive: Archive, *, days: float = 0) -> PriorRun:
    """An applied run of today's format: Ann stands in data, in the side file of an act, in claims and announcements."""
    people = [
        Person(f"k-{name}", changes={"title": ("Clerk", f"Chief {name}")}, user_name=f"{name}@contoso.example")
        for name in ("ann", "bob")
    ]
    run = sealed_run(archive, people, days=days)
    run = approved(archive, run, "Chris", exclude=["k-ann"], notes={"k-ann": "Ann asked for it", "k-bob": "not yet"})
    with apply_lock(archive.path, TARGET, f"apply {run.run_id}"):
        announce = place_of(archive.path).announcing(run.files)
        assert announce is not None
        for key in ("k-ann", "k-bob"):
            line = json.dumps({"n": 1, "event": "intent", "key": key}).encode() + b"\n"
            announce(line)
            with run.files.journal.open("ab") as journal:
                journal.write(line)
        return applied(archive, run)


def place_in(archive: Archive) -> RemotePlace:
    place = place_of(archive.path)
    assert isinstance(place, RemotePlace)
    return place
