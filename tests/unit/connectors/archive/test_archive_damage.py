from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import AT, TARGET, applied, approved, archive_in, begin_journal, sealed_run
from trueup.connectors.archive import add_act, add_act_with, check_archive, check_run, readable, refuse_damaged
from trueup.transforms.errors import Refused
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.archive import Archive
    from trueup.transforms.history import PriorRun


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return archive_in(tmp_path)


@pytest.fixture
def run(archive: Archive) -> PriorRun:
    """A run with everything a run can have."""
    sealed_run(archive, days=-1)
    whole = applied(archive, approved(archive, sealed_run(archive)))
    verified = whole.files.path / "verified-001.parquet"
    verified.write_bytes(whole.files.outcome.read_bytes())
    add_act(whole, Act.VERIFIED, "trueup", at=AT, files=[verified])
    sealed_run(archive, days=1)
    return archive.load(whole.run_id)


def everything(run: PriorRun) -> list[Path]:
    return sorted(path for path in run.files.path.rglob("*") if path.is_file())


def named(run: PriorRun) -> set[tuple[str, str]]:
    return {(damage.file, damage.kind) for damage in check_run(run)}


def test_a_whole_archive_has_no_damage(archive: Archive, run: PriorRun) -> None:
    assert check_run(run) == []
    assert check_archive(archive.path) == []
    refuse_damaged(run)


def test_one_flipped_byte_anywhere_in_any_file_is_named(archive: Archive, run: PriorRun) -> None:
    for path in everything(run):
        content = path.read_bytes()
        name = path.relative_to(run.files.path).as_posix()
        for place in {0, len(content) // 3, len(content) // 2, len(content) - 1}:
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            assert any(damage.file == name for damage in check_run(run)), (name, place)
            assert any(damage.run_id == run.run_id for damage in check_archive(archive.path))
            with pytest.raises(Refused):
                refuse_damaged(run)
        path.write_bytes(content)
    assert check_archive(archive.path) == []


def test_every_single_byte_of_an_act_and_a_manifest_counts(run: PriorRun) -> None:
    for path in (run.files.manifest, run.files.acts / "001-approved.json"):
        content = path.read_bytes()
        for place in range(0, len(content), 7):
            path.write_bytes(content[:place] + bytes([content[place] ^ 0x20]) + content[place + 1 :])
            assert check_run(run), (path.name, place)
        path.write_bytes(content)


def test_a_blank_more_in_an_act_is_a_change(run: PriorRun) -> None:
    path = run.files.acts / "001-approved.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
    assert named(run) == {("acts/001-approved.json", "changed")}


def test_every_missing_file_is_named(run: PriorRun) -> None:
    for path in everything(run):
        name = path.relative_to(run.files.path).as_posix()
        content = path.read_bytes()
        path.unlink()
        found = check_run(run)
        if path.name == "003-verified.json":  # then what it added belongs to nobody
            assert {damage.file for damage in found} == {"verified-001.parquet"}
        elif path.parent == run.files.acts:
            assert found[0].kind == "missing"
        else:
            assert name in {damage.file for damage in found}
        path.write_bytes(content)


@pytest.mark.parametrize(
    "name", ["stray.txt", ".hidden", "acts/readme", "acts/9-x.json", "folder", "acts/001-copy.txt"]
)
def test_an_unknown_file_is_named(run: PriorRun, name: str) -> None:
    path = run.files.path / name
    path.mkdir() if name == "folder" else path.write_text("", encoding="utf-8")
    assert named(run) == {(name, "unknown")}


@pytest.mark.parametrize("name", ["outcome.part", "target_after.part", "target_after.spool", "verified-001.part"])
def test_what_a_killed_apply_or_verify_left_half_written_is_no_damage(archive: Archive, name: str) -> None:
    run = sealed_run(archive)
    begin_journal(run)
    (run.files.path / name).write_bytes(b"half")
    assert named(run) == set()
    (run.files.path / "verified-002.part").write_bytes(b"not of the next verify")
    assert named(run) == {("verified-002.part", "unknown")}


def killed_in(run: PriorRun, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """A verify that dies at this point."""

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    draft = a_draft(run)
    monkeypatch.setattr(where, killed)
    with pytest.raises(KeyboardInterrupt):
        add_act_with(run, Act.VERIFIED, "trueup", draft, at=AT, details={})
    monkeypatch.undo()


def a_draft(run: PriorRun) -> Path:
    draft = run.files.path.parent / ".locks" / "verified.parquet"
    draft.write_bytes(run.files.outcome.read_bytes())
    return draft


def test_a_verify_killed_before_its_file_had_its_name_is_no_damage_and_the_next_gives_the_name(
    archive: Archive, run: PriorRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_in(run, monkeypatch, "pathlib.Path.rename")
    left = run.files.path / "verified-002.part"
    assert left.exists()
    assert check_archive(archive.path) == []
    again = archive.load(run.run_id)
    record = add_act_with(again, Act.VERIFIED, "trueup", a_draft(run), at=AT, details={})
    assert [*record.files] == ["verified-003.parquet"]
    assert record.files["verified-003.parquet"].rows == again.acts[1].files["outcome.parquet"].rows
    assert not left.exists()
    assert (run.files.path / "verified-002.parquet").exists()
    assert check_archive(archive.path) == []


def test_a_file_that_got_no_name_is_damage_once_it_is_changed(run: PriorRun, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_in(run, monkeypatch, "pathlib.Path.rename")
    (run.files.path / "verified-002.part").write_bytes(b"something else")
    assert named(run) == {("verified-002.parquet", "missing"), ("verified-002.part", "unknown")}


def test_a_verify_killed_before_its_act_is_done_again_under_the_same_number(
    archive: Archive, run: PriorRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_in(run, monkeypatch, "trueup.connectors.archive.store.write_new")
    assert (run.files.path / "verified-002.part").exists()
    assert named(run) == set()
    add_act_with(run, Act.VERIFIED, "trueup", a_draft(run), at=AT, details={})
    assert sorted(path.name for path in run.files.path.glob("verified-*")) == [
        "verified-001.parquet",
        "verified-002.parquet",
    ]
    assert check_archive(archive.path) == []


def test_a_file_behind_a_link_is_damage_even_with_the_same_content(run: PriorRun, tmp_path: Path) -> None:
    elsewhere = tmp_path / "copy"
    run.files.decisions.rename(elsewhere)
    run.files.decisions.symlink_to(elsewhere)
    assert ("decisions.parquet", "changed") in named(run)


def test_a_journal_that_was_cut_or_rewritten_is_damage_and_one_that_grew_is_not(run: PriorRun) -> None:
    content = run.files.journal.read_bytes()
    run.files.journal.write_bytes(content + b"{}\n")
    assert check_run(run) == []
    for other in (content[:-1], b"x" + content[1:]):
        run.files.journal.write_bytes(other)
        assert named(run) == {("journal.jsonl", "changed")}


def test_an_act_put_in_between_breaks_the_chain(run: PriorRun) -> None:
    acts = run.files.acts
    (acts / "003-verified.json").rename(acts / "004-verified.json")
    (acts / "003-rejected.json").write_bytes((acts / "001-approved.json").read_bytes())
    kinds = {damage.file: damage.kind for damage in check_run(run)}
    assert kinds["acts/003-rejected.json"] == "changed"
    assert kinds["acts/004-verified.json"] == "changed"


def test_an_act_of_another_run_does_not_fit(archive: Archive, run: PriorRun) -> None:
    other = approved(archive, sealed_run(archive, days=2))
    target = run.files.acts / "001-approved.json"
    target.write_bytes((other.files.acts / "001-approved.json").read_bytes())
    assert ("acts/001-approved.json", "chain") in named(run)


def test_a_manifest_of_another_run_does_not_fit(archive: Archive, run: PriorRun) -> None:
    other = archive.runs()[0]
    run.files.manifest.write_bytes(other.files.manifest.read_bytes())
    assert named(run) == {("manifest.json", "changed")}


def test_a_removed_run_breaks_the_chain_of_manifests(archive: Archive, run: PriorRun) -> None:
    run.files.path.rename(archive.path.parent / "moved-away")
    found = check_archive(archive.path)
    assert [(damage.run_id, damage.kind) for damage in found] == [(archive.runs()[0].run_id, "chain")]


def test_a_doubled_run_breaks_the_chain_of_manifests(archive: Archive, run: PriorRun) -> None:
    from trueup.connectors.archive.records import rendered, signed

    copy = archive.path / "20261123T010000Z-ffff"
    copy.mkdir()
    document = json.loads(run.files.manifest.read_bytes())
    document.update(run_id=copy.name, files={})
    (copy / "manifest.json").write_bytes(rendered(signed(document)))
    kinds = {damage.kind for damage in check_archive(archive.path)}
    assert kinds == {"chain"}


def test_plans_do_not_rest_on_a_damaged_archive(archive: Archive, run: PriorRun) -> None:
    (run.files.acts / "001-approved.json").write_bytes(b"{}")
    for ask in (archive.runs, lambda: archive.history(TARGET), lambda: archive.load(run.run_id)):
        with pytest.raises(Refused, match=run.run_id) as refused:
            ask()
        assert refused.value.refusals[0].code == "run_damaged"


def test_a_damaged_run_does_not_hide_the_others(archive: Archive, run: PriorRun) -> None:
    run.files.manifest.write_bytes(b"\xff{")
    good, damaged = readable(archive.path)
    assert len(good) == 2
    assert [run_id for run_id, _ in damaged] == [run.run_id]


def test_an_act_is_not_added_to_a_damaged_run(run: PriorRun) -> None:
    (run.files.acts / "002-applied.json").write_bytes(b"[]")
    with pytest.raises(Refused):
        add_act(run, Act.REJECTED, "ann", at=AT)
    assert len(list(run.files.acts.iterdir())) == 3


def test_a_record_of_another_form_is_damage_and_no_traceback(archive: Archive, run: PriorRun) -> None:
    from trueup.connectors.archive.records import rendered, signed

    document = json.loads(run.files.manifest.read_bytes())
    run.files.manifest.write_bytes(rendered(signed({**document, "from_the_future": 1})))
    with pytest.raises(Refused, match="from_the_future"):
        archive.load(run.run_id)


@pytest.mark.parametrize("content", [b"NaN", b'{"a": NaN}', b"[]", b"\x00", b'{"a": 1, "a": 2}', b'{"sha256": null}'])
def test_what_is_no_record_is_damage(run: PriorRun, content: bytes) -> None:
    run.files.manifest.write_bytes(content)
    assert named(run) == {("manifest.json", "changed")}
