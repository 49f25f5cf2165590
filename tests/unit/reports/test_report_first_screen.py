"""The first screen in sentences: is it ordinary, who leaves, joins and moves, what is new, what became of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.archive_runs import OUTCOME
from tests.support.report_cases import CASES, ordinary
from tests.support.report_runs import AT, Case, Someone, history_of, key_of, limit, someone, write_run
from trueup.reports.html import render_html
from trueup.reports.past_nights import past_nights
from trueup.reports.stories import in_text
from trueup.reports.view import build_view
from trueup.transforms.errors import Refusal
from trueup.transforms.history import History, PriorRun
from trueup.transforms.manifest import ActRecord, FileRecord
from trueup.transforms.summary import write_apply_summary
from trueup.transforms.vocabulary import Act, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trueup.reports.model import ReportView


def leaver(number: int) -> Someone:
    gone = ("active", True, False, "source_changed")
    return someone(number, "deactivate", gone, reason_code="disabled", reason="Disabled.")


def lines(view: ReportView) -> dict[str, str]:
    return {lead: text for lead, _, text in in_text(view.stories, view.news, view.waiting)}


def act(kind: Act, *, who: str = "Maja Novak", reason: str = "", **details: object) -> ActRecord:
    return ActRecord(
        act=kind, number=1, at=AT + timedelta(hours=7), who=who, previous_sha256="", reason=reason, details=details
    )


def test_an_ordinary_night_says_what_it_was_measured_against(view_of: Callable[[str], ReportView]) -> None:
    view = view_of("ordinary")
    assert (view.tone, view.verdict) == ("calm", "An ordinary night: 10 people change.")
    assert view.detail == "Of 61 users and 57 profiles; measured against 12 applied nights."


def test_a_plan_nobody_ever_applied_makes_no_history(tmp_path: Path) -> None:
    files, manifest = write_run(tmp_path, ordinary())
    applied = history_of(tmp_path)
    waiting = History(
        tuple(PriorRun(one.files, one.manifest, (act(Act.SUPERSEDED),), "superseded") for one in applied.runs)
    )
    view = build_view(files, manifest, waiting, at=AT)
    assert (view.tone, view.verdict) == ("neutral", "10 people change.")
    assert (
        "No history yet: what is ordinary shows after 5 nights that were applied; no earlier night did" in view.detail
    )
    some = History((*applied.runs[:4], *waiting.runs[4:]))
    assert "only 4 earlier nights reached the directory" in build_view(files, manifest, some, at=AT).detail


def test_what_stands_out_in_a_department_is_said(tmp_path: Path) -> None:
    finance = [n for n in range(1, 40) if n % 4 == 2][:3]
    files, manifest = write_run(tmp_path, Case(tuple(leaver(n) for n in finance)))
    view = build_view(files, manifest, history_of(tmp_path), at=AT)
    assert view.tone == "attention"
    assert view.detail.startswith("3 people leave Finance; never more than 1 before.")


def test_many_moves_are_not_told_twice(view_of: Callable[[str], ReportView]) -> None:
    detail = view_of("reorganisation").detail
    assert detail.startswith("35 people move to another department; never anybody in 12 nights before.")
    assert "change in some detail" not in detail


def test_who_leaves_joins_and_moves_is_told_by_name(view_of: Callable[[str], ReportView]) -> None:
    told = lines(view_of("ordinary"))
    assert told["Leaving"] == "Kofi Lovelace from Finance"
    assert told["Joining"] == "Björn Lovelace and Chloé Lovelace to Finance"
    assert (
        told["Moving"] == "Eun-ji Lovelace Sales → Marketing, under Fatima O’Neill; Fatima Lovelace Sales → Marketing"
    )
    assert told["Otherwise changed"].startswith("Dmitri Lovelace new title; ")
    assert told["Held, 2 new"] == "Chloé Quispe, Dmitri Quispe, Ada Quispe and Björn Quispe"
    assert told["New since last night"] == "All of this: the plan before this one reached the directory."


def test_of_many_each_place_names_a_few_and_everybody_is_counted(view_of: Callable[[str], ReportView]) -> None:
    view = view_of("leaver_wave")
    leaving = next(one for one in view.stories if one.story == "left")
    assert leaving.people == 17
    assert sum(len(place.persons) + place.more for place in leaving.places) + leaving.more == 17
    assert all(place.persons for place in leaving.places)
    assert "Goran Ångström, Hanne Ångström" in view.irreversible[0] or "Goran Ångström and" in view.irreversible[0]


def test_what_last_night_already_proposed_is_not_new(tmp_path: Path) -> None:
    people = ordinary().people
    before = Case((*people[:3], someone(9, "deactivate", ("active", True, False, "source_changed"))))
    earlier = write_run(tmp_path, before, run_id="20261122T010000Z-0001", started=AT - timedelta(days=1))
    run = PriorRun(*earlier, (act(Act.SUPERSEDED),), "superseded")
    files, manifest = write_run(tmp_path, Case((*people[:4], *people[12:])))
    view = build_view(files, manifest, History((run,)), at=AT)
    assert view.news is not None
    assert [one.name for one in view.news.persons] == ["Eun-ji Lovelace"]
    assert view.news.sentence == (
        "1 person the plan before this one (22 November, which was never applied) did not have; "
        "3 were proposed then and never written, 1 is not needed any more."
    )
    assert view.people.filter(view.people["is_new"])["name"].to_pylist() == ["Eun-ji Lovelace"]


def test_a_refused_night_begins_with_the_source_and_ends_with_the_override(
    view_of: Callable[[str], ReportView],
) -> None:
    view = view_of("refused")
    assert view.detail.startswith("32 people leave; usually nobody, never more than 1 before.")
    page = render_html(view)
    order = ["32 people leave", "Leaving", "The plan deactivates 32 of 400", "If it is right all the same", "--allow"]
    assert sorted(order, key=page.index) == order


def test_a_refusal_that_was_allowed_and_applied_asks_for_nothing(tmp_path: Path) -> None:
    files, manifest = write_run(tmp_path, CASES["refused"]())
    view = build_view(files, manifest, History(), at=AT, acts=(act(Act.APPLIED, applied=32),), state="applied")
    assert view.commands == ()
    assert view.ask == "This run is applied all the same; it holds 32 deactivations."


def test_a_failed_night_shows_its_error_and_nothing_empty(tmp_path: Path) -> None:
    case = Case((), outcome=Outcome.FAILED, manifest={"error": "The target could not be reached."})
    page = render_html(build_view(*write_run(tmp_path, case), History(), at=AT))
    assert "The target could not be reached." in page
    assert 'id="people" tabindex="-1" aria-labelledby="h-people" hidden' in page
    assert '<details class="fold"' not in page
    assert 'class="skip"' not in page


def test_a_read_that_is_not_whole_leads_with_what_is_wrong(tmp_path: Path) -> None:
    refusal = Refusal("source_incomplete", "The read stopped half way.", remedy="Plan again.")
    view = build_view(*write_run(tmp_path, Case((), outcome=Outcome.REFUSED, refusals=(refusal,))), History(), at=AT)
    assert (view.verdict, view.detail) == ("Refused: this run cannot be approved.", "")
    assert "The read stopped half way." in render_html(view)


def test_the_sealed_page_says_so_and_a_later_one_what_became_of_it(tmp_path: Path) -> None:
    files, manifest = write_run(tmp_path, ordinary())
    sealed = build_view(files, manifest, History(), at=AT)
    assert "as of its making" in render_html(sealed)
    assert sealed.became == ()
    acts = (
        act(Act.APPROVED),
        act(Act.PARTIALLY_APPLIED, who="trueup", applied=9, skipped=1, failed=0, left_out=0),
        act(Act.PRUNED, who="trueup"),
    )
    later = build_view(files, manifest, History(), at=AT, acts=acts, state="partially_applied")
    assert later.became[:2] == (
        "Approved by Maja Novak, 23 November 2026, 08:00 UTC.",
        "Partly applied 23 November 2026, 08:00 UTC: 9 written, 1 skipped.",
    )
    page = render_html(later)
    assert "as of its making" not in page
    assert "Partly applied 23 November" in page
    over = build_view(files, manifest, History(), at=AT, acts=(act(Act.SUPERSEDED, by="R-2"),), state="superseded")
    assert over.became == ("Superseded 23 November 2026, 08:00 UTC by the newer plan R-2: look at that one instead.",)
    assert build_view(files, manifest, History(), at=AT, state="ready").became == ("Nobody has decided on it yet.",)
    said = act(Act.REJECTED, reason="not decided yet")
    assert build_view(files, manifest, History(), at=AT, acts=(said,), state="rejected").became == (
        "Rejected by Maja Novak, 23 November 2026, 08:00 UTC: not decided yet.",
    )


@pytest.mark.parametrize("name", CASES)
def test_every_department_and_team_adds_up(name: str, view_of: Callable[[str], ReportView]) -> None:
    view = view_of(name)
    lens = view.organisation
    assert lens is not None
    for one in lens.departments:
        assert one.after == one.before + one.joined - one.gone + one.moved_in - one.moved_out
        assert min(one.before, one.after) >= 0
    assert sum(one.moved_in for one in lens.departments) == sum(one.moved_out for one in lens.departments)
    for team in lens.teams:
        assert team.after == team.before + len(team.coming) + team.more_coming - len(team.going) - team.more_going


def test_a_manager_is_shown_with_who_comes_and_who_goes(view_of: Callable[[str], ReportView]) -> None:
    lens = view_of("ordinary").organisation
    assert lens is not None
    team = next(one for one in lens.teams if one.manager.key == key_of(41))
    assert [one.name for one in team.coming] == ["Eun-ji Lovelace"]
    assert [(way.before, way.after, way.people) for way in lens.ways] == [("Sales", "Marketing", 2)]
    assert [line.points[0][0].isoformat() for line in lens.headcount][:1] == ["2026-11-11"]
    assert len(lens.headcount[0].points) == 13


def test_what_was_left_out_when_it_was_applied_is_no_history_of_changes(tmp_path: Path) -> None:
    finance = [n for n in range(1, 40) if n % 4 == 2][:3]
    started = AT - timedelta(days=1)
    files, manifest = write_run(
        tmp_path, Case(tuple(leaver(n) for n in finance)), run_id="20261122T010000Z-0001", started=started
    )
    rows = [
        {
            "key": key_of(n),
            "profile_id": "p",
            "operation": "deactivate",
            "result": "applied" if n == finance[0] else "left_out",
            "reason": "",
            "written": [{"attribute": "active", "value": "false"}] if n == finance[0] else [],
            "found": [],
        }
        for n in finance
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=OUTCOME), files.outcome)
    write_apply_summary(files, files.path / "summary-001.parquet")
    summary = act(Act.APPLIED).model_copy(update={"files": {"summary-001.parquet": FileRecord(sha256="", bytes=1)}})
    run = PriorRun(files, manifest, (summary,), "applied")
    this = write_run(tmp_path, ordinary())
    past = past_nights(*this, History((run,)))
    assert past.nights[0].counts.kinds["left"] == 1
    assert dict(past.nights[0].counts.departments or {}) == {("left", "Finance"): 1}
    bare = PriorRun(files, manifest, (act(Act.APPLIED),), "applied")
    assert past_nights(*this, History((bare,))).nights[0].counts.kinds["left"] == 3
    files.summary.unlink()
    old = past_nights(*this, History((run,))).nights[0].counts
    assert (old.kinds["left"], "moved" in old.kinds, old.departments) == (3, False, None)


def test_a_limit_beyond_half_is_named_on_the_fold(tmp_path: Path) -> None:
    case = Case((leaver(1),), limits=(limit("deactivate", 1, 100, 0.05),))
    page = render_html(build_view(*write_run(tmp_path, case), History(), at=AT))
    assert "deactivate uses the most: 1 of 100 (1 %) of 5 %" in page
