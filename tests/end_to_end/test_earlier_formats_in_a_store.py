"""Archives that earlier versions sealed, moved to an object store: one of their runs is taken back from there."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.end_to_end.test_an_archive_in_a_store import at_host
from tests.end_to_end.test_decisions_over_nights import company, person, profile
from tests.support.object_stores import moto_served, new_bucket
from tests.unit.connectors.archive.test_erasing import FORMATS, KEPT
from trueup.connectors.archive.records import rendered, signed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.warm_commands import Warm


def _write(path: Path, **changed: Any) -> dict[str, Any]:
    document = {**json.loads(path.read_bytes()), **changed}
    document = signed({name: value for name, value in document.items() if name != "sha256"})
    path.write_bytes(rendered(document))
    return document


def sealed_for(name: str, url: str, folder: Path) -> list[str]:
    """A kept archive as it would be had its target been at ``url``; ids of its runs, oldest first."""
    shutil.copytree(KEPT / name, folder)
    runs = sorted(path.name for path in folder.iterdir())
    before: str | None = None
    for run in runs:
        manifest = folder / run / "manifest.json"
        _write(manifest, target=url, previous_manifest_sha256=before)
        before = previous = hashlib.sha256(manifest.read_bytes()).hexdigest()
        for act in sorted((folder / run).glob("acts/*.json")):
            previous = _write(act, previous_sha256=previous)["sha256"]
    return runs


@pytest.mark.services
def test_a_run_of_every_earlier_format_that_lies_in_a_store_is_taken_back(tmp_path: Path, warm: Warm) -> None:
    people = [person(name) for name in ("ann", "bob", "cleo")]
    profiles = [profile("ann", title="Title 2"), profile("bob", title="Clerk"), profile("cleo", title="Clerk")]
    with company(tmp_path, warm, people, profiles) as office, moto_served() as endpoint:
        for name in FORMATS:
            office.sandbox.directory.edit("p-ann", title="Title 2")
            before = office.everything()
            there = at_host(office, name, bucket := new_bucket(endpoint))
            runs = sealed_for(name, office.sandbox.scim_url, tmp_path / f"kept-{name}")
            copied = there.trueup("archive", "copy", str(tmp_path / f"kept-{name}"), bucket.address, "--move", "--json")
            assert copied.code == 0, copied.err
            back = there.trueup("rollback", runs[1], "--json")
            assert back.code == 0, back.err
            assert (back.json["counts"]["update"], back.json["changes"]) == (1, 1)
            there.accept(back.json)
            assert there.apply(back.json)["applied"] == 1
            before["p-ann"]["title"] = "Title 1"
            assert office.everything() == before
            verified = there.trueup("verify", "--archive", "--json")
            assert verified.json == {"whole": True, "runs": 4, "damages": []}
            archive = next((there.folder / "data" / "cache").glob("s3-*"))
            changes = pq.read_table(archive / back.json["run_id"] / "changes.parquet").to_pylist()
            assert [(row["key"], row["cause"]) for row in changes] == [("k-ann", "rollback")]
