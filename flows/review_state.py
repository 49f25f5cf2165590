"""Where a reviewer is in a plan, kept beside the runs in private: ``<archive>/.review``, no part of any run.

It is personal data: only its owner reads it, and it goes with the run's own files when those are pruned.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from trueup.connectors.archive.atomic_files import REVIEWS, Access, make_directory, replace
from trueup.connectors.archive.places import as_kept, read_private
from trueup.flows.commands.review_wish import Progress
from trueup.transforms.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.transforms.history import PriorRun

_OWN = Access()


def kept(root: Path, run: PriorRun, who: str) -> Progress:
    """Where ``who`` was in this plan; nowhere, if it was never kept or cannot be read."""
    try:
        said = json.loads(read_private(root, _place(root, run, who)))
        if said["fingerprint"] != run.manifest.fingerprint:
            return Progress()
        return Progress(tuple(map(str, said["looked"])), dict(said["notes"]), str(said["note"]))
    except (OSError, ValueError, KeyError, TypeError, Refused):
        return Progress()


def keep(root: Path, run: PriorRun, who: str, progress: Progress) -> None:
    """Keep where ``who`` is; the last word wins. Files of runs that are gone are removed."""
    folder = root / REVIEWS
    if not folder.is_dir():
        make_directory(folder, _OWN)
    for old in folder.glob("*.json"):
        owner = root / old.name.split(".")[0]
        if not (owner / "decisions.parquet").exists():
            old.unlink(missing_ok=True)
    said = {
        "fingerprint": run.manifest.fingerprint,
        "looked": list(progress.looked),
        "notes": dict(progress.notes),
        "note": progress.note,
    }
    place = _place(root, run, who)
    replace(place, as_kept(root, place, json.dumps(said, ensure_ascii=False).encode()), aside=folder, access=_OWN)


def _place(root: Path, run: PriorRun, who: str) -> Path:
    """One file for each reviewer, whatever their name holds."""
    return root / REVIEWS / f"{run.run_id}.{hashlib.sha256(who.encode()).hexdigest()[:12]}.json"
