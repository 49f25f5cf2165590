"""What a command says at its end: every sum once, everybody who was not written, what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.renderings import printed, run_of
from tests.support.report_runs import key_of
from trueup.reports import terminal_summary
from trueup.reports.summaries import applied_summary, approval_summary, verified_summary

if TYPE_CHECKING:
    from pathlib import Path


def test_the_summary_of_a_plan_names_the_report(tmp_path: Path) -> None:
    run, history = run_of(tmp_path)
    text = printed(terminal_summary(run, history))
    assert "An ordinary night" in text
    assert "report.html" in text
    assert "An ordinary night" not in printed(terminal_summary(run))


def test_the_summary_of_an_approval_names_what_is_left_out(tmp_path: Path) -> None:
    run, _ = run_of(tmp_path)
    details = {
        "expires": "2026-11-24T08:00:00+00:00",
        "allowed": {"deactivate": "the plant closes"},
        "left_out": [
            {"key": key_of(1), "attribute": None, "because": "by name"},
            {"key": key_of(2), "attribute": "title", "because": "depends"},
        ],
        "not_selected": 3,
    }
    text = printed(approval_summary(run, details))
    for words in ("Maja Novak", "the plant closes", key_of(1), "everything", "depends", "3 not chosen"):
        assert words in text


def test_the_summary_of_an_apply_names_everybody_not_written(tmp_path: Path) -> None:
    run, _ = run_of(tmp_path)
    records = [
        {"key": key_of(1), "operation": "update", "result": "applied", "reason": ""},
        {"key": key_of(2), "operation": "update", "result": "skipped", "reason": "title has moved"},
    ]
    text = printed(applied_summary(run, records))
    assert key_of(1) not in text
    assert "title has moved" in text


def test_the_summary_of_an_approval_says_how_many_more_must_approve(tmp_path: Path) -> None:
    run, _ = run_of(tmp_path)
    details = {"expires": "2026-11-24T08:00:00.123456+00:00", "still_needed": 1}
    text = printed(approval_summary(run, details))
    assert "Valid until 2026-11-24 08:00 UTC." in text
    assert "1 more person must approve" in text
    assert "trueup apply" not in text


def test_the_summary_of_an_apply_says_each_sum_once(tmp_path: Path) -> None:
    run, _ = run_of(tmp_path)
    records = [{"key": key_of(n), "operation": "update", "result": "applied", "reason": ""} for n in (1, 2)]
    assert "· 2 people applied\n" in printed(applied_summary(run, records))


def test_the_summary_of_an_apply_with_many_left_says_so(tmp_path: Path) -> None:
    run, _ = run_of(tmp_path)
    records = [{"key": str(n), "operation": "update", "result": "failed", "reason": "500"} for n in range(250)]
    assert "and 50 more" in printed(applied_summary(run, records))


def test_the_summary_of_a_verify_names_each_difference(tmp_path: Path) -> None:
    run, _ = run_of(tmp_path)
    record = {"key": key_of(1), "attribute": "title", "expected": "a", "found": None, "class": "not_kept"}
    assert "not_kept" in printed(verified_summary(run, {"converged": False, "residual": 1, "records": [record]}))
    assert "holds everything" in printed(verified_summary(run, {"converged": True, "residual": 0, "records": []}))
