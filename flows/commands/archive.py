"""``trueup runs``, ``history``, ``release``, ``prune`` and ``verify --archive``: the archive, looked at and kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from trueup.flows import clearance, configuration, screen
from trueup.flows.runs import tell_of_died
from trueup.reports.sentences import counted
from trueup.transforms.archive_url import is_url
from trueup.transforms.errors import Misused
from trueup.transforms.vocabulary import Act, Exit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trueup.connectors.archive.retention import Going
    from trueup.transforms.history import PriorRun

_OLD_VERSIONS = "Old versions of objects, where the bucket keeps them, stay until its own lifecycle rule removes them."


def runs_command(config: Path, *, as_json: bool) -> int:
    """Show all runs, newest first; a damaged one is shown as such and does not hide the others."""
    from trueup.connectors.archive import open_archive, readable

    archive = open_archive(configuration.load(config), writable=False)
    good, damaged = readable(archive.path)
    rows = [_run_row(run) for run in good] + [_damaged_row(run_id) for run_id, _ in damaged]
    rows.sort(key=lambda row: str(row["run_id"]), reverse=True)
    if as_json:
        screen.document(rows)
    elif rows:
        screen.say(_runs_table(rows))
    else:
        screen.say("No runs yet. Make a first plan: trueup plan")
    for _, refused in damaged:
        screen.note(refused.message)
    tell_of_died(archive.path)
    return Exit.DONE


def history_command(config: Path, key: str, *, as_json: bool) -> int:
    """Show everything that was decided for one person and its result, newest first."""
    from trueup.connectors.archive import open_archive
    from trueup.connectors.archive.views import history_of

    rows = history_of(open_archive(configuration.load(config), writable=False), key)
    if as_json:
        screen.document(rows)
    elif rows:
        screen.say(_history_table(rows))
    else:
        screen.say("No run has ever planned anything for this person.")
    return Exit.DONE


def release_command(config: Path, what: str, *, who: str, as_json: bool, reason: str = "") -> int:
    """Release a rollback, or one person, and say what the next plan will take up again."""
    from trueup.connectors.archive import open_archive
    from trueup.connectors.archive.releases import release_key, release_run

    settings = configuration.load(config)
    archive = open_archive(settings)
    name, at = clearance.reviewer(who), datetime.now(UTC)
    try:
        run = archive.load(what)
    except Misused:
        released = release_key(archive, settings.target.url, what, name, at=at, reason=reason)
    else:
        released = release_run(archive, run, name, at=at, reason=reason)
    if as_json:
        screen.document({"released": {run_id: list(keys) for run_id, keys in released.items()}})
    for run_id, keys in () if as_json else released.items():
        people = counted(len(keys), "person", "people")
        screen.say(f"Released {people} of run {run_id}; the next plan follows the source again.")
    return Exit.DONE


def prune_command(config: Path, *, yes: bool, as_json: bool) -> int:
    """Remove the data of old runs, or without ``yes`` only say what would go."""
    from trueup.connectors.archive import open_archive, retention
    from trueup.flows.undeployed import remove, undeployed

    settings = configuration.load(config)
    archive = open_archive(settings, writable=yes)
    keep, sooner, at = settings.archive.keep_days, settings.archive.keep_snapshots_days, datetime.now(UTC)
    if yes:
        who = clearance.reviewer("")
        gone = retention.prune(archive, keep_days=keep, keep_snapshots_days=sooner, who=who, at=at)
    else:
        gone = retention.going(archive, keep_days=keep, keep_snapshots_days=sooner, at=at)
    beyond = [_OLD_VERSIONS] if is_url(settings.archive.path) else []
    configurations = undeployed(settings)
    if yes:
        remove(settings, configurations.names)
    if as_json:
        rows = [_going_row(one) for one in gone]
        document = {"removed": yes, "keep_days": keep, "runs": rows, "not_reached": beyond}
        told = {"configurations": configurations.names, "configurations_kept": configurations.why_kept}
        screen.document(document | told)
        return Exit.DONE
    verb = "Removed" if yes else "Would remove"
    if configurations.why_kept:
        screen.note(configurations.why_kept)
    if configurations.names:
        said = counted(len(configurations.names), "deployed configuration")
        screen.say(f"{verb} {said} that no deployment uses any more.")
    if gone:
        age = f"{keep} days" if sooner is None else f"{keep} days, and snapshots older than {sooner}"
        _say_gone(gone, verb, age=age)
    elif not configurations.names:
        screen.say(f"Nothing to remove: no run is older than {keep} days.")
        return Exit.DONE
    if not yes:
        screen.say("To remove it: trueup prune --yes")
    for one in beyond if yes else ():
        screen.say(one)
    return Exit.DONE


def _say_gone(gone: Sequence[Going], verb: str, *, age: str) -> None:
    for one in gone:
        what = "all of it: it was never finished" if one.unfinished else f"{len(one.names)} files"
        what += " of what was read" if one.snapshots else ""
        screen.say(f"{one.files.run_id}  {what}, {one.bytes / 1024**2:.1f} MiB")
    size = sum(one.bytes for one in gone) / 1024**2
    runs = counted(len(gone), "run")
    screen.say(f"{verb} the data of {runs} older than {age}, {size:.1f} MiB; manifests and acts stay.")


def copy_command(config: Path, source: str, to: str, *, move: bool, decrypt: bool, as_json: bool) -> int:
    """Copy or move an archive and say what was done."""
    from trueup.connectors.archive.copying import copy_archive

    done = copy_archive(configuration.load(config), source, to, move=move, decrypt=decrypt)
    if as_json:
        screen.document({"runs": done.runs, "files": done.files, "bytes": done.bytes, "moved": move})
        return Exit.DONE
    screen.say(f"{counted(done.runs, 'run')} copied, {counted(done.files, 'file')}, {done.bytes / 1024**2:.1f} MiB.")
    if move:
        screen.say(f"The archive is {to} from now on: point [archive] path at it. {source} is closed.")
    else:
        screen.say(f"{to} is a copy for reading; work goes on in {source}.")
    return Exit.DONE


def rewrap_command(config: Path, *, as_json: bool) -> int:
    """Wrap every run's keyset by the key that is configured now, and say how many were not."""
    from trueup.connectors.archive import open_archive
    from trueup.connectors.archive.rewrapping import rewrap

    done = rewrap(open_archive(configuration.load(config)).path)
    if as_json:
        screen.document({"key_id": done.key_id, "rewrapped": done.rewrapped, "encrypted": done.encrypted})
        return Exit.DONE
    screen.say(
        f"{counted(done.rewrapped, 'keyset')} wrapped anew; all {done.encrypted} are under the key {done.key_id} now. "
        "encryption_key_previous can go from the configuration."
    )
    return Exit.DONE


def verify_archive_command(config: Path, *, as_json: bool) -> int:
    """Check every hash and chain; 3 when anything is damaged, each damage named."""
    from trueup.connectors.archive import check_archive, open_archive
    from trueup.connectors.archive.reading import sealed

    archive = open_archive(configuration.load(config), writable=False)
    damages = check_archive(archive.path)
    runs = sum(1 for _ in sealed(archive.path))
    if as_json:
        found = [{"run_id": one.run_id, "file": one.file, "kind": one.kind, "text": one.text} for one in damages]
        screen.document({"whole": not damages, "runs": runs, "damages": found})
    elif not damages:
        screen.say(f"{counted(runs, 'run')} whole: every file fits its hash, acts and manifests are one chain.")
    for one in () if as_json else damages:
        screen.say(f"{one.run_id}  {one.kind:<8} {one}")
    return Exit.REFUSED if damages else Exit.DONE


def views_command(config: Path) -> int:
    """Write the archive's views for the DuckDB shell and say how to open them."""
    from trueup.connectors.analysis.views_file import write_views
    from trueup.connectors.archive import open_archive

    settings = configuration.load(config)
    archive = open_archive(settings)
    path = write_views(archive.path, target=settings.target.url, timezone=settings.schedule.timezone)
    screen.say(f"cd {path.parent} && duckdb -init {path.name}")
    return Exit.DONE


def _run_row(run: PriorRun) -> dict[str, Any]:
    manifest = run.manifest
    return {
        "run_id": run.run_id,
        "kind": manifest.kind.value,
        "state": run.state,
        "outcome": manifest.outcome.value,
        "counts": manifest.counts,
        "started": manifest.started.isoformat(),
        "fingerprint": manifest.fingerprint,
        "changes": manifest.changes,
        "pruned": run.is_pruned,
        "night": None if manifest.night is None else manifest.night.isoformat(),
        "approved_by": _approvers(run),
    }


def _approvers(run: PriorRun) -> list[str]:
    """Who approved the run, in order, each once."""
    return list(dict.fromkeys(act.who for act in run.acts if act.act is Act.APPROVED))


def _damaged_row(run_id: str) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "kind": None,
        "state": "damaged",
        "outcome": None,
        "counts": {},
        "started": None,
        "fingerprint": "",
        "changes": 0,
        "pruned": False,
        "night": None,
        "approved_by": [],
    }


def _going_row(one: Going) -> dict[str, Any]:
    return {
        "run_id": one.files.run_id,
        "files": list(one.names),
        "bytes": one.bytes,
        "unfinished": one.unfinished,
        "snapshots": one.snapshots,
    }


def _text(value: object) -> Text:
    return Text("" if value is None else screen.visible(str(value)))


def _runs_table(rows: list[dict[str, Any]]) -> Table:
    shown = ("create", "update", "reactivate", "deactivate", "delete", "hold")
    words = [word for word in shown if any(row["counts"].get(word, 0) for row in rows)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    # Folded on a narrow screen, never cut off: a run id is there to be copied, a figure to be read.
    table.add_column("run", min_width=max(len(str(row["run_id"])) for row in rows), overflow="fold")
    for word in ("night", "kind", "state", "approved by"):
        table.add_column(word, overflow="fold")
    for word in (*words, "changes"):
        table.add_column(word, justify="right", overflow="fold")
    for row in rows:
        counts = [str(row["counts"].get(word, 0) or "") for word in words]
        state = f"{row['state']} (pruned)" if row["pruned"] else row["state"]
        said = (row["night"], row["kind"], state, ", ".join(row["approved_by"]))
        table.add_row(*(_text(cell) for cell in (row["run_id"], *said, *counts, str(row["changes"] or ""))))
    return table


def _history_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("when", no_wrap=True)
    table.add_column("run", min_width=max(len(str(row["run_id"])) for row in rows), overflow="fold")
    for words in ("what", "before", "after", "why", "result", "approved by"):
        table.add_column(words, overflow="fold")
    for row in rows:
        what = f"{row['decision']} {row['attribute'] or ''}".strip()
        result = row["result"] or f"not applied ({row['state']})"
        result = f"{result}: {row['because']}" if row["because"] else result
        why = row["cause"] or row["reason"]
        when = str(row["at"] or "")[:16].replace("T", " ")
        cells = (when, row["run_id"], what, row["before"], row["after"], why, result, row["approved_by"])
        table.add_row(*(_text(cell) for cell in cells))
    return table
