"""A leaver is erased from an archive in an object store that two hosts use, and looked for in every object."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.conftest import Office
from tests.end_to_end.test_a_leaver_is_erased import (
    WORDS,
    delete_profile,
    erase,
    found_in,
    night,
    the_company,
    the_way_back,
    three_nights,
)
from tests.end_to_end.test_an_archive_in_a_store import options
from tests.support.archive_runs import settings_in
from tests.support.object_stores import ENVIRONMENT, Bucket, moto_served, new_bucket
from trueup.connectors.archive.reaching import reached

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.warm_commands import Warm


@dataclass
class Host(Office):
    """An office whose archive is in a store; ``archive`` is this host's cache of it."""

    bucket: Bucket = field(kw_only=True)

    @property
    def archive(self) -> Path:
        return next((self.folder / "data" / "cache").glob("s3-*"))

    def configure(self, more: str = "", **replaced: str) -> None:
        assert not replaced
        text = self.sandbox.configuration(self.bucket.address, more=options(self.bucket) + more)
        self.config.write_text(text, encoding="utf-8")


def host(office: Office, name: str, bucket: Bucket) -> Host:
    folder = office.folder / name
    folder.mkdir()
    one = Host(folder, office.sandbox, ENVIRONMENT, office.warm, bucket=bucket)
    one.configure('[limits]\nupdate = "100%"\nchanged = "100%"\n')
    return one


def put_down(bucket: Bucket, root: Path) -> Path:
    """Every object as a file, and what claims hold in base64 beside them."""
    store = reached(settings_in(root, archive=bucket.section()))
    for name in store.every():
        path, content = root / name, store.read(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if name.startswith("claims/") and "people" in (claim := json.loads(content)):
            path.with_suffix(".parquet").write_bytes(base64.b64decode(claim["people"]))
    return root


@pytest.mark.services
def test_a_leaver_is_out_of_every_object_and_of_both_hosts_and_the_way_back_works(
    tmp_path: Path, warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setitem(os.environ, name, value)
    with the_company(tmp_path, warm) as office, moto_served() as endpoint:
        bucket = new_bucket(endpoint)
        here, there = host(office, "here", bucket), host(office, "there", bucket)
        first = three_nights(here)[0]
        assert there.trueup("verify", "--archive").code == 0, "and its cache has everything now"
        assert erase(there, "zoe@contoso.example").code == 3
        delete_profile(office, "p-zoe")
        assert night(there)["outcome"] == "nothing_to_do"
        before = found_in(put_down(bucket, tmp_path / "before"))
        assert {word for _, word in before} == {*WORDS}
        assert {name.partition("/")[0] for name, _ in before} >= {"claims", "journals"}, "looked for where it is"

        done = erase(here, "zoe@contoso.example")
        assert done.code == 0, done.err
        assert any("old versions of objects" in one for one in done.json["not_reached"])
        assert found_in(put_down(bucket, tmp_path / "after")) == []
        for one in (here, there):
            verified = one.trueup("verify", "--archive", "--json")
            assert (verified.code, verified.json["damages"]) == (0, [])
            assert found_in(one.archive) == []
            assert one.trueup("nights").code == 0
        the_way_back(there, first)
