"""One apply from the first request to the files it leaves."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.connectors.archive.journal import Journal
from trueup.connectors.archive.places import place_of
from trueup.connectors.outcome import RESTORE, outcome_rows, write_outcome, write_target_after
from trueup.connectors.scim.discovery import attributes_of
from trueup.connectors.scim.responses import sentence
from trueup.connectors.scim.shape import Shape
from trueup.connectors.scim_writer.apply_context import ApplyContext
from trueup.connectors.scim_writer.engine import Breaker, Engine
from trueup.connectors.scim_writer.lookup import Lookup
from trueup.connectors.scim_writer.rate_limit import Pace
from trueup.connectors.scim_writer.result import ApplyResult
from trueup.connectors.scim_writer.resume import ResumeState, read_past
from trueup.connectors.scim_writer.sender import Sender
from trueup.connectors.scim_writer.target_profile import TargetBehaviour
from trueup.transforms.duck.database import connect
from trueup.transforms.duck.parquet import read_table, rows_of, schema_of
from trueup.transforms.errors import Failed
from trueup.transforms.progress import silent
from trueup.transforms.values.labels import label
from trueup.transforms.values.typeless import Typeless, shared_lists
from trueup.transforms.vocabulary import Result
from trueup.transforms.work import plan_work

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

    from trueup.transforms.approval.since import Since
    from trueup.transforms.progress import Progress
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings
    from trueup.transforms.work import Work

_SAMPLES = 2


def apply_approved(
    settings: Settings,
    files: RunFiles,
    *,
    left_out: Path | None,
    stop: threading.Event,
    learned: Mapping[str, Any] | None,
    since: Mapping[str, Since] | None,
    progress: Progress,
) -> ApplyResult:
    """See :func:`trueup.connectors.scim_writer.apply`."""
    work = plan_work(files, left_out=left_out)
    try:
        return apply_run(settings, files, work, stop=stop, learned=learned, since=since, progress=progress)
    finally:
        work.close()


def apply_run(
    settings: Settings,
    files: RunFiles,
    work: Work,
    *,
    stop: threading.Event,
    learned: Mapping[str, Any] | None = None,
    since: Mapping[str, Since] | None = None,
    progress: Progress = silent,
    pace: Pace | None = None,
) -> ApplyResult:
    """Apply ``work`` of the run ``files``, or go on with it; the caller has checked the approval.

    ``pace`` is how fast; by default as the settings say.
    """
    habits = TargetBehaviour(settings.target.update, learned)
    past = read_past(files.journal)
    if files.outcome.exists():
        rows = read_table(files.outcome).to_pylist()
        return _result(rows, None, habits, past.created)
    pace = pace or Pace(settings.target.requests_per_second)
    engine = asyncio.run(_run(settings, files, work, _Before(habits, past, since or {}), pace, stop, progress))
    rows = outcome_rows(files.journal, work.left_out)
    result = _result(rows, engine, habits, read_past(files.journal).created)
    if not result.interrupted:
        write_target_after(files)
        write_outcome(files, rows)
    return result


@dataclass(frozen=True, slots=True)
class _Before:
    """What is known before the first request: of the target, of an earlier attempt, of people settled meanwhile."""

    habits: TargetBehaviour
    past: ResumeState
    since: Mapping[str, Since]


def _journal(files: RunFiles) -> Journal:
    return Journal(files.journal, announce=place_of(files.path.parent).announcing(files))


async def _run(
    settings: Settings,
    files: RunFiles,
    work: Work,
    known: _Before,
    pace: Pace,
    stop: threading.Event,
    progress: Progress,
) -> Engine:
    habits, past, since = known.habits, known.past, known.since
    async with Sender(settings, pace) as sender, _journal(files) as journal:
        await _reach(sender)
        managed = _managed(files)
        lists = Typeless(habits.untyped, shared_lists(managed))
        shape = Shape(attributes_of((await sender.schemas()).json), lists)
        habits.hides = shape.hides
        context = ApplyContext(
            shape=shape,
            managed=managed,
            sender=sender,
            journal=journal,
            learned=habits,
            lookup=Lookup(sender, _samples(files)),
            past=past,
            new_ids=past.new_ids,
            work=work,
            created={key: one.profile_id for key, one in since.items() if one.profile_id} | past.created,
            since=since,
        )
        await journal.write({"event": "note", "what": "resumed" if past.records else "begun", "people": work.total})
        engine = Engine(
            context=context,
            breaker=Breaker(settings.limits.apply_errors, work.total),
            stop=stop,
            concurrency=settings.target.concurrency,
            progress=progress,
        )
        await engine.run()
        journal.note({"event": "note", "what": "stopped" if engine.is_cut_short else "ended", **habits.as_json()})
        return engine


async def _reach(sender: Sender) -> None:
    """The target answers, or nothing is begun."""
    try:
        answer = await asyncio.wait_for(sender.page(1, 1), timeout=25)
    except TimeoutError as error:
        raise Failed("The target cannot be reached: no answer within 25 s.", remedy="Check target.url.") from error
    if answer.status == 0:
        raise Failed(
            f"The target cannot be reached: {sentence(answer)}.",
            remedy="Check target.url and the network, then apply the same run again.",
        )


def _managed(files: RunFiles) -> tuple[str, ...]:
    """The paths ``target.parquet`` has columns for."""
    names = schema_of(files.target).names if files.target.exists() else []
    return tuple(name for name in names if name not in {"id", "version", "resource"})


def _samples(files: RunFiles) -> list[tuple[str, str]]:
    """A few profiles that exist, to see whether filters find them."""
    if not files.target.exists():
        return []
    with connect(threads=1) as engine:
        rows = engine.execute(
            f"SELECT id, userName FROM {rows_of(files.target)} WHERE userName SIMILAR TO '[A-Za-z0-9@._-]+' "
            f"AND id NOT IN (SELECT profile_id FROM {rows_of(files.decisions)} WHERE profile_id IS NOT NULL "
            "AND decision IN ('update', 'delete')) ORDER BY id LIMIT ?",
            [_SAMPLES],
        ).fetchall()
    return [(str(profile_id), str(user_name)) for profile_id, user_name in rows]


def _result(
    rows: list[dict[str, Any]], engine: Engine | None, habits: TargetBehaviour, created: dict[str, str]
) -> ApplyResult:
    counts = Counter(str(row["result"]) for row in rows if row["operation"] != RESTORE)
    cut_short = engine is not None and engine.is_cut_short
    tripped = engine is not None and cut_short and engine.breaker.is_tripped
    return ApplyResult(
        applied=counts[Result.APPLIED],
        skipped=counts[Result.SKIPPED],
        failed=counts[Result.FAILED],
        left_out=counts[Result.LEFT_OUT],
        newly=engine.seen.total() if engine else 0,
        interrupted=cut_short,
        is_partial=any(row["result"] in {Result.SKIPPED, Result.FAILED} for row in rows)
        or any(row["partial"] for row in rows if "partial" in row),
        stopped_by="apply_errors" if tripped else "stop" if cut_short else "",
        records=[{name: row[name] for name in ("key", "operation", "result", "reason")} for row in rows],
        created=created,
        dialect=habits.as_json(),
        errors=_errors(engine, habits),
        requests=dict(engine.context.sender.sent) if engine else {},
    )


def _errors(engine: Engine | None, habits: TargetBehaviour) -> list[str]:
    sentences = []
    if engine is not None and engine.breaker.is_tripped:
        sentences.append(
            f"Stopped after {engine.breaker.failed} failures of {engine.breaker.total}; the limit apply_errors is "
            f"{engine.breaker.bound}. Apply the same run again to go on."
        )
    if habits.deactivation_deletes:
        sentences.append("This target deletes profiles that are deactivated: deactivations cannot be undone in place.")
    if habits.renames:
        sentences.append("This target gives profiles another id when they are written; links and references follow.")
    if habits.collateral:
        names = ", ".join(sorted(label(name) for name in habits.collateral))
        sentences.append(f"The target changed attributes nobody wrote: {names}.")
    return sentences
