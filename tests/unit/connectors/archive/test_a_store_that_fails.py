"""A store that answers late, wrongly or not at all: nothing is doubled or lost, and a sentence says what it is."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import AT, TARGET, approved, sealed_run, settings_in
from tests.support.object_stores import IN_EVERY_STORE, Bucket, Faults, faulty
from trueup.connectors.archive import add_act, apply_lock, check_archive, object_store, open_archive, reaching
from trueup.connectors.archive.places import place_of
from trueup.connectors.archive.reaching import reached, refuse_without_conditions
from trueup.connectors.archive.store import ABSENT, Changed
from trueup.transforms.errors import Failed, Misused, Refused
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.object_stores import Judge
    from trueup.connectors.archive import Archive

WORDS = ("429", "500", "503", "409", "lost", "cut", "reset")


@pytest.fixture
def faults(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    monkeypatch.setattr(object_store, "_PAUSES", (0.0, 0.0, 0.0, 0.0))
    with faulty(bucket.endpoint) as found:
        yield found


def through(faults: Faults, bucket: Bucket, folder: Path) -> Archive:
    folder.mkdir(exist_ok=True)
    return open_archive(settings_in(folder, archive=bucket.through(faults.endpoint).section(lease_seconds=5)))


def every_other_write(words: tuple[str, ...]) -> Judge:
    """Each write fails in the next of these ways the first time it is sent, and is let through the second time."""
    turn = itertools.cycle(words)
    failed: set[str] = set()

    def judge(method: str, path: str) -> str:
        if method != "PUT":
            return ""
        if path in failed:
            failed.discard(path)
            return ""
        failed.add(path)
        return next(turn)

    return judge


@IN_EVERY_STORE
def test_a_write_without_an_answer_is_looked_up_and_takes_place_once(
    faults: Faults, bucket: Bucket, tmp_path: Path
) -> None:
    store = reached(settings_in(tmp_path, archive=bucket.through(faults.endpoint).section()))
    for word in WORDS:
        faults.judge = every_other_write((word,))
        store.create_if_absent(f"new-{word}", b"mine")
        assert store.read(f"new-{word}") == b"mine"
        first = store.replace_if_match(f"head-{word}", b"1", ABSENT)
        second = store.replace_if_match(f"head-{word}", b"2", first)
        assert (store.read(f"head-{word}"), store.version(f"head-{word}")) == (b"2", second)
        with pytest.raises(Changed):
            store.replace_if_match(f"head-{word}", b"3", first)
        with pytest.raises(FileExistsError):
            store.create_if_absent(f"new-{word}", b"yours")


def test_a_refusal_after_a_lost_answer_is_not_taken_for_somebody_else(
    faults: Faults, bucket: Bucket, tmp_path: Path
) -> None:
    store = reached(settings_in(tmp_path, archive=bucket.through(faults.endpoint).section()))
    words = itertools.chain(("cut",), itertools.repeat("412"))
    faults.judge = lambda method, _: next(words) if method == "PUT" else ""
    store.create_if_absent("segment", b"mine and nobody's")
    words = itertools.chain(("lost",), itertools.repeat("412"))
    store.replace_if_match("head", b"mine and nobody's", ABSENT)


@IN_EVERY_STORE
def test_a_night_on_a_store_that_fails_at_every_turn_is_whole(faults: Faults, bucket: Bucket, tmp_path: Path) -> None:
    archive = through(faults, bucket, tmp_path / "a")
    faults.judge = every_other_write(WORDS)
    first = approved(archive, sealed_run(archive))
    with apply_lock(archive.path, TARGET, f"apply {first.run_id}"):
        announce = place_of(archive.path).announcing(first.files)
        assert announce is not None
        for number in range(6):
            announce(b'{"n": %d}\n' % number)
        add_act(first, Act.INTERRUPTED, "trueup", at=AT)
    sealed_run(archive, days=1)
    faults.judge = lambda _method, _path: ""
    there = open_archive(settings_in(_made(tmp_path / "b"), archive=bucket.section()))
    assert check_archive(there.path) == []
    seen = there.load(first.run_id)
    assert [act.act for act in seen.acts] == ["approved", "interrupted"]
    assert seen.files.journal.read_bytes() == b"".join(b'{"n": %d}\n' % number for number in range(6))
    numbers = sorted(place_of(there.path).shared.list(f"journals/{place_of(there.path).shared.list('journals')[0]}"))
    assert len(numbers) == 7, "a claim and six announcements, each once"


def test_a_store_that_is_away_is_said_so_and_nothing_is_sealed(faults: Faults, bucket: Bucket, tmp_path: Path) -> None:
    archive = through(faults, bucket, tmp_path / "a")
    faults.judge = lambda method, _: "503" if method == "PUT" else ""
    with pytest.raises(Failed, match="does not answer: whether .* was written is not known"):
        sealed_run(archive)
    faults.judge = lambda _method, _path: ""
    assert through(faults, bucket, tmp_path / "b").runs() == ()


@pytest.mark.parametrize(
    ("judge", "what"),
    [
        (lambda method, _: "403" if method == "GET" else "", "cannot be listed: the store refuses these credentials"),
        (lambda method, _: "403" if method == "PUT" else "", "cannot be written to: the store refuses"),
        (lambda _method, _path: "401", "cannot be listed: the store refuses"),
    ],
)
def test_a_right_that_is_missing_is_named(
    judge: Judge, what: str, faults: Faults, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaching, "_READ_RETRIES", {"max_retries": 0})
    faults.judge = judge
    with pytest.raises(Failed, match=what):
        through(faults, bucket, tmp_path / "a")


@IN_EVERY_STORE
def test_a_bucket_that_is_not_there_is_named(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(Failed, match="there is no such bucket"):
        open_archive(settings_in(tmp_path, archive=replace(bucket, name="another").section()))


@IN_EVERY_STORE
def test_a_store_that_lets_two_writers_through_is_refused(faults: Faults, bucket: Bucket, tmp_path: Path) -> None:
    store = reached(settings_in(tmp_path, archive=bucket.through(faults.endpoint).section()))
    faults.drops_conditions = True
    with pytest.raises(Refused, match="cannot hold an archive"):
        refuse_without_conditions(store)


def test_options_that_do_not_fit_are_misuse_and_tell_no_secret(bucket: Bucket, tmp_path: Path) -> None:
    section = bucket.section()
    section["options"]["secret_access_key"] = "the-value-itself"
    with pytest.raises(ValueError, match="a secret is a reference") as raised:
        settings_in(tmp_path, archive=section)
    assert "the-value-itself" not in str(raised.value)
    section["options"] |= {"secret_access_key": "env:NOT_SET"}
    with pytest.raises(Misused, match="NOT_SET is not set"):
        open_archive(settings_in(tmp_path, archive=section))
    for path, options, why in (
        ("ftp://x/y", {}, "an archive is a folder"),
        ("s3://x/../y", {}, "no dots"),
        ("s3://x/y", {"endpoint": "http://store.example"}, "plain http"),
        ("s3://x/y", {"colour": "red"}, "no option 'colour'"),
    ):
        with pytest.raises(ValueError, match=why):
            settings_in(tmp_path, archive={"path": path, "options": options})


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder
