"""A run's summaries: those it was sealed with, else made on first need and kept in the cache."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from trueup.connectors.analysis.contents import brought, file_record
from trueup.connectors.archive.atomic_files import access_like, make_directory, protect
from trueup.transforms.summary import write_apply_summary, write_plan_summary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trueup.connectors.analysis.checked import Checked
    from trueup.transforms.history import PriorRun
    from trueup.transforms.run_files import RunFiles

_OWN = re.compile(r"summary(?:-(\d{3,}))?\.parquet")
_RESTS_ON = ("actual.parquet", "decisions.parquet", "changes.parquet", "findings.parquet", "outcome.parquet")


def summaries_of(run: PriorRun, checked: Checked) -> list[tuple[int, Path]]:
    """The run's summaries by number, 0 for the plan's; none of a pruned run that was sealed without one."""
    names = {*run.manifest.files, *(name for act in run.acts for name in act.files)}
    own = {int(fits.group(1) or 0): name for name in names if (fits := _OWN.fullmatch(name))}
    found = [(number, run.files.file(name)) for number, name in sorted(own.items()) if brought(run, name).exists()]
    found = [(number, path) for number, path in found if path.exists()]
    has_outcome = file_record(run, "outcome.parquet") is not None
    if run.is_pruned or (0 in own and (len(own) > 1 or not has_outcome)):
        return found
    records = {name: file_record(run, name) for name in _RESTS_ON}
    if not all(r is None or checked.is_as_written(brought(run, name), r) for name, r in records.items()):
        return found
    if 0 not in own:
        found.append((0, _kept(run, checked, "plan", run.manifest.sha256, write_plan_summary)))
    if has_outcome and len(own) < 2:
        found.append((1, _kept(run, checked, "apply", run.acts[-1].sha256, write_apply_summary)))
    return found


def _kept(run: PriorRun, checked: Checked, what: str, version: str, write: Callable[[RunFiles, Path], None]) -> Path:
    folder = checked.private / "summaries"
    if not folder.is_dir():
        make_directory(folder, access_like(checked.private))
    path = folder / f"{what}-{version[:16]}-{run.run_id}.parquet"
    if not path.exists():
        draft = folder / f"{secrets.token_hex(8)}.part"
        write(run.files, draft)
        protect(draft, access_like(checked.private))
        draft.replace(path)
    return path
