"""What an archive holds that can be believed: runs, the nights they belong to, and what was left out and why."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from trueup.connectors.archive import reading
from trueup.connectors.archive.places import store_of
from trueup.transforms.errors import Misused, Refused
from trueup.transforms.targets import same_target
from trueup.transforms.vocabulary import Kind

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import tzinfo
    from pathlib import Path

    from trueup.connectors.analysis.checked import Checked
    from trueup.transforms.history import PriorRun
    from trueup.transforms.manifest import FileRecord


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A run that is not in a view, and why."""

    run_id: str
    kind: str
    """``damaged``, ``unfinished`` or ``pruned``."""
    text: str
    """A sentence."""


@dataclass(frozen=True, slots=True)
class Night:
    """A date and the run that stands for it."""

    night: date
    run: PriorRun


@dataclass(frozen=True, slots=True)
class Contents:
    """The runs of one target, oldest first."""

    root: Path
    runs: tuple[PriorRun, ...]
    nights: tuple[Night, ...]
    """Each date's last whole run, of any outcome."""
    directory_nights: tuple[Night, ...]
    """Each date's last whole run that reached the target, wholly or in part, or had nothing to do."""
    left_out: tuple[LeftOut, ...]


def contents(root: Path, *, target: str | None = None, timezone: str = "UTC", checked: Checked) -> Contents:
    """What ``root`` holds of ``target``; acts and manifests are checked, data files are not looked at.

    Args:
        root: a directory of runs.
        target: the target's URL; none where the archive has runs of one target only.
        checked: what was checked before.
        timezone: says whose night an older run is; newer ones say so themselves.

    Raises:
        Misused: it has runs of several targets and none was named.
        Refused: a run has a newer format than this version reads.
    """
    # Whom the records speak of is in no view: what they say apart need not be read.
    good, bad = reading.readable(root, checked.problem_of, people_too=False)
    for _, refused in bad:
        if any(one.code == "format_newer" for one in refused.refusals):
            raise refused
    spelt = {one: same_target(one) for one in {run.manifest.target for run in good}}
    targets = set(spelt.values())
    wanted = same_target(target) if target else next(iter(targets), "")
    if not target and len(targets) > 1:
        raise Misused(
            f"The archive holds runs of {len(targets)} targets: {', '.join(sorted(targets))}.",
            remedy="Say which: open(path, target=…), or open the configuration.",
        )
    runs = tuple(sorted((run for run in good if spelt[run.manifest.target] == wanted), key=lambda r: r.run_id))
    zone = _zone(timezone)
    left_out = [LeftOut(run_id, "damaged", _sentence(refused)) for run_id, refused in bad]
    left_out += [
        LeftOut(files.run_id, "unfinished", f"Run {files.run_id} was never finished: it has no manifest.")
        for files in reading.directories(root)
        if not files.manifest.exists()
    ]
    left_out += [
        LeftOut(run.run_id, "pruned", f"Run {run.run_id} was pruned: its figures stay, its people are gone.")
        for run in runs
        if run.is_pruned
    ]
    damaged = _damaged_nights(root, [run_id for run_id, _ in bad], target=wanted, zone=zone)
    whole = [run for run in runs if run.kind is Kind.RECONCILE and not run.manifest.only]
    whole = [run for run in whole if run.run_id > damaged.get(_night(run, zone), "")]
    return Contents(
        root,
        runs,
        _nights(whole, zone),
        _nights([run for run in whole if run.was_applied], zone),
        tuple(sorted(left_out, key=lambda one: one.run_id)),
    )


def from_on(found: Contents, nights: Collection[date]) -> Contents:
    """From the first run of ``nights`` on: enough for all that is said of them.

    People are called what the newest run that knows them calls them, so that every newer one is needed too.
    """
    every = (*found.nights, *found.directory_nights)
    first = min((one.run.run_id for one in every if one.night in nights), default="")
    return replace(
        found,
        runs=tuple(run for run in found.runs if run.run_id >= first),
        nights=tuple(one for one in found.nights if one.run.run_id >= first),
        directory_nights=tuple(one for one in found.directory_nights if one.run.run_id >= first),
    )


def brought(run: PriorRun, name: str) -> Path:
    """Where a file of the run lies; nothing does where a store holds another one than was written."""
    with suppress(Refused):
        run.files.bring_kept(name)
    return run.files.path / name


def file_record(run: PriorRun, name: str) -> FileRecord | None:
    """What manifest or acts say of a file of the run; none where it has no such file, or it was pruned."""
    found = [run.manifest.files.get(name), *(act.files.get(name) for act in run.acts)]
    record = next((one for one in reversed(found) if one is not None), None)
    return None if record is None or (name in run.gone and not brought(run, name).exists()) else record


def _nights(runs: list[PriorRun], zone: tzinfo) -> tuple[Night, ...]:
    last = {_night(run, zone): run for run in runs}
    return tuple(Night(night, last[night]) for night in sorted(last))


def _damaged_nights(root: Path, run_ids: list[str], *, target: str, zone: tzinfo) -> dict[date, str]:
    """Nights with a damaged run, the newest of each: no earlier run of that date stands in its place.

    What a damaged manifest says is taken for one thing only, that its run was not a whole night of this target.
    """
    found: dict[date, str] = {}
    for run_id in sorted(run_ids):
        said: Any = {}
        with suppress(OSError, ValueError, Refused):
            said = json.loads(store_of(root).read(f"{run_id}/manifest.json"))
        said = said if isinstance(said, dict) else {}
        elsewhere = isinstance(said.get("target"), str) and same_target(said["target"]) != target
        if not elsewhere and not said.get("only") and said.get("kind", Kind.RECONCILE) == Kind.RECONCILE:
            found[_night_said(said, zone) or _begun(run_id).astimezone(zone).date()] = run_id
    return found


def _night_said(said: dict[str, Any], zone: tzinfo) -> date | None:
    with suppress(TypeError, ValueError, KeyError):
        return date.fromisoformat(said["night"])
    with suppress(TypeError, ValueError, KeyError):
        return datetime.fromisoformat(said.get("expected") or said["started"]).astimezone(zone).date()
    return None


def _begun(run_id: str) -> datetime:
    """When a run was begun, as its id has it."""
    return datetime.strptime(run_id.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _night(run: PriorRun, zone: tzinfo) -> date:
    manifest = run.manifest
    return manifest.night or (manifest.expected or manifest.started).astimezone(zone).date()


def _zone(name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (KeyError, ValueError) as error:
        raise Misused(f"{name!r} is not a time zone.", remedy='Write one like "Europe/Berlin".') from error


def _sentence(refused: Refused) -> str:
    return refused.message.split("\n")[0]
