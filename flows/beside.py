"""What a sealed run's own files do not hold and its page can use: links, and what accounts were taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.links import links_of
from trueup.transforms.settings import PeopleSettings

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.reports.details import Beside
    from trueup.transforms.history import PriorRun
    from trueup.transforms.settings import Settings


def beside(settings: Settings, run: PriorRun, aside: Path) -> Beside:
    """Verdicts are judged anew by the run's own rules, into ``aside``: the run keeps only what they came to."""
    from trueup.expectations.people import judge_into
    from trueup.expectations.relations import write
    from trueup.reports.details import Beside
    from trueup.transforms.duck.database import connect

    if not run.files.source.exists():
        return Beside(links_of(settings))
    people = PeopleSettings.model_validate(run.manifest.configuration.get("people") or {})
    with connect() as connection:
        judge_into(connection, run.files.source, people)
        into = aside / "verdicts.parquet"
        write(connection, "SELECT * FROM verdicts", into)
    return Beside(links_of(settings), into)
