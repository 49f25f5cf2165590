"""Whether a person's data may go: not while anything that is still to happen rests on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.database import connect
from trueup.transforms.duck.parquet import rows_of
from trueup.transforms.duck.quoting import identifier
from trueup.transforms.errors import Refusal
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trueup.transforms.erasure.person import Person
    from trueup.transforms.history import History, PriorRun

_NIGHT = "then wait for a run that is applied or has nothing to do"


def standing(
    history: History, person: Person, *, open_runs: Iterable[PriorRun], held: Iterable[PriorRun]
) -> list[Refusal]:
    """Every reason why the person must stay for now; empty when their data may go.

    Args:
        history: all runs against one target.
        person: who is to go.
        open_runs: runs that can still be applied, resumed or approved.
        held: rollbacks whose values are held against the source.
    """
    found: list[Refusal] = []
    source, target = history.latest_read, latest_target(history)
    if source and knows(source.files.source, person, ("id",)):
        where = f"in the newest read of the source ({source.run_id})"
        found.append(_stays(where, f"Delete the user for good at the source, {_NIGHT}"))
    if target and knows(target.files.target, person, ("id",)):
        where = f"in the newest read of the directory ({target.run_id})"
        found.append(_stays(where, f"Delete the profile in the directory ({_profiles(person)}), {_NIGHT}"))
    if found:
        return found
    resting = [run for run in (history.baseline, *history.amending) if run is not None]
    found += [
        _stays(
            f"in {run.run_id}, which the next plan is compared with",
            f"The person is gone from both sides: {_NIGHT.removeprefix('then ')}",
        )
        for run in resting
        if is_in(run, person)
    ]
    found += [
        _stays(
            f"in run {run.run_id}, which is {run.state.replace('_', ' ')}",
            f"Apply it, or give it up: trueup reject {run.run_id}",
        )
        for run in open_runs
        if is_in(run, person) and run not in resting
    ]
    found += [
        _stays(
            f"kept by rollback {run.run_id} as it restored them, whatever the source says",
            f"Let the person follow the source again: trueup release {min(person.keys, key=len)}",
        )
        for run in held
        if knows(run.files.decisions, person, ("key", "source_id", "profile_id")) and not _is_released(run, person)
    ]
    return found


def latest_target(history: History) -> PriorRun | None:
    """The newest run that read the whole directory, with its files still there."""
    for run in history.runs:
        if not run.manifest.partial_read and run.files.target.name in run.manifest.files and run.files.target.exists():
            return run
    return None


def is_in(run: PriorRun, person: Person) -> bool:
    """Whether the run has a row about the person."""
    files = run.files
    return (
        knows(files.source, person, ("id",))
        or knows(files.target, person, ("id",))
        or knows(files.decisions, person, ("key", "source_id", "profile_id"))
        or knows(files.links, person, ("source_id", "profile_id"))
        or knows(files.changes, person, ("key",))
    )


def knows(path: Path, person: Person, columns: tuple[str, ...]) -> bool:
    """Whether a file has a row of the person; a file that is not there has none."""
    if not path.exists():
        return False
    about = " OR ".join(f"list_contains($1::VARCHAR[], {identifier(name)}::VARCHAR)" for name in columns)
    with connect() as connection:
        query = f"SELECT 1 FROM {rows_of(path)} WHERE {about} LIMIT 1"
        return connection.execute(query, [sorted(person.keys)]).fetchone() is not None


def _is_released(run: PriorRun, person: Person) -> bool:
    keys = {str(key) for act in run.acts if act.act is Act.RELEASED for key in act.details.get("keys") or ()}
    return bool(keys & person.keys)


def _profiles(person: Person) -> str:
    return ", ".join(sorted(f"profile:{one}" for one in person.profile_ids)) or "theirs"


def _stays(where: str, remedy: str) -> Refusal:
    return Refusal("erase_not_yet", f"The person is {where}, so that nothing was erased.", remedy=f"{remedy}.")
