"""What is heavy, made in a process of its own: a run's report, and who the archive knows. Its memory goes with it.

``python -m trueup.flows.review.build_alone`` takes one job from standard input and answers on standard output; both
ends are this program.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trueup.flows.own_process import answered, module
from trueup.flows.review.little_memory import do_without_pandas
from trueup.transforms.duck.database import THREADS
from trueup.transforms.duck.parquet import rows_of
from trueup.transforms.duck.quoting import literal
from trueup.transforms.errors import Failed, Refusal, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from trueup.connectors.analysis.archive import Archive
    from trueup.flows.targets import TargetRow
    from trueup.reports.model import ReportView
    from trueup.reports.past_nights import PastNights
    from trueup.reports.pictures import Pictures
    from trueup.reports.team.listing import Listing
    from trueup.transforms.settings import Settings

_SECONDS = 600
_MEMORY = "400MB"
KNOWN = pa.schema({name: pa.string() for name in ("key", "name", "user_name", "mail")})
"""Who a run knows."""


@dataclass(frozen=True, slots=True)
class Built:
    """What of a run's page stays as it is, whatever happens to the run."""

    view: ReportView
    """Without people and changes."""
    listing: Listing
    pictures: Pictures
    past: PastNights


@dataclass(frozen=True, slots=True)
class Known:
    """People of some runs, and the runs that could not be believed."""

    people: pa.Table
    """The newest run's people first; each once."""
    newest: int
    """How many of them the newest run knows."""
    left_out: tuple[str, ...]


def build(settings: Settings, run_id: str) -> Built:
    """The run's report, made elsewhere.

    Raises:
        Refused: the run is damaged.
        Failed: the other process did not live to answer.
    """
    found: Built = _elsewhere("run", settings, run_id)
    return found


@dataclass(frozen=True, slots=True)
class Story:
    """One person in all runs."""

    rows: tuple[tuple[Any, ...], ...]
    """As ``Archive.history`` has them."""
    now: tuple[Mapping[str, Any], ...]
    """The person after the newest night that reached the directory; at most one."""
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """All nights in figures, as ``Archive.figures_of_nights`` has them."""

    nights: Mapping[str, list[tuple[Any, ...]]]
    left_out: tuple[str, ...]


def story(settings: Settings, key: str) -> Story:
    """What all runs say of one person; raises ``Failed`` as ``build`` does."""
    found: Story = _elsewhere("story", settings, key)
    return found


def figures(settings: Settings) -> Figures:
    """All nights in figures; raises ``Failed`` as ``build`` does."""
    found: Figures = _elsewhere("figures", settings)
    return found


def targets(folder: Path) -> dict[str, TargetRow]:
    """Every target of a folder by its configuration; raises ``Failed`` as ``build`` does."""
    found: dict[str, TargetRow] = _elsewhere("targets", folder)
    return found


def know(settings: Settings, run_ids: Sequence[str]) -> Known:
    """Who these runs know, newest first; raises ``Failed`` as ``build`` does."""
    found: Known = _elsewhere("people", settings, tuple(run_ids))
    return found


def _elsewhere(job: str, *words: Any) -> Any:
    command = module("trueup.flows.review.build_alone")
    env = {**os.environ, "MALLOC_ARENA_MAX": "1"}  # glibc keeps a store for each thread else
    try:
        # What it complains of is dropped: a traceback holds what files hold.
        said = answered(command, pickle.dumps((job, words)), seconds=_SECONDS, env=env)
    except (OSError, subprocess.SubprocessError) as error:
        raise Failed("The page could not be made: its process ended.", remedy="Try again.") from error
    answer = pickle.loads(said)  # noqa: S301 - from the pipe of a process that this one began just now, where nobody else can write
    if isinstance(answer, list):
        raise Refused([Refusal(**one) for one in answer])
    return answer


def main() -> None:
    """Do the one job that standard input asks for, in little memory: one thread, and no pandas."""
    with suppress(OSError):
        os.nice(2)  # readers of what is ready come first
    do_without_pandas()
    THREADS.set(1)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints does not belong to the answer
    job, words = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the pipe of the process that began this one; whoever could write there could run code already
    try:
        answer: Any = JOBS[job](*words)
    except Refused as refused:
        answer = [one.as_json() for one in refused.refusals]
    with out:
        pickle.dump(answer, out, protocol=5)


def _build(settings: Settings, run_id: str) -> Built:
    from trueup.connectors.archive import open_archive, readable, refuse_damaged
    from trueup.connectors.archive.places import drafts
    from trueup.connectors.archive.reading import history_of
    from trueup.flows.beside import beside
    from trueup.reports import view_of
    from trueup.reports.past_nights import past_nights
    from trueup.reports.pictures import pictures
    from trueup.reports.team.listing import listing_of

    archive = open_archive(settings, writable=False)
    run = archive.load(run_id)
    refuse_damaged(run)
    history = history_of(readable(archive.path)[0], run.manifest.target)
    with drafts(archive.path, "trueup-review-") as aside:
        view = view_of(run, history, beside=beside(settings, run, aside))
    listing = listing_of(view)
    past = past_nights(run.files, run.manifest, history)
    light = replace(
        view, people=view.people.schema.empty_table(), changes=view.changes.schema.empty_table(), details=()
    )
    return Built(light, listing, pictures(view.organisation), past)


def _story(settings: Settings, key: str) -> Story:
    with _opened(settings) as archive:
        rows = tuple(archive.history(key).fetchall())
        now = archive.people().filter(f"key = {literal(key)}").arrow().to_pylist()
        return Story(rows, tuple(now), tuple(one.text for one in archive.left_out))


def _figures(settings: Settings) -> Figures:
    with _opened(settings) as archive:
        return Figures(archive.figures_of_nights(), tuple(one.text for one in archive.left_out))


def _opened(settings: Settings) -> Archive:
    from trueup.connectors.analysis.archive import Archive
    from trueup.connectors.archive import open_archive

    root = open_archive(settings, writable=False).path
    return Archive(root, target=settings.target.url, timezone=settings.schedule.timezone)


def _targets(folder: Path) -> dict[str, TargetRow]:
    from trueup.flows.targets import targets_of

    return {row.config: row for row in targets_of(folder, datetime.now(UTC))}


def _know(settings: Settings, run_ids: Sequence[str]) -> Known:
    from trueup.connectors.analysis.checked import Checked
    from trueup.connectors.archive import open_archive

    archive = open_archive(settings, writable=False)
    told: list[pa.Table] = []
    left_out: list[str] = []
    newest = 0
    with closing(Checked(archive.path.resolve())) as checked:
        for run_id in run_ids:
            found = _known_to(archive.path.resolve() / run_id, checked, told)
            if isinstance(found, str):
                left_out.append(found)
                continue
            newest = newest or found.num_rows
            told.append(found)
        checked.remember()
    return Known(pa.concat_tables(told) if told else KNOWN.empty_table(), newest, tuple(left_out))


def _known_to(place: Path, checked: Any, told: list[pa.Table]) -> pa.Table | str:
    """Who a run knows that no newer one does, or a sentence why it cannot be asked."""
    from trueup.connectors.analysis.contents import file_record
    from trueup.connectors.archive.places import place_of
    from trueup.connectors.archive.reading import read_run
    from trueup.connectors.archive.views import mail_columns
    from trueup.reports.people import names_of
    from trueup.transforms.duck.database import connect

    files = place_of(place.parent).run(place.name)
    try:
        run = read_run(files)
    except Refused as refused:
        return refused.message
    paths = [path for path in (files.decisions, files.desired, files.actual, files.source) if path.exists()]
    records = [(path, file_record(run, path.name)) for path in paths]
    if not all(
        record is not None and checked.is_as_written(files.path / path.name, record) for path, record in records
    ):
        return f"Run {run.run_id} is damaged: a file is not what was written. Nobody in it was looked at."
    if not files.decisions.exists():
        return KNOWN.empty_table()
    with connect(threads=1, memory=_MEMORY) as db:
        known = pa.chunked_array([chunk for table in told for chunk in table["key"].chunks], pa.string())
        db.register("known", pa.table({"key": known}))
        db.execute(f"CREATE TEMP VIEW decisions AS FROM {rows_of(files.decisions)} ANTI JOIN known USING (key)")
        addresses = [part for path in (files.desired, files.actual) if path.exists() for part in mail_columns(path)]
        nobody = "SELECT NULL::VARCHAR AS key, NULL::VARCHAR AS mail WHERE FALSE"
        mails = " UNION ALL ".join(addresses) or nobody
        text = (
            f"SELECT d.key, n.name, d.user_name, m.mail FROM decisions AS d LEFT JOIN ({names_of(db, files)}) AS n "
            f"USING (key) LEFT JOIN (SELECT key, min(mail) AS mail FROM ({mails}) GROUP BY key) AS m USING (key) "
            "ORDER BY d.key"
        )
        return db.sql(text).to_arrow_table().cast(KNOWN)


JOBS: Mapping[str, Callable[..., Any]] = {
    "run": _build,
    "people": _know,
    "story": _story,
    "figures": _figures,
    "targets": _targets,
}
"""What the other process can be asked for."""
