from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import AT, FINGERPRINT, TARGET, Person, approved, archive_in, sealed_run, settings_in
from trueup.connectors.archive import supersede_earlier
from trueup.transforms.approval.judgement import ApprovalRequest, effective_approval, judge_approval
from trueup.transforms.approval.staleness import Movement, what_moved
from trueup.transforms.errors import Refused
from trueup.transforms.vocabulary import Kind, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.archive import Archive


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return archive_in(tmp_path)


def person(key: str, name: str, holds: str | None = None) -> Person:
    return Person(key, "update", {"userName": (None, name)}, holds=holds, mail="m@x")


BEFORE = [person("a", "a1", "x"), person("b", "b1", "y"), person("c", "c1", "z")]


def test_two_equal_plans_did_not_move(archive: Archive) -> None:
    first, second = sealed_run(archive, BEFORE), sealed_run(archive, BEFORE, days=1)
    assert what_moved(first, second) == ()


def test_each_side_says_which_attributes_moved_of_whom(archive: Archive) -> None:
    after = [person("a", "A1", "x"), person("b", "b1", None), person("d", "d1", "w")]
    first, second = sealed_run(archive, BEFORE), sealed_run(archive, after, days=1)
    assert what_moved(first, second) == (
        Movement("source", 3, {"userName": 1}, 1, 1, ("a", "c", "d")),
        Movement("target", 3, {"userName": 1}, 1, 1, ("b", "c", "d")),
    )


def test_only_some_people_are_named_in_a_sentence_and_all_are_counted(archive: Archive) -> None:
    many = [person(f"k-{number}", "x") for number in range(9)]
    moved = [person(one.key, "y") for one in many]
    (source, _) = what_moved(sealed_run(archive, many), sealed_run(archive, [*moved, person("z", "z")], days=1))
    assert str(source) == "in the source 10 people moved: userName 9, 1 new (k-0, k-1, k-2, k-3, k-4 …)"


def test_a_way_back_is_not_held_against_the_source_nor_said_to_have_lost_people(archive: Archive) -> None:
    """What it wants is what was, not what the mapping makes of the source, and it speaks of fewer people."""
    first = sealed_run(archive, BEFORE)
    back = sealed_run(archive, [person("a", "x", "x"), person("b", "y", "Y")], days=1, kind=Kind.ROLLBACK)
    assert what_moved(first, back) == (Movement("target", 1, {"userName": 1}, 0, 0, ("b",)),)
    assert [one.side for one in what_moved(back, first)] == ["target"]
    supersede_earlier(archive, back.manifest, at=AT)
    with pytest.raises(Refused, match=f"{back.run_id} is a rollback; in the target 1 person moved: userName 1 .b."):
        judge_approval(
            archive.load(first.run_id),
            archive.history(TARGET),
            ApprovalRequest("ann"),
            settings_in(archive.path),
            FINGERPRINT,
            at=AT,
        )


def test_a_side_that_is_gone_is_not_compared(archive: Archive) -> None:
    first, second = sealed_run(archive, BEFORE), sealed_run(archive, BEFORE[:1], days=1)
    first.files.desired.unlink()
    assert [one.side for one in what_moved(first, second)] == ["target"]


def test_a_refusal_of_an_overtaken_plan_says_what_moved_and_since_when(archive: Archive) -> None:
    first = approved(archive, sealed_run(archive, BEFORE))
    after = [person("a", "A1", "x"), *BEFORE[1:]]
    configuration = {"limits": 1, "scope": 2}
    second = sealed_run(archive, after, days=1, configuration_digest="other", configuration=configuration)
    supersede_earlier(archive, second.manifest, at=AT)
    again, history = archive.load(first.run_id), archive.history(TARGET)
    settings = settings_in(archive.path)
    with pytest.raises(Refused) as approving:
        judge_approval(again, history, ApprovalRequest("ann"), settings, FINGERPRINT, at=AT)
    with pytest.raises(Refused) as applying:
        effective_approval(again, settings, fingerprint=FINGERPRINT, at=AT, history=history)
    for refused in (approving, applying):
        assert "Since 2026-11-23T01:00+00:00: in the source 1 person moved: userName 1 (a)" in refused.value.message
        assert "the configuration changed: limits, scope" in refused.value.message
        assert "A1" not in refused.value.message


def test_a_refusal_never_fails_for_want_of_its_explanation(archive: Archive) -> None:
    first, second = sealed_run(archive), sealed_run(archive, days=1)
    second.files.actual.write_bytes(b"torn")
    with pytest.raises(Refused, match=f"newer plan {second.run_id} of the same target[.]\n"):
        judge_approval(
            first, archive.history(TARGET), ApprovalRequest("ann"), settings_in(archive.path), FINGERPRINT, at=AT
        )


def test_a_plan_overtaken_by_an_equal_one_says_that_nothing_moved(archive: Archive) -> None:
    first = sealed_run(archive, BEFORE)
    sealed_run(archive, BEFORE, days=1)
    sealed_run(archive, (), days=2, outcome=Outcome.FAILED)
    history = archive.history(TARGET)
    with pytest.raises(Refused, match="neither side moved"):
        judge_approval(first, history, ApprovalRequest("ann"), settings_in(archive.path), FINGERPRINT, at=AT)
