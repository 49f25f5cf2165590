"""Which earlier run tells what the source said: the newest complete read, or the newest whose plan was applied."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from trueup.transforms.history import History, PriorRun
from trueup.transforms.manifest import ActRecord, FileRecord, Manifest
from trueup.transforms.planning.earlier_runs import last_reconcile
from trueup.transforms.run_files import RunFiles
from trueup.transforms.vocabulary import Act, Kind, Outcome

AT = datetime(2026, 11, 23, tzinfo=UTC)


def run(name: str, *acts: Act, kind: Kind = Kind.RECONCILE, has_source: bool = True) -> PriorRun:
    files = {"source.parquet": FileRecord(sha256="0" * 64, bytes=1)} if has_source else {}
    manifest = Manifest(run_id=name, kind=kind, outcome=Outcome.READY, started=AT, sealed=AT, files=files)
    done = tuple(ActRecord(act=act, number=n, at=AT, who="x", previous_sha256="0") for n, act in enumerate(acts))
    return PriorRun(RunFiles(Path(name)), manifest, done, "ready")


def test_the_newest_complete_read_counts_applied_or_not() -> None:
    applied = run("1", Act.APPLIED)
    waiting = run("2")
    runs = (run("5", kind=Kind.ROLLBACK), run("4", has_source=False), run("3", Act.PRUNED), waiting, applied)
    history = History(runs)
    assert history.latest_read is waiting
    assert history.baseline is applied
    assert History().latest_read is None


def test_what_the_source_said_last_is_told_by_an_applied_plan_and_never_by_a_rollback() -> None:
    """A rollback has the source of the plan applied before it was made, which may be older than the last applied."""
    applied = run("2", Act.APPLIED)
    undone = run("3", Act.APPLIED, kind=Kind.ROLLBACK)
    assert last_reconcile(History((run("4"), undone, applied, run("1", Act.APPLIED)))) is applied
    assert last_reconcile(History((undone,))) is None
