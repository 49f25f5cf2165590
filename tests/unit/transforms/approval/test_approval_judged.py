from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.archive_runs import (
    AT,
    FINGERPRINT,
    TARGET,
    Person,
    applied,
    approved,
    archive_in,
    begin_journal,
    sealed_run,
    settings_in,
)
from trueup.connectors.archive import add_act, supersede_earlier
from trueup.transforms.approval.judgement import (
    ApprovalRequest,
    effective_approval,
    judge_approval,
    write_what_is_left_out,
)
from trueup.transforms.errors import Misused, Refusal, Refused
from trueup.transforms.vocabulary import Act, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.archive import Archive
    from trueup.transforms.approval.judgement import Approval
    from trueup.transforms.history import PriorRun

DEACTIVATE = Refusal("limit_deactivate", "212 of 3104", 0.07, 0.05, overridable=True)
TITLE = Refusal("limit_changed:title", "41 %", 0.41, 0.4, overridable=True)
PHONE = Refusal("limit_changed:phone", "51 %", 0.51, 0.4, overridable=True)
UNREAD = Refusal("source_incomplete", "half a read")


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return archive_in(tmp_path)


def judged(archive: Archive, run: PriorRun, who: str = "ann", **wish: Any) -> Approval:
    settings = settings_in(archive.path, **wish.pop("sections", {}))
    fingerprint = wish.pop("fingerprint", FINGERPRINT)
    request = ApprovalRequest(who, **wish)
    return judge_approval(run, archive.history(TARGET), request, settings, fingerprint, at=AT)


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [one.code for one in refused.value.refusals]


def effective(archive: Archive, run: PriorRun, *, hours: float = 1, **approval: Any) -> Approval:
    settings = settings_in(archive.path, approval=approval)
    return effective_approval(run, settings, fingerprint=FINGERPRINT, at=AT + timedelta(hours=hours))


def test_a_ready_plan_is_approved_for_as_long_as_the_configuration_says(archive: Archive) -> None:
    run = sealed_run(archive)
    approval = judged(archive, run, " Ann ", sections={"approval": {"valid_hours": 0.5}})
    assert approval.who == ("Ann",)
    assert approval.expires == AT + timedelta(minutes=30)
    assert approval.details["expires"] == approval.expires.isoformat()
    assert approval.details["left_out"] == []
    assert approval.missing == approval.details["still_needed"] == 0


@pytest.mark.parametrize("who", ["", "  ", "a\nb", "a\x00", "\u202eann", "x" * 201, "auto", " AUTO "])
def test_an_approval_needs_a_name_of_a_person(archive: Archive, who: str) -> None:
    with pytest.raises(Misused):
        judged(archive, sealed_run(archive), who)


@pytest.mark.parametrize("prefix", ["f1", "F1F1F1F1", FINGERPRINT, " f1f1 "])
def test_a_fingerprint_that_fits_is_taken(archive: Archive, prefix: str) -> None:
    judged(archive, sealed_run(archive), fingerprint_prefix=prefix)


@pytest.mark.parametrize("prefix", ["f2", FINGERPRINT + "00", " "])
def test_a_fingerprint_of_another_plan_is_refused(archive: Archive, prefix: str) -> None:
    with pytest.raises(Refused) as refused:
        judged(archive, sealed_run(archive), fingerprint_prefix=prefix)
    assert codes(refused) == ["fingerprint_not_reviewed"]


@pytest.mark.parametrize("recomputed", ["", "f2" * 32])
def test_a_plan_that_has_another_fingerprint_now_is_refused(archive: Archive, recomputed: str) -> None:
    with pytest.raises(Refused) as refused:
        judged(archive, sealed_run(archive), fingerprint=recomputed)
    assert codes(refused) == ["fingerprint_mismatch"]


def test_a_plan_without_a_fingerprint_is_refused(archive: Archive) -> None:
    with pytest.raises(Refused):
        judged(archive, sealed_run(archive, fingerprint=""), fingerprint="")


def test_an_overtaken_plan_is_refused_and_the_newer_one_named(archive: Archive) -> None:
    run, newer = sealed_run(archive), sealed_run(archive, days=1)
    with pytest.raises(Refused, match=newer.run_id) as refused:
        judged(archive, run)
    assert codes(refused) == ["run_overtaken"]
    assert refused.value.exit_code == 3


def test_a_superseded_plan_is_refused_and_the_newer_one_named(archive: Archive) -> None:
    run, newer = sealed_run(archive), sealed_run(archive, days=1)
    supersede_earlier(archive, newer.manifest, at=AT)
    with pytest.raises(Refused, match=newer.run_id) as refused:
        judged(archive, archive.load(run.run_id))
    assert codes(refused)[0] == "run_superseded"


def test_a_failed_night_overtakes_nothing(archive: Archive) -> None:
    run = sealed_run(archive)
    sealed_run(archive, days=1, outcome=Outcome.FAILED)
    judged(archive, run)


def test_a_plan_for_one_person_lets_the_waiting_whole_one_wait_also_once_it_is_applied(archive: Archive) -> None:
    whole = sealed_run(archive)
    urgent = sealed_run(archive, days=1, only=("k-1",))
    assert supersede_earlier(archive, urgent.manifest, at=AT) == ()
    judged(archive, archive.load(whole.run_id))
    applied(archive, urgent)
    judged(archive, archive.load(whole.run_id))


def test_of_two_plans_for_some_people_the_older_is_void_once_the_newer_is_applied(archive: Archive) -> None:
    older = sealed_run(archive, only=("k-1",))
    newer = sealed_run(archive, days=1, only=("k-2",))
    judged(archive, older)
    applied(archive, newer)
    with pytest.raises(Refused, match=newer.run_id) as refused:
        judged(archive, archive.load(older.run_id))
    assert codes(refused) == ["run_overtaken"]


def test_a_plan_for_one_person_is_void_once_anything_was_written_after_it_was_made(archive: Archive) -> None:
    """Its links are those of before: with them, whoever was created since would be forgotten."""
    whole = sealed_run(archive)
    urgent = sealed_run(archive, days=1, only=("k-1",))
    judged(archive, urgent)
    applied(archive, approved(archive, whole), at=AT + timedelta(days=1, hours=1))
    with pytest.raises(Refused, match=f"the apply of {whole.run_id}") as refused:
        judged(archive, archive.load(urgent.run_id))
    assert codes(refused) == ["run_overtaken"]


def test_a_whole_plan_supersedes_a_waiting_one_for_some_people(archive: Archive) -> None:
    urgent = sealed_run(archive, only=("k-1",))
    whole = sealed_run(archive, days=1)
    assert supersede_earlier(archive, whole.manifest, at=AT) == (urgent.run_id,)


def test_while_another_run_is_interrupted_nothing_else_is_approved(archive: Archive) -> None:
    first = approved(archive, sealed_run(archive))
    second = sealed_run(archive, days=1)
    begin_journal(first)
    with pytest.raises(Refused, match=first.run_id) as refused:
        judged(archive, second)
    assert codes(refused) == ["other_run_interrupted"]
    judged(archive, archive.load(first.run_id))
    add_act(first, Act.REJECTED, "ann", at=AT)
    judged(archive, second)


def test_what_is_over_is_not_approved(archive: Archive) -> None:
    settled = {
        "run_rejected": sealed_run(archive),
        "run_pruned": sealed_run(archive),
        "run_applied": applied(archive, approved(archive, sealed_run(archive))),
        "nothing_to_do": sealed_run(archive, outcome=Outcome.NOTHING_TO_DO),
        "run_failed": sealed_run(archive, outcome=Outcome.FAILED),
        "run_refused": sealed_run(archive, outcome=Outcome.REFUSED),
    }
    add_act(settled["run_rejected"], Act.REJECTED, "ann", at=AT)
    add_act(settled["run_pruned"], Act.PRUNED, "ann", at=AT, details={"files": []})
    for code, run in settled.items():
        with pytest.raises(Refused) as refused:
            judged(archive, archive.load(run.run_id))
        assert codes(refused)[0] == code


def test_a_partly_applied_run_can_be_approved_again(archive: Archive) -> None:
    run = applied(archive, approved(archive, sealed_run(archive)), Act.PARTIALLY_APPLIED)
    judged(archive, run)


def test_an_expired_run_can_be_approved_again(archive: Archive) -> None:
    run = approved(archive, sealed_run(archive), expires=(AT - timedelta(hours=1)).isoformat())
    add_act(run, Act.EXPIRED, "trueup", at=AT)
    again = approved(archive, archive.load(run.run_id))
    effective(archive, again)


def test_a_limit_is_overridden_by_name_and_with_a_reason(archive: Archive) -> None:
    run = sealed_run(archive, refusals=(DEACTIVATE, TITLE))
    with pytest.raises(Refused, match="--allow changed:title") as refused:
        judged(archive, run, allow={"deactivate": "season ends"})
    assert codes(refused) == ["limit_not_allowed"]
    approval = judged(archive, run, allow={"deactivate": " season ends ", "limit_changed:title": "new titles"})
    assert approval.details["allowed"] == {"deactivate": "season ends", "changed:title": "new titles"}


def test_the_name_of_a_family_of_limits_covers_its_attributes(archive: Archive) -> None:
    run = sealed_run(archive, refusals=(PHONE, TITLE))
    approval = judged(archive, run, allow={"changed": "yes"})
    assert approval.allowed == {"changed:title": "yes", "changed:phone": "yes"}


def test_a_limit_of_an_attribute_is_overridden_by_short_words(archive: Archive) -> None:
    department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
    paths = (department, 'emails[type eq "work"].value', "title", "urn:x:Own:title", "urn:y:Own:size")
    exceeded = tuple(replace(TITLE, code=f"limit_changed:{path}") for path in paths)
    run = sealed_run(archive, refusals=exceeded)
    with pytest.raises(Refused, match="--allow changed:department --allow changed:work-e-mail") as refused:
        judged(archive, run, allow={"changed:size": "yes"})
    # Two attributes of one name are told apart by their paths.
    assert "--allow changed:title --allow changed:urn:x:Own:title " in refused.value.refusals[0].remedy
    given = ("changed:Department", "changed:work e-mail", "changed:title", "changed:urn:x:Own:title", "changed:size")
    approval = judged(archive, run, allow=dict.fromkeys(given, "yes"))
    assert set(approval.allowed) == {f"changed:{path}" for path in paths}
    with pytest.raises(Misused, match="Exceeded: .*changed:work-e-mail"):
        judged(archive, run, allow={"changed:nickname": "yes"})


def test_short_words_that_fit_two_attributes_are_asked_about(archive: Archive) -> None:
    twice = tuple(replace(TITLE, code=f"limit_changed:urn:{place}:Own:title") for place in "xy")
    with pytest.raises(Misused, match="fits several limits"):
        judged(archive, sealed_run(archive, refusals=twice), allow={"changed:title": "yes"})


@pytest.mark.parametrize("allow", [{"deactivate": ""}, {"deactivate": "  "}, {"delete": "no need"}, {"": "all"}])
def test_a_limit_without_reason_or_without_need_is_a_mistake(archive: Archive, allow: dict[str, str]) -> None:
    run = sealed_run(archive, refusals=(DEACTIVATE,))
    with pytest.raises(Misused):
        judged(archive, run, allow=allow)


def test_a_refusal_that_is_no_limit_is_never_overridden(archive: Archive) -> None:
    run = sealed_run(archive, refusals=(DEACTIVATE, UNREAD))
    with pytest.raises(Refused) as refused:
        judged(archive, run, allow={"deactivate": "yes", "source_incomplete": "yes"})
    assert codes(refused) == ["source_incomplete"]


def test_no_approval_is_no_go(archive: Archive) -> None:
    with pytest.raises(Refused) as refused:
        effective(archive, sealed_run(archive))
    assert codes(refused) == ["approval_missing"]
    with pytest.raises(Refused):
        effective(archive, sealed_run(archive, days=1), required=False)


@pytest.mark.parametrize(("hours", "holds"), [(23.99, True), (24, False), (24.01, False)])
def test_an_approval_ends_by_itself(archive: Archive, hours: float, holds: bool) -> None:
    run = approved(archive, sealed_run(archive))
    if holds:
        assert effective(archive, run, hours=hours).expires == AT + timedelta(hours=24)
        return
    with pytest.raises(Refused) as refused:
        effective(archive, run, hours=hours)
    assert codes(refused) == ["approval_expired"]


def test_a_longer_validity_given_later_does_not_wake_an_approval(archive: Archive) -> None:
    run = approved(archive, sealed_run(archive))
    with pytest.raises(Refused):
        effective(archive, run, hours=25, valid_hours=1000)


def test_an_approval_of_another_fingerprint_is_no_approval(archive: Archive) -> None:
    run = approved(archive, sealed_run(archive))
    settings = settings_in(archive.path)
    with pytest.raises(Refused) as refused:
        effective_approval(run, settings, fingerprint="00" * 32, at=AT)
    assert codes(refused) == ["approval_of_another_plan"]


def test_two_approvers_are_two_different_people(archive: Archive) -> None:
    run = approved(archive, sealed_run(archive), "Ann Lee")
    assert judged(archive, run, "bob", sections={"approval": {"approvers": 2}}).missing == 0
    assert judged(archive, run, "ANN  LEE", sections={"approval": {"approvers": 2}}).missing == 1
    run = approved(archive, run, " ann  lee")
    with pytest.raises(Refused, match="1 of 2") as refused:
        effective(archive, run, approvers=2)
    assert codes(refused) == ["approvers_missing"]
    assert '--as "ANOTHER NAME"' in refused.value.refusals[0].remedy
    run = approved(archive, run, "bob", at=AT - timedelta(hours=1))
    approval = effective(archive, run, approvers=2)
    assert set(approval.who) == {" ann  lee", "bob"}
    assert approval.expires == AT + timedelta(hours=23)
    with pytest.raises(Refused):
        effective(archive, run, approvers=2, hours=23.5)


def test_what_one_of_two_approvers_leaves_out_is_left_out_and_limits_need_both(archive: Archive) -> None:
    run = sealed_run(archive, refusals=(DEACTIVATE,))
    run = approved(archive, run, "ann", exclude=["k-1"], allowed={"deactivate": "yes"})
    only_one = approved(archive, run, "bob", only=["k-2"], allowed={})
    with pytest.raises(Refused) as refused:
        effective(archive, only_one, approvers=2)
    assert codes(refused) == ["limit_not_allowed"]
    both = approved(archive, only_one, "bob", only=["k-2"], allowed={"deactivate": "so be it"})
    approval = effective(archive, both, approvers=2)
    assert [(one.only, one.exclude) for one in approval.selections] == [((), ("k-1",)), (("k-2",), ())]


def test_the_last_word_of_a_person_counts(archive: Archive) -> None:
    run = approved(archive, sealed_run(archive), exclude=["k-1"])
    run = approved(archive, run, "ANN")
    assert [one.exclude for one in effective(archive, run).selections] == [()]


def test_rejected_and_superseded_void_what_was_approved(archive: Archive) -> None:
    for act in (Act.REJECTED, Act.SUPERSEDED):
        run = approved(archive, sealed_run(archive))
        add_act(run, act, "bob", at=AT)
        over = archive.load(run.run_id)
        for judged in (effective, approved):
            with pytest.raises(Refused) as refused:
                judged(archive, over)
            assert codes(refused) == [f"run_{act.value}"]


def test_with_its_history_an_overtaken_run_is_refused_even_without_the_act(archive: Archive) -> None:
    run = approved(archive, sealed_run(archive))
    sealed_run(archive, days=1)
    settings = settings_in(archive.path)
    with pytest.raises(Refused) as refused:
        effective_approval(run, settings, fingerprint=FINGERPRINT, at=AT, history=archive.history(TARGET))
    assert codes(refused) == ["run_overtaken"]


def test_an_interrupted_run_is_resumed_although_a_newer_plan_stands(archive: Archive) -> None:
    run = approved(archive, sealed_run(archive))
    begin_journal(run)
    sealed_run(archive, days=1)
    settings = settings_in(archive.path)
    again = archive.load(run.run_id)
    effective_approval(again, settings, fingerprint=FINGERPRINT, at=AT, history=archive.history(TARGET))


def test_selectors_are_kept_with_people_as_keys(archive: Archive) -> None:
    people = [
        Person("k-1", changes={"title": (None, "x")}, user_name="Ann@x.example"),
        Person("k-2", changes={"title": (None, "y")}, user_name="bob@x.example"),
    ]
    approval = judged(archive, sealed_run(archive, people), exclude=("ANN@X.example",))
    assert approval.details["exclude"] == ["k-1"]
    assert approval.details["left_out"] == [{"key": "k-1", "attribute": None, "because": "excluded by k-1"}]


def test_what_apply_leaves_out_is_what_was_approved(archive: Archive, tmp_path: Path) -> None:
    people = [
        Person("boss", "create", {"userName": (None, "boss@x.example")}),
        Person("k-1", changes={"title": (None, "x"), "manager": (None, "boss")}),
    ]
    run = sealed_run(archive, people)
    wish = judged(archive, run, exclude=("boss",))
    again = approved(archive, run, **wish.details)
    into = tmp_path / "left_out.parquet"
    approval = effective(archive, again)
    assert write_what_is_left_out(again, approval, settings_in(archive.path), into) == 2
    assert [(row["key"], row["attribute"]) for row in wish.details["left_out"]] == [("boss", None), ("k-1", "manager")]


def test_an_approvers_own_row_waits_for_somebody_else_who_signed_in(archive: Archive, tmp_path: Path) -> None:
    people = [Person("me", changes={"title": (None, "x")}), Person("k-1", changes={"title": (None, "y")})]
    run = sealed_run(archive, people)
    wish = judged(archive, run, own=("me",))
    assert wish.details["own"] == ["me"]
    run = approved(archive, run, **wish.details)

    def left_out() -> int:
        into = tmp_path / "left_out.parquet"
        return write_what_is_left_out(run, effective(archive, run), settings_in(archive.path), into)

    assert left_out() == 1
    identity = {"issuer": "https://id.example", "tenant": "", "subject": "bob"}
    run = approved(archive, run, "bob", **judged(archive, run, "bob").details, via="sign_in", identity=identity)
    assert left_out() == 0
