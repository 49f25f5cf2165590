"""The archive's records: whole or absent, created once, replaced only by whoever saw what is there."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from trueup.connectors.archive.store import ABSENT, Changed, LocalStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    tmp_path.chmod(0o700)
    return LocalStore(tmp_path)


def test_a_record_is_created_once_whoever_races_for_it(store: LocalStore) -> None:
    def create(number: int) -> bool:
        try:
            store.create_if_absent("run/acts/001-approved.json", str(number).encode())
        except FileExistsError:
            return False
        return True

    (store.root / "run").mkdir(mode=0o700)
    with ThreadPoolExecutor(8) as pool:
        won = [number for number, created in enumerate(pool.map(create, range(40))) if created]
    assert len(won) == 1
    assert store.read("run/acts/001-approved.json") == str(won[0]).encode()
    assert store.list("run/acts") == ["001-approved.json"]
    assert stat.S_IMODE((store.root / "run/acts/001-approved.json").stat().st_mode) == 0o600


def test_of_many_who_saw_the_same_one_replaces_it(store: LocalStore) -> None:
    seen = store.replace_if_match("head", b"0", ABSENT)

    def replace(_: int) -> bool:
        try:
            store.replace_if_match("head", b"0", seen)
        except Changed:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(replace, range(40))) == 1
    assert store.version("head") not in {seen, ABSENT}


def test_what_was_not_there_is_not_replaced_and_what_is_there_is_not_absent(store: LocalStore) -> None:
    assert store.version("head") == ABSENT
    assert store.list("nowhere") == []
    with pytest.raises(FileNotFoundError):
        store.read("head")
    store.create_if_absent("head", b"1")
    with pytest.raises(Changed):
        store.replace_if_match("head", b"2", ABSENT)
    assert store.read("head") == b"1"


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../other", "run/../../other"])
def test_no_name_leads_out_of_the_archive(store: LocalStore, name: str) -> None:
    with pytest.raises(OSError, match="Invalid"):
        store.read(name)
