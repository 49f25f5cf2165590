"""One person's data out of the archive: who that is, whether it may go, and what is out of reach."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trueup.flows import clearance
from trueup.flows.names import named
from trueup.transforms.erasure.stated import REASONS
from trueup.transforms.errors import Misused, Refusal, Refused
from trueup.transforms.history import by_target
from trueup.transforms.links import links_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trueup.connectors.archive import Archive
    from trueup.connectors.archive.erasing import Erased
    from trueup.transforms.erasure.person import Person
    from trueup.transforms.history import History
    from trueup.transforms.manifest import Manifest
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings

NOTE = "A person was erased from this run after it was sealed: they are counted in its figures, and are nowhere else."
"""Stands in the report that is written anew."""
BEYOND = (
    "backups and copies of the archive, and old versions of objects where a store keeps them",
    "what was exported (trueup export, show --output, sql --output) or sent by [notify]",
    "the caches of other hosts, until they next open the archive",
    "Prefect's database, where [privacy] names_in_orchestrator was on",
    "configurations that name them: trueup.toml and what it imports",
    "the source and the directory themselves",
)
"""What an erasure does not reach."""


def erase_person(settings: Settings, called: Sequence[str], *, reason: str, who: str) -> Erased:
    """Erase one person from every run of every target of the archive.

    Raises:
        Misused: an unknown reason; no run knows such a person, or a name was several people's.
        Refused: ``erase_not_yet``, with where the person still stands and what to do; ``run_under_way``; a damaged run.
        Failed: the disk refuses.
    """
    from trueup.connectors.archive import apply_lock, open_archive, reading
    from trueup.connectors.archive.erasing import erase, new_number
    from trueup.connectors.archive.staging import bring_all
    from trueup.flows.undeployed import naming
    from trueup.transforms.erasure.person import find

    if reason not in REASONS:
        raise Misused(f"{reason!r} is not a reason.", remedy=f"One of: {', '.join(REASONS)}.")
    archive = open_archive(settings)
    with ExitStack() as stack:
        for target in by_target(archive.runs()):
            stack.enter_context(apply_lock(archive.path, target, "erase"))
        bring_all(archive.path)
        # Drafts that were never sealed may hold half a file; they go as a whole, whatever people are in them.
        reads = (own.latest_read for own in by_target(archive.runs()).values())
        with named(lambda: [run.files for run in reads if run is not None]):
            person = find(tuple(reading.sealed(archive.path)), called, new_number())
        if refusals := _not_yet(archive, person):
            raise Refused(refusals)
        done = erase(
            archive,
            person,
            reason=reason,
            who=clearance.reviewer(who),
            at=datetime.now(UTC),
            render=lambda files, manifest, history: _write_reports(settings, files, manifest, history),
        )
        return replace(done, named_in=naming(settings, person))


def _not_yet(archive: Archive, person: Person) -> list[Refusal]:
    from trueup.connectors.archive.erasing import under_way
    from trueup.connectors.archive.retention import holding_back, open_runs
    from trueup.transforms.erasure.standing import standing

    found = [
        Refusal("run_under_way", f"Run {run_id} is being made right now.", remedy="Wait until it has ended.")
        for run_id in under_way(archive.path)
    ]
    for own in by_target(archive.runs()).values():
        found += standing(own, person, open_runs=open_runs(own), held=holding_back(own))
    return found


def _write_reports(settings: Settings, files: RunFiles, manifest: Manifest, history: History) -> None:
    from trueup.reports import write_reports
    from trueup.reports.details import Beside

    said = manifest.model_copy(update={"notes": (*manifest.notes, NOTE)})
    write_reports(files, said, history, at=manifest.sealed, beside=Beside(links_of(settings)))
