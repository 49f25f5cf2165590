from __future__ import annotations

import resource
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import AT, Person, archive_in, manifest_of, sealed_run, write_people
from trueup.connectors.archive import add_act, check_archive, check_run, seal
from trueup.transforms.errors import Failed
from trueup.transforms.vocabulary import Act, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trueup.connectors.archive import Archive
    from trueup.transforms.run_files import RunFiles


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return archive_in(tmp_path)


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Files of this process can grow to ``size`` bytes and no further: the kernel's own error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def unsealed(archive: Archive) -> RunFiles:
    files = archive.new_run(Kind.RECONCILE, AT)
    write_people(files, [Person(f"k-{number}") for number in range(20)])
    return files


@pytest.mark.parametrize("size", [0, 1, 100, 1000])
def test_a_full_disk_at_the_seal_leaves_no_run_and_a_sentence(archive: Archive, size: int) -> None:
    whole = sealed_run(archive)
    files = unsealed(archive)
    with room_for(size), pytest.raises(Failed, match=r"cannot be (sealed|taken|written)") as failed:
        seal(files, manifest_of(files))
    assert failed.value.exit_code == 1
    assert "disk space" in failed.value.remedy
    assert [run.run_id for run in archive.runs()] == [whole.run_id]
    assert not files.manifest.exists()
    mine = {f"begun-{files.run_id}.json", f"begun-{files.run_id}.stacks"}  # it is still under way
    locks = archive.path / ".locks"
    assert sorted(path.suffix for path in locks.iterdir() if path.name not in mine) == [".lock", ".lock"]
    assert seal(files, manifest_of(files)).previous_manifest_sha256
    assert not mine & {path.name for path in locks.iterdir()}
    assert check_archive(archive.path) == []


@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_full_disk_at_an_act_leaves_no_act(archive: Archive, size: int) -> None:
    run = sealed_run(archive)
    with room_for(size), pytest.raises(Failed, match="cannot be written"):
        add_act(run, Act.APPROVED, "ann", at=AT)
    again = archive.load(run.run_id)
    assert again.acts == ()
    assert check_run(again) == []
    assert add_act(run, Act.APPROVED, "ann", at=AT).number == 1


def test_a_full_disk_at_the_beginning_leaves_nothing_that_counts(archive: Archive) -> None:
    with room_for(0), pytest.raises(Failed, match="cannot be begun"):
        archive.new_run(Kind.RECONCILE, AT)
    assert archive.runs() == ()
    assert archive.new_run(Kind.RECONCILE, AT).work.is_dir()
