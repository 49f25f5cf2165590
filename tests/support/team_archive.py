"""A sealed archive as a team meets it in the morning: earlier nights that were applied, and one plan that waits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.support.archive_runs import applied, approved, settings_in
from tests.support.report_cases import CASES
from tests.support.report_runs import AT, RUN_ID, Case, key_of, someone, write_run
from trueup.connectors.archive import open_archive, seal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.report_runs import Someone
    from trueup.transforms.history import PriorRun
    from trueup.transforms.settings import Settings

TARGET = "https://contoso.pingboard.example/scim/v2"


def morning(
    folder: Path, name: str = "ordinary", *, nights: int = 8, earlier: Mapping[int, tuple[Someone, ...]] | None = None
) -> Settings:
    """An archive in ``folder`` whose newest run is the case ``name``; gives its configuration.

    ``earlier`` adds people to nights, by how many days ago these were.
    """
    settings = settings_in(folder, target={"url": TARGET})
    for day in range(nights, 0, -1):
        people = (
            *(someone(900 + n, "update", ("title", "Analyst", "Senior", "source_changed")) for n in range(6 + day % 5)),
            *(someone(950 + n, "create") for n in range(day % 3)),
            *(someone(n, "hold", reason_code="finding") for n in (60, 61)),
            *(someone(n, "unchanged") for n in range(100, 145 - day)),
            *(earlier or {}).get(day, ()),
        )  # fmt: skip
        started = AT - timedelta(days=day)
        run = sealed_case(settings, Case(people), f"{started:%Y%m%dT%H%M%SZ}-{day:04x}", days=-day)
        archive = open_archive(settings)
        run = approved(archive, run, ("Maja Novak", "Ana Berg")[day % 2], at=started + timedelta(hours=7))
        applied(archive, run, at=started + timedelta(hours=7, minutes=5))
    if name:
        sealed_case(settings, CASES[name](), RUN_ID)
    return settings


def sealed_case(settings: Settings, case: Case, run_id: str, *, days: int = 0) -> PriorRun:
    """The case as a sealed run of the archive."""
    archive = open_archive(settings)
    files, manifest = write_run(archive.path, case, run_id=run_id, started=AT + timedelta(days=days))
    files.mapping_sql.write_text("SELECT 1", encoding="utf-8")
    seal(files, manifest.model_copy(update={"target": TARGET, "baseline_run": None}))
    return archive.load(run_id)


__all__ = ["RUN_ID", "TARGET", "key_of", "morning", "sealed_case"]
