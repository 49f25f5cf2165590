"""The journal: synced before it is relied on, readable after any crash."""

from __future__ import annotations

import asyncio
import resource
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from trueup.connectors.archive.journal import TORN, Journal, read_journal
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


async def _append(path: Path, count: int) -> int:
    async with Journal(path) as journal:
        await asyncio.gather(*(journal.write({"event": "note", "what": f"{n}"}) for n in range(count)))
        journal.record({"event": "note", "what": "last"})
        return journal.syncs


def append(path: Path, count: int) -> int:
    return asyncio.run(_append(path, count))


def test_everybody_who_waits_at_once_shares_a_sync(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    assert append(path, 200) < 20
    records = list(read_journal(path))
    assert [record["n"] for record in records] == list(range(1, 202))
    assert records[-1]["what"] == "last"


def test_the_journal_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    append(tmp_path / "journal.jsonl", 1)
    assert (tmp_path / "journal.jsonl").stat().st_mode & 0o777 == 0o600


def test_in_an_archive_shared_with_a_group_the_group_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o750)
    append(folder / "journal.jsonl", 1)
    assert (folder / "journal.jsonl").stat().st_mode & 0o777 == 0o640


@rules(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(1, 400))
def test_a_line_cut_short_anywhere_is_passed_over_and_said(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "journal.jsonl"
    path.unlink(missing_ok=True)
    append(path, 3)
    whole = path.read_bytes()
    path.write_bytes(whole[: max(1, len(whole) - cut)])
    kept = [record["n"] for record in read_journal(path)]
    append(path, 2)
    records = list(read_journal(path))
    assert [record["n"] for record in records][: len(kept)] == kept
    torn = not whole[: max(1, len(whole) - cut)].endswith(b"\n")
    assert [record["what"] for record in records].count(TORN) == int(torn)
    assert path.read_bytes().startswith(whole[: max(1, len(whole) - cut)])


def test_a_torn_line_that_was_ended_but_not_explained_is_explained_next_time(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    append(path, 1)
    path.write_bytes(path.read_bytes() + b'{"n": 3, "ev\n')
    append(path, 1)
    assert TORN in [record["what"] for record in read_journal(path)]


def test_a_damaged_line_in_the_middle_is_never_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    append(path, 5)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"rubbish\n", *lines[3:]]))
    with pytest.raises(Failed, match="damaged in line 3"):
        list(read_journal(path))
    path.write_bytes(b"".join([*lines[:2], b"rubbish\n", b"more\n"]))
    with pytest.raises(Failed, match="damaged in line 3"):
        append(path, 1)


@pytest.fixture
def _small_disk() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("_small_disk")
def test_a_full_disk_stops_everything_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"

    written = 0

    async def fill() -> None:
        nonlocal written
        async with Journal(path) as journal:
            while True:
                try:
                    await journal.write({"event": "note", "what": "x" * 100})
                except Failed:
                    break
                written += 1
            with pytest.raises(Failed):
                journal.record({"event": "note"})

    with pytest.raises(Failed, match="The journal cannot be written"):
        asyncio.run(fill())
    assert 0 < written < 20
    assert len(list(read_journal(path))) >= written


@pytest.mark.usefixtures("_small_disk")
@pytest.mark.parametrize("is_under_way", [True, False])
def test_a_last_record_that_nobody_waits_for_and_that_is_not_kept_is_said_all_the_same(
    tmp_path: Path, is_under_way: bool
) -> None:
    async def fill() -> None:
        async with Journal(tmp_path / "journal.jsonl") as journal:
            journal.record({"event": "note", "what": "x" * 3000})
            if is_under_way:
                await asyncio.sleep(0.2)
                with suppress(Failed):
                    journal.record({"event": "note"})

    with pytest.raises(Failed, match="The journal cannot be written"):
        asyncio.run(fill())


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((Failed, OSError)):
        append(tmp_path / "file" / "journal.jsonl", 1)
