"""The first plan of the very same people and profiles is made once: after that it is copied, which is far cheaper."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from trueup.transforms.history import History
from trueup.transforms.planning.plan import make_plan
from trueup.transforms.run_files import RunFiles

if TYPE_CHECKING:
    from trueup.transforms.planning.request import PlanRequest, PlanResult

_MADE: dict[str, tuple[PlanResult, dict[Path, bytes]]] = {}
"""By everything that was asked and read: what it came to, and each file that planning wrote or changed."""


def first_plan(request: PlanRequest) -> PlanResult:
    """As ``make_plan``, whose plan rests on the run's own files and the request alone where no run was before."""
    assert request.history == History(), "earlier runs are read as well"
    folder = request.files.path
    given = _held(folder)
    asked = hashlib.sha256(repr(_told(request)).encode())
    for path, content in given.items():
        told = _profiles(folder / path) if folder / path == request.files.target else content
        asked.update(f"{path} {len(told)}\n".encode() + told)
    key = asked.hexdigest()
    if key not in _MADE:
        result = make_plan(request)
        _MADE[key] = result, {path: content for path, content in _held(folder).items() if given.get(path) != content}
    else:
        for path, content in _MADE[key][1].items():
            (folder / path).write_bytes(content)
    return _MADE[key][0]


def _told(request: PlanRequest) -> PlanRequest:
    """What is asked, but for where that is: no plan looks at the target, and none was made by another schema before."""
    return replace(
        request,
        files=RunFiles(Path(request.files.run_id)),
        settings=request.settings.model_copy(update={"target": None}),
        schema=replace(request.schema, digest=""),
    )


def _held(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _profiles(path: Path) -> bytes:
    """The profiles, but for when each was made and its version: apply looks at those, and no plan does."""
    rows = pq.read_table(path).to_pylist()
    for row in rows:
        del row["version"]
        row["resource"] = {k: v for k, v in json.loads(row["resource"]).items() if k != "meta"}
    return json.dumps(rows).encode()
