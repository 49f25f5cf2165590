"""Which nights count as history: those that reached the directory whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from trueup.transforms.history import History, PriorRun
from trueup.transforms.manifest import ActRecord, Manifest
from trueup.transforms.ordinary import ENOUGH, MOST, Night, night_of, nights_compared, unusual
from trueup.transforms.run_files import RunFiles
from trueup.transforms.vocabulary import Act, Kind, Outcome

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def run(days: int, *acts: Act, hour: int = 0, **facts: Any) -> PriorRun:
    started = AT - timedelta(days=days) + timedelta(hours=hour)
    run_id = f"{started:%Y%m%dT%H%M%SZ}-0000"
    manifest = Manifest.model_validate(
        {
            "run_id": run_id,
            "kind": Kind.RECONCILE,
            "outcome": Outcome.READY,
            "started": started,
            "sealed": started,
            **facts,
        }
    )
    said = tuple(
        ActRecord(act=act, number=n, at=started, who="ann", previous_sha256="") for n, act in enumerate(acts, 1)
    )
    return PriorRun(RunFiles(Path(run_id)), manifest, said, str(said[-1].act if said else manifest.outcome))


THIS = run(0).manifest


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(run(1), id="never decided"),
        pytest.param(run(1, Act.SUPERSEDED), id="superseded"),
        pytest.param(run(1, Act.REJECTED), id="rejected"),
        pytest.param(run(1, Act.APPROVED, Act.INTERRUPTED), id="interrupted"),
        pytest.param(run(1, Act.PARTIALLY_APPLIED), id="applied in part"),
        pytest.param(run(1, outcome=Outcome.REFUSED), id="refused"),
        pytest.param(run(1, outcome=Outcome.FAILED), id="failed"),
        pytest.param(run(1, Act.APPLIED, first_run=True), id="the first adoption"),
        pytest.param(run(1, Act.APPLIED, only=("k-1",)), id="for named people"),
        pytest.param(run(1, Act.APPLIED, kind=Kind.ROLLBACK), id="a rollback"),
        pytest.param(run(0, Act.APPLIED), id="itself"),
        pytest.param(run(0, Act.APPLIED, hour=-1, night=date(2026, 11, 23)), id="the same night"),
        pytest.param(run(-1, Act.APPLIED), id="a later one"),
    ],
)
def test_what_did_not_reach_the_directory_whole_is_not_history(one: PriorRun) -> None:
    assert nights_compared(History((one,)), THIS) == {}


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(run(1, Act.APPROVED, Act.APPLIED), id="applied"),
        pytest.param(run(1, Act.APPLIED, Act.VERIFIED, Act.PRUNED), id="verified and pruned"),
        pytest.param(run(1, outcome=Outcome.NOTHING_TO_DO), id="nothing to do"),
        pytest.param(run(1, Act.APPLIED, outcome=Outcome.REFUSED), id="allowed and applied"),
    ],
)
def test_what_was_applied_or_had_nothing_to_do_is_history(one: PriorRun) -> None:
    assert nights_compared(History((one,)), THIS) == {date(2026, 11, 22): [one]}


def test_runs_of_one_night_are_one_night_and_old_nights_are_let_go() -> None:
    runs = [run(days, Act.APPLIED, hour=hour) for days in range(1, MOST + 20) for hour in (0, 2)]
    found = nights_compared(History(tuple(runs)), THIS)
    assert len(found) == MOST
    assert list(found) == sorted(found, reverse=True)
    assert [one.run_id[9:11] for one in found[date(2026, 11, 22)]] == ["03", "01"]


def test_a_kind_or_department_that_was_not_written_down_is_not_nought() -> None:
    night = night_of(THIS)
    old = [Night(night, {"left": 0})] * ENOUGH
    this = Night(night, {"left": 9, "moved": 9}, {("left", "Finance"): 9})
    assert [(one.kind, one.is_department) for one in unusual(this, old)] == [("left", False)]
    new = [Night(night, {"left": 0, "moved": 0}, {})] * ENOUGH
    assert [(one.kind, one.department) for one in unusual(this, old + new)] == [
        ("left", None),
        ("moved", None),
        ("left", "Finance"),
    ]
