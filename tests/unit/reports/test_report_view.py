"""The view: complete, counted, in words."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from tests.support.report_cases import CASES, ordinary, reorganisation
from tests.support.report_runs import (
    AT,
    DEPARTMENT,
    MANAGER,
    RUN_ID,
    Case,
    history_of,
    key_of,
    limit,
    someone,
    write_run,
)
from trueup.reports import people
from trueup.reports.html import render_html
from trueup.reports.markdown import render_markdown
from trueup.reports.terminal import plain_text
from trueup.reports.view import build_view
from trueup.transforms.errors import Refusal
from trueup.transforms.history import History, PriorRun
from trueup.transforms.manifest import LimitUse
from trueup.transforms.vocabulary import Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trueup.reports.model import ReportView


@pytest.mark.parametrize("name", CASES)
def test_everybody_and_every_change_is_in_the_view(
    name: str, view_of: Callable[[str], ReportView], case_folder: Callable[[str], Path]
) -> None:
    view = view_of(name)
    folder = case_folder(name) / RUN_ID
    decided = pq.read_table(folder / "decisions.parquet").to_pylist()
    changed = pq.read_table(folder / "changes.parquet").to_pylist()
    columns = ("key", "decision", "reason", "user_name", "profile_id")
    assert sorted(map(str, view.people.select(columns).to_pylist())) == sorted(
        str({column: row[column] for column in columns}) for row in decided
    )
    columns = ("key", "attribute", "before", "after", "cause")
    assert sorted(map(str, view.changes.select(columns).to_pylist())) == sorted(map(str, changed))
    assert view.people["person"].to_pylist() == list(range(len(decided)))
    assert sum(line.total for line in view.attributes) == len(changed)
    assert sum(line.changes for line in view.causes) == len(changed)


def test_a_refusal_that_may_be_overridden_names_the_command(view_of: Callable[[str], ReportView]) -> None:
    view = view_of("refused")
    assert view.tone == "stop"
    assert view.commands[0] == f'trueup approve {RUN_ID} --as NAME --allow deactivate --reason "…"'


def test_a_refusal_that_may_not_be_overridden_offers_no_approval(tmp_path: Path) -> None:
    refusal = Refusal("source_incomplete", "The read stopped half way.", remedy="Plan again.")
    case = Case((), outcome=Outcome.REFUSED, refusals=(refusal,))
    files, manifest = write_run(tmp_path, case)
    view = build_view(files, manifest, History(), at=AT)
    assert view.commands == ("trueup plan",)
    assert "approve" not in view.ask


def test_a_failed_run_without_any_file_still_has_a_report(tmp_path: Path) -> None:
    case = Case((), outcome=Outcome.FAILED, manifest={"error": "The target could not be reached."})
    files, manifest = write_run(tmp_path, case)
    for path in files.path.iterdir():
        path.unlink()
    view = build_view(files, manifest, History(), at=AT)
    assert (view.tone, view.detail) == ("stop", "The target could not be reached.")
    assert view.people.num_rows == 0
    assert "attribute change" not in plain_text(view)


def test_nothing_to_do_asks_nothing(view_of: Callable[[str], ReportView]) -> None:
    assert view_of("empty").ask == "Nothing is asked of you."


def test_a_trial_with_nothing_to_do_does_not_speak_for_everybody(tmp_path: Path) -> None:
    case = Case((), outcome=Outcome.NOTHING_TO_DO, manifest={"only": [key_of(1)]})
    view = build_view(*write_run(tmp_path, case), History(), at=AT)
    assert (view.verdict, view.detail) == ("Nothing to do for the 1 person named.", "Nobody else is touched.")


def test_a_way_back_with_nothing_to_do_does_not_speak_of_the_source(tmp_path: Path) -> None:
    case = Case((), outcome=Outcome.NOTHING_TO_DO, manifest={"kind": Kind.ROLLBACK})
    assert build_view(*write_run(tmp_path, case), History(), at=AT).verdict == "Nothing to take back."


def test_a_trial_with_one_person_says_so(tmp_path: Path) -> None:
    case = Case((someone(1, "update", ("title", "a", "b", "source_changed")),), manifest={"only": [key_of(1)]})
    files, manifest = write_run(tmp_path, case)
    assert build_view(files, manifest, History(), at=AT).verdict == "A trial with 1 person: 1 person changes."


def test_deletes_are_said_first_and_cannot_come_back(view_of: Callable[[str], ReportView]) -> None:
    view = view_of("leaver_wave")
    assert view.verdict.startswith("2 profiles would be deleted")
    assert any("under a new id" in sentence for sentence in view.irreversible)
    assert view.people["decision"].to_pylist()[:2] == ["delete", "delete"]


def test_a_rollback_names_its_run_and_what_stays_lost(view_of: Callable[[str], ReportView]) -> None:
    view = view_of("rollback")
    assert "20261122T010000Z-0b1c" in view.verdict
    assert "One invitation that was sent cannot be unsent." in view.irreversible
    assert [line.words for line in view.events] == ["taken back", "new title"]


def test_moves_are_told_with_where_from_and_where_to(view_of: Callable[[str], ReportView]) -> None:
    lines = {line.words: line.people for line in view_of("reorganisation").events}
    assert lines["moved from Sales to Customer Success"] == 30
    assert lines["moved to another department or unit"] == 35
    assert lines["new manager"] == 24


def test_a_reorganisation_is_one_line(view_of: Callable[[str], ReportView]) -> None:
    first = view_of("reorganisation").groups[0]
    assert (first.attribute, first.before, first.after, first.people) == (DEPARTMENT, "Sales", "Customer Success", 30)


def test_a_manager_is_shown_by_name(view_of: Callable[[str], ReportView]) -> None:
    changes = view_of("ordinary").changes.to_pylist()
    shown = {row["after_shown"] for row in changes if row["attribute"] == MANAGER}
    assert shown == {"Eun-ji O’Neill (user0040@contoso.example)", "Fatima O’Neill (user0041@contoso.example)"}


def test_an_external_id_is_never_taken_for_a_person(tmp_path: Path) -> None:
    case = Case((someone(1, "update", ("externalId", None, key_of(1), "first_adoption")),))
    files, manifest = write_run(tmp_path, case)
    view = build_view(files, manifest, History(), at=AT)
    assert view.changes["after_shown"].to_pylist() == [key_of(1)]


def test_absent_empty_false_and_structured_values_differ(tmp_path: Path) -> None:
    case = Case(
        (
            someone(
                1, "update", *((f"a{n}", None, value, "x") for n, value in enumerate(("", False, {"a": [1]}, "null")))
            ),
        )
    )
    files, manifest = write_run(tmp_path, case)
    view = build_view(files, manifest, History(), at=AT)
    assert view.changes["before_text"].to_pylist() == [None] * 4
    assert view.changes["after_text"].to_pylist() == ["", "false", '{"a": [1]}', "null"]


def test_holds_have_an_age_from_an_unbroken_row_of_runs(view_of: Callable[[str], ReportView]) -> None:
    ages = {line.check: line.oldest for line in view_of("ordinary").holds}
    assert ages == {"last_name_present": "for 5 days", "mail_unique": "new"}


def test_a_hold_that_was_interrupted_counts_from_its_return(tmp_path: Path) -> None:
    files, manifest = write_run(tmp_path, Case((someone(1, "hold"),)))
    runs = []
    for day, decision in ((1, "hold"), (2, "unchanged"), (3, "hold")):
        started = AT - timedelta(days=day)
        run_id = f"{started:%Y%m%dT%H%M%SZ}-0000"
        earlier, past = write_run(tmp_path, Case((someone(1, decision),)), run_id=run_id, started=started)
        runs.append(PriorRun(earlier, past, (), "applied"))
    view = build_view(files, manifest, History(tuple(runs)), at=AT)
    assert view.holds[0].oldest == "since yesterday"


def test_partial_plans_and_later_runs_do_not_count_for_ages(tmp_path: Path) -> None:
    files, manifest = write_run(tmp_path, Case((someone(1, "hold"),)))
    runs = []
    for days, only in ((1, [key_of(2)]), (-1, [])):
        started = AT - timedelta(days=days)
        run_id = f"{started:%Y%m%dT%H%M%SZ}-0000"
        case = Case((someone(1, "hold"),), manifest={"only": only})
        earlier, past = write_run(tmp_path, case, run_id=run_id, started=started)
        runs.append(PriorRun(earlier, past, (), "ready"))
    view = build_view(files, manifest, History(tuple(runs)), at=AT)
    assert view.holds[0].oldest == "new"
    assert len(view.trend) == 1


def test_what_was_left_out_last_time_is_named_with_who_did_it(view_of: Callable[[str], ReportView]) -> None:
    view = view_of("ordinary")
    assert [(left.who, left.people) for left in view.left_out] == [("Maja Novak", 1)]
    row = view.people.to_pylist()[[*view.people["key"].to_pylist()].index(key_of(3))]
    assert row["left_out_by"] == "Maja Novak"


def test_what_was_left_out_of_one_person_names_the_attribute(tmp_path: Path) -> None:
    files, manifest = write_run(tmp_path, ordinary())
    history = history_of(tmp_path, days=1)
    run = history.runs[0]
    row = {"key": key_of(3), "attribute": "title", "because": "left out"}
    act = run.acts[0].model_copy(update={"details": {"left_out": [row]}})
    again = History((PriorRun(run.files, run.manifest, (act,), "approved"),))
    view = build_view(files, manifest, again, at=AT)
    assert [left.who for left in view.left_out] == ["Maja Novak (title)"]


def test_the_trend_ends_with_this_run(view_of: Callable[[str], ReportView]) -> None:
    trend = view_of("ordinary").trend
    assert len(trend) == 13
    assert [point.is_this for point in trend] == [False] * 12 + [True]
    assert trend[-1].writes == 10


@pytest.mark.parametrize(
    ("used", "tripped", "filled"), [(20, False, 1.0), (21, True, 1.0), (10, False, 0.5), (0, False, 0.0)]
)
def test_a_limit_shows_its_use_at_under_and_over(tmp_path: Path, used: int, tripped: bool, filled: float) -> None:
    files, manifest = write_run(tmp_path, Case((), limits=(limit("deactivate", used, 400, 0.05),)))
    line = build_view(files, manifest, History(), at=AT).limits[0]
    assert (line.tripped, line.filled) == (tripped, filled)


def test_a_limit_of_none_is_full_as_soon_as_it_is_used(tmp_path: Path) -> None:
    use = LimitUse(name="delete", used=1, base=0, share=0, limit=0, is_share=False, tripped=True)
    files, manifest = write_run(tmp_path, Case((), limits=(use,)))
    line = build_view(files, manifest, History(), at=AT).limits[0]
    assert (line.use, line.limit, line.filled) == ("1", "at most 0", 1.0)


def test_a_limit_on_one_attribute_is_called_by_its_name(tmp_path: Path) -> None:
    files, manifest = write_run(tmp_path, Case((), limits=(limit(f"emptied:{DEPARTMENT}", 1, 400, 0.05),)))
    assert build_view(files, manifest, History(), at=AT).limits[0].label == "emptied department"


def test_people_too_many_to_list_are_counted_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_QUIET_ROOM", 10)
    files, manifest = write_run(tmp_path, ordinary())
    view = build_view(files, manifest, History(), at=AT)
    assert view.unlisted == {"unchanged": 42}
    assert view.people.num_rows == len(ordinary().people) - 42
    assert {line.decision for line in view.totals if line.people} >= {"unchanged", "update"}
    everybody = build_view(files, manifest, History(), at=AT, complete=True)
    assert (everybody.unlisted, everybody.people.num_rows) == ({}, len(ordinary().people))


def test_a_page_that_is_full_lists_the_most_important_and_counts_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, manifest = write_run(tmp_path, reorganisation())
    whole = build_view(files, manifest, History(), at=AT)
    monkeypatch.setattr(people, "_ROOM", 20)
    view = build_view(files, manifest, History(), at=AT)
    assert view.people.num_rows + sum(view.unlisted.values()) == len(reorganisation().people)
    assert view.people["decision"].to_pylist()[:5] == ["conflict", "hold", "hold", "hold", "hold"]
    assert view.people.num_rows + view.changes.num_rows <= 20
    assert view.unlisted["update"] > 0
    assert (view.events, view.groups, view.attributes) == (whole.events, whole.groups, whole.attributes)
    page = render_html(view)
    assert "Not listed here one by one: " in page
    assert f"{view.unlisted['update']} update" in page


def test_a_trial_with_somebody_unchanged_shows_that_person_and_not_everybody_left_alone(tmp_path: Path) -> None:
    people = (someone(1, "unchanged"), *(someone(place, "hold", reason_code="not_selected") for place in range(2, 9)))
    case = Case(people, outcome=Outcome.NOTHING_TO_DO, manifest={"only": [key_of(1)]})
    view = build_view(*write_run(tmp_path, case), History(), at=AT)
    assert view.holds == ()
    assert [(total.decision, total.people) for total in view.totals if total.people] == [("unchanged", 1)]
    assert "7 others would be written by a plan for everybody; this one leaves them." in view.notes
    shown = plain_text(view)
    assert view.people["name"].to_pylist()[0] in shown
    assert "7 held" not in shown
    page = render_markdown(view)
    assert f"## Unchanged\n\n- **{view.people['name'].to_pylist()[0]}**" in page
    assert "Held" not in page
