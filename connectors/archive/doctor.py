"""What doctor says of the archive: writable, private, whole enough, and how much room there is."""

from __future__ import annotations

import shutil
import stat
import subprocess
from typing import TYPE_CHECKING

from trueup.connectors.archive import reading
from trueup.connectors.archive.archive import open_archive
from trueup.connectors.archive.places import place_of
from trueup.connectors.archive.rewrapping import at_rest
from trueup.connectors.archive.unfinished import died
from trueup.transforms.archive_url import is_url
from trueup.transforms.doctor import Line
from trueup.transforms.errors import TrueupError
from trueup.transforms.targets import same_target

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.transforms.settings import Settings

_SUBJECT = "archive"
_LITTLE = 2 * 1024**3


def examine(settings: Settings) -> list[Line]:
    """Lines for writing, reading rights, git, damaged runs, last good run, free disk; makes a missing archive."""
    try:
        path = open_archive(settings).path
    except TrueupError as error:
        return [Line("fix", _SUBJECT, error.message, error.remedy)]
    place = settings.archive.path if is_url(settings.archive.path) else path
    lines = [Line("ok", _SUBJECT, f"{place} can be written.")]
    lines += _rights(path)
    lines += _git(path)
    try:
        lines += at_rest(path)
    except TrueupError as error:
        return [*lines, Line("fix", "archive key", error.message, error.remedy)]
    lines += _runs(path, settings)
    lines.append(_room(path))
    return lines


def _rights(path: Path) -> list[Line]:
    open_to_all = [
        place
        for place in (path, *(files.path for files in reading.directories(path)))
        if place.is_dir() and place.stat().st_mode & stat.S_IRWXO
    ]
    if not open_to_all:
        return []
    text = f"{len(open_to_all)} of its directories can be read by everybody; runs are personal data."
    return [Line("warning", "archive rights", text, f"chmod -R o-rwx {path}")]


def _git(path: Path) -> list[Line]:
    """A warning when the archive lies in a git work tree that does not ignore it."""
    if not any((folder / ".git").exists() for folder in (path, *path.parents)):
        return []
    text = "The archive lies inside a git work tree; runs are personal data and must not be committed."
    git = shutil.which("git")
    if git is None:
        return [Line("warning", "archive and git", text, "Move it, or add it to .gitignore.")]
    try:
        asked = subprocess.run(  # noqa: S603 - git as the operator's own PATH finds it, no shell; an absolute path cannot be an option of git's
            [git, "-C", str(path), "check-ignore", "--quiet", str(path / "a-run")],
            check=False,
            capture_output=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return [Line("warning", "archive and git", text, "Move it, or add it to .gitignore.")]
    if asked.returncode == 0:
        return [Line("ok", "archive and git", "It lies inside a git work tree, which ignores it.")]
    return [Line("warning", "archive and git", text, "Move it: [archive] path. Or add it to .gitignore.")]


def _runs(path: Path, settings: Settings) -> list[Line]:
    good, damaged = reading.readable(path)
    lines = [Line("fix", "archive runs", refused.message, refused.remedy) for _, refused in damaged]
    target = same_target(settings.target.url)
    own = [run for run in good if same_target(run.manifest.target) == target and not run.manifest.partial_read]
    applied = [run for run in own if run.was_applied]
    if applied:
        sealed = applied[0].manifest.sealed.isoformat(timespec="minutes")
        lines.append(Line("ok", "last good run", f"{applied[0].run_id}, {applied[0].state}, planned {sealed}."))
    else:
        lines.append(Line("warning", "last good run", "None yet for this target.", "Make a first plan: trueup plan"))
    lines += [Line("warning", "unfinished run", one.text, one.remedy) for one in died(path)]
    lines += [
        Line(
            "warning",
            "interrupted run",
            f"{run.run_id} was interrupted while it was applied.",
            f"Resume it: trueup apply {run.run_id}. Or give it up: trueup reject {run.run_id}",
        )
        for run in good
        if run.state == "interrupted"
    ]
    return lines


def _room(path: Path) -> Line:
    free = shutil.disk_usage(path).free
    newest = next(iter(reading.sealed(path)), None)
    size = sum(file.bytes for file in place_of(path).contents(newest.run_id)) if newest else 0
    text = f"{free / 1024**3:.1f} GiB are free"
    text += f"; the last run takes {size / 1024**2:.1f} MiB." if newest else "."
    if free < max(_LITTLE, 10 * size):
        return Line("warning", "free disk", text, "Make room, or remove old runs: trueup prune")
    return Line("ok", "free disk", text)
