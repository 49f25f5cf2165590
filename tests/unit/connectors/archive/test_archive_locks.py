from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import TARGET, archive_in, settings_in
from trueup.connectors.archive import apply_holder, apply_lock, open_archive
from trueup.connectors.archive.locks import lock_names, night_at_work, night_lock, sealing_lock
from trueup.transforms.errors import Failed, Refused
from trueup.transforms.targets import same_target

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://x.example/scim/v2", "https://x.example/scim/v2"),
        (" HTTPS://X.example:443/scim/v2/ ", "https://x.example/scim/v2"),
        ("http://user:word@x.example:80", "http://x.example"),
        ("http://x.example:8080/a//", "http://x.example:8080/a"),
        ("http://[::1]:8080/Scim", "http://[::1]:8080/Scim"),
        ("https://x.example/scim?tenant=1#part", "https://x.example/scim?tenant=1"),
        ("", ""),
    ],
)
def test_a_target_is_the_same_however_it_is_spelt(url: str, same: str) -> None:
    assert same_target(url) == same


def test_paths_of_targets_differ_by_case() -> None:
    assert same_target("https://x.example/A") != same_target("https://x.example/a")


def test_an_apply_waits_for_a_seal_to_end(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    begun, order = threading.Event(), []

    def apply() -> None:
        begun.set()
        with apply_lock(archive.path, TARGET, "apply"):
            order.append("apply")

    with sealing_lock(archive.path, TARGET):
        holder = apply_holder(archive.path, TARGET)
        assert holder is not None
        assert holder.kind == "seal"
        worker = threading.Thread(target=apply)
        worker.start()
        begun.wait()
        worker.join(0.7)
        order.append("seal")
    worker.join()
    assert order == ["seal", "apply"]


def test_a_seal_that_is_just_leaving_does_not_turn_an_apply_away(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    begun, done = threading.Event(), []

    def apply() -> None:
        begun.set()
        with apply_lock(archive.path, TARGET, "apply"):
            done.append("apply")

    with sealing_lock(archive.path, TARGET):
        worker = threading.Thread(target=apply)
        worker.start()
        begun.wait()
        worker.join(0.8)
        (file,) = (archive.path / ".locks").glob("apply-*.lock")
        file.write_bytes(b"")
        worker.join(0.2)
    worker.join()
    assert done == ["apply"]


def test_a_lock_left_by_a_dead_process_says_nothing(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    with apply_lock(archive.path, TARGET, "apply"):
        (file,) = (archive.path / ".locks").glob("apply-*.lock")
        content = file.read_bytes()
    for left in (content, b"", b"{", b'{"pid": 1}', b"[]"):
        file.write_bytes(left)
        assert apply_holder(archive.path, TARGET) is None
        with apply_lock(archive.path, TARGET, "the next") as holder:
            assert apply_holder(archive.path, TARGET) == holder


def test_whoever_holds_a_lock_and_does_not_say_who_is_said_to_be_unknown(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    with apply_lock(archive.path, TARGET, "apply"):
        (file,) = (archive.path / ".locks").glob("apply-*.lock")
        file.write_bytes(b"")
        holder = apply_holder(archive.path, TARGET)
        assert holder is not None
        assert "not said its name" in str(holder)
        with pytest.raises(Refused, match="not said its name"), apply_lock(archive.path, TARGET, "second"):
            pass


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    with apply_lock(archive.path, TARGET, "apply"):
        pass
    (file,) = (archive.path / ".locks").glob("apply-*.lock")
    precious = tmp_path / "precious"
    precious.write_text("keep me", encoding="utf-8")
    file.unlink()
    file.symlink_to(precious)
    with pytest.raises(Failed), apply_lock(archive.path, TARGET, "apply"):
        pass
    assert precious.read_text(encoding="utf-8") == "keep me"


def test_a_place_that_may_not_be_written_is_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="cannot be written") as failed:
        open_archive(settings_in(tmp_path, archive={"path": "/sys/trueup-archive"}))
    assert "right to write" in failed.value.remedy


def test_a_night_is_alone_on_its_target_and_seen_at_work_while_it_is(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    other = "https://y.example/scim/v2"
    assert not night_at_work(archive.path, TARGET)
    with night_lock(archive.path, TARGET) as first:
        assert first
        assert night_at_work(archive.path, f" {TARGET}/ ")
        assert not night_at_work(archive.path, other)
        with night_lock(archive.path, TARGET) as second, night_lock(archive.path, other) as elsewhere:
            assert (second, elsewhere) == (False, True)
    assert not night_at_work(archive.path, TARGET)


def test_whoever_only_looks_turns_no_night_away(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            night_at_work(archive.path, TARGET)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for _ in range(30):
            with night_lock(archive.path, TARGET) as is_alone:
                assert is_alone
    finally:
        stop.set()
        watcher.join()


def test_a_lock_has_one_name_per_file_however_the_target_is_spelt(tmp_path: Path) -> None:
    archive, other = archive_in(tmp_path), archive_in(tmp_path / "other")
    names = lock_names(archive.path, TARGET)
    assert lock_names(archive.path, f" {TARGET}/ ") == names
    assert names.keys() == {"night", "apply"}
    told_apart = [
        *names.values(),
        *lock_names(archive.path, f"{TARGET}/b").values(),
        *lock_names(other.path, TARGET).values(),
    ]
    assert len(set(told_apart)) == 6
    assert "example" not in "".join(told_apart)
