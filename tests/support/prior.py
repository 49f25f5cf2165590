"""An earlier run, as far as reading the source looks at it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trueup.transforms.history import PriorRun
from trueup.transforms.manifest import FileRecord, Manifest
from trueup.transforms.vocabulary import Kind, Outcome

if TYPE_CHECKING:
    from tests.support.reading import Outcome as Reading


def prior_run(reading: Reading) -> PriorRun:
    """What ``reading`` would be once sealed."""
    at = datetime.now(UTC)
    body = reading.files.source.read_bytes()
    manifest = Manifest(
        run_id=reading.files.run_id,
        kind=Kind.RECONCILE,
        outcome=Outcome.READY,
        started=at,
        sealed=at,
        users=reading.snapshot.users,
        delta=reading.snapshot.delta,
        completeness={"source": reading.snapshot.completeness},
        files={"source.parquet": FileRecord(sha256=hashlib.sha256(body).hexdigest(), bytes=len(body))},
    )
    return PriorRun(reading.files, manifest, (), "ready")
