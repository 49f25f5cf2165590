"""``trueup runs --config DIR``: every target of a folder on one screen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from trueup.flows import screen
from trueup.flows.targets import targets_of
from trueup.transforms.vocabulary import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.flows.targets import TargetRow


def targets_command(folder: Path, *, as_json: bool) -> int:
    """Show each target's newest run, its state and age, and what waits; what is broken is told, and ends nothing."""
    rows = targets_of(folder, datetime.now(UTC))
    if as_json:
        screen.document([row.as_json() for row in rows])
        return Exit.DONE
    screen.say(_table(rows))
    for row in rows:
        if row.error is not None:
            screen.note(f"{row.config}: {row.error}")
    return Exit.DONE


def _table(rows: list[TargetRow]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for word in ("configuration", "target", "newest run", "state", "age", "waits"):
        table.add_column(word, overflow="fold")
    for row in rows:
        state = "broken" if row.error is not None else row.state or "no runs yet"
        waiting = f"since {row.waits_since[:16].replace('T', ' ')}" if row.waits_since else ""
        cells = (row.config, row.target or "", row.run_id or "", state, _age(row.age_seconds), waiting)
        table.add_row(*(Text(screen.visible(cell)) for cell in cells))
    return table


def _age(seconds: int | None) -> str:
    if seconds is None:
        return ""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
