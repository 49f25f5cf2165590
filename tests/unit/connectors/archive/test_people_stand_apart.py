from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.archive_runs import AT, Person, applied, approved, archive_in, sealed_run
from trueup.connectors.archive import add_act, check_archive, check_run, people
from trueup.transforms.errors import Refusal, Refused
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.archive import Archive
    from trueup.transforms.history import PriorRun

ANN = "ann@contoso.example"
LEFT_OUT = [{"key": "k-ann", "attribute": "title", "because": "left out by Ann herself"}]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return archive_in(tmp_path)


def about_ann(archive: Archive, **facts: Any) -> PriorRun:
    everybody = (Person("k-ann", changes={"title": ("Clerk", "Chief")}, user_name=ANN, profile_id="p-1"),)
    return sealed_run(archive, everybody, **facts)


def with_an_approval(archive: Archive) -> PriorRun:
    run = about_ann(archive, only=("k-ann",), notes=(f"{ANN} is new, k-ann is kept: 3 of 12.",))
    notes = [{"key": "k-ann", "note": f"asked {ANN}"}]
    return approved(archive, run, "Chris", left_out=LEFT_OUT, exclude=["k-ann/title"], notes=notes, via="shell")


def records(run: PriorRun) -> str:
    paths = [run.files.manifest, *sorted(run.files.acts.glob("*.json"))]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def test_manifest_and_acts_name_nobody_and_whoever_reads_the_run_finds_all_of_it(archive: Archive) -> None:
    run = with_an_approval(archive)
    add_act(run, Act.RELEASED, "Chris", at=AT, reason=f"asked by {ANN}", details={"keys": ["k-ann"], "all": False})
    said = records(run)
    assert "k-ann" not in said
    assert ANN not in said
    assert json.loads(run.files.manifest.read_text())["notes"] == ["(a key) is new, (a key) is kept: 3 of 12."]
    read = archive.load(run.run_id)
    assert read.manifest.only == ("k-ann",)
    assert read.is_for_some
    assert read.manifest.notes == (f"{ANN} is new, k-ann is kept: 3 of 12.",)
    approval, release = read.acts
    assert (approval.who, approval.via, approval.details["left_out"]) == ("Chris", "shell", LEFT_OUT)
    assert approval.details["exclude"] == ["k-ann/title"]
    assert (release.reason, release.details["keys"]) == (f"asked by {ANN}", ["k-ann"])
    assert check_archive(archive.path) == []


def test_what_nobody_has_to_be_named_for_makes_no_side_file(archive: Archive) -> None:
    tripped = Refusal("limit_update", "the plan updates 3 of 12 profiles (25 %)", overridable=True)
    run = approved(archive, about_ann(archive, refusals=(tripped,)), "Chris")
    assert not list(run.files.path.rglob("*people*"))
    assert archive.load(run.run_id).manifest.refusals == (tripped,)


@pytest.mark.parametrize("name", ["people.parquet", "acts/001.people.parquet"])
def test_a_side_file_that_was_changed_or_is_missing_is_damage_and_the_run_is_not_read(
    archive: Archive, name: str
) -> None:
    run = with_an_approval(archive)
    path = run.files.path / name
    good = path.read_bytes()
    path.write_bytes(good.replace(b"k-ann", b"k-bob"))
    assert [(damage.file, damage.kind) for damage in check_run(run)] == [(name, "changed")]
    with pytest.raises(Refused, match="damaged"):
        archive.load(run.run_id)
    path.unlink()
    assert [(damage.file, damage.kind) for damage in check_run(run)] == [(name, "missing")]
    with pytest.raises(Refused, match="missing"):
        archive.load(run.run_id)


def test_an_act_and_its_side_file_survive_a_crash_between_any_two_steps(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the act: nothing was approved. Killed after it: the side file is found, and named by the next."""
    run = about_ann(archive)
    lay_aside = people.lay_aside

    def killed(*said: Any) -> Any:
        lay_aside(*said)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(people, "lay_aside", killed)
        with pytest.raises(KeyboardInterrupt):
            approved(archive, run, "Chris", left_out=LEFT_OUT)
    assert archive.load(run.run_id).acts == ()
    assert check_run(run) == []

    class Killed(type(run.files.path)):  # type: ignore[misc]  # the concrete class of paths is the platform's
        def rename(self, _: Any) -> Any:
            raise KeyboardInterrupt

    def dies_late(*said: Any) -> Any:
        name, part, record = lay_aside(*said)
        return name, Killed(part), record

    with monkeypatch.context() as patched:
        patched.setattr(people, "lay_aside", dies_late)
        with pytest.raises(KeyboardInterrupt):
            approved(archive, run, "Chris", left_out=LEFT_OUT)
    assert archive.load(run.run_id).acts[0].details["left_out"] == LEFT_OUT
    assert check_run(run) == []
    assert not (run.files.acts / "001.people.parquet").exists()
    applied(archive, run)
    assert (run.files.acts / "001.people.parquet").exists()
    assert archive.load(run.run_id).acts[0].details["left_out"] == LEFT_OUT
    assert check_run(run) == []
