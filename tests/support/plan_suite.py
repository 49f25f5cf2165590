"""What the suite ``plan`` finds in a plan, by its SQL alone: quick enough for every plan a test makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.expectations import plan_checks
from trueup.expectations.people import PACKAGE
from trueup.transforms.duck.database import connect, statement

if TYPE_CHECKING:
    from trueup.transforms.run_files import RunFiles


def oddities(files: RunFiles) -> list[str]:
    """Nothing for a sound plan; else what is impossible about it, each with a key."""
    with connect() as connection:
        plan_checks._lay(connection, files)
        odd = f"SELECT key, oddity FROM ({statement('plan_rows', PACKAGE)}) WHERE oddity IS NOT NULL"
        found = [f"{oddity}: {key}" for key, oddity in connection.execute(odd).fetchall()]
        cursor = connection.execute(statement("plan_whole", PACKAGE))
        names = [column[0] for column in cursor.description or ()]
        figures = cursor.fetchone() or ()
        return found + [f"{name}: {figure}" for name, figure in zip(names, figures, strict=True) if figure]
