"""Which rows of a plan are an approver's own: nobody accepts a change of their own record alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.approval.sql import statement
from trueup.transforms.duck.database import connect
from trueup.transforms.duck.parquet import over
from trueup.transforms.vocabulary import WRITING

if TYPE_CHECKING:
    from trueup.transforms.history import PriorRun


def own_rows(run: PriorRun, subject: str, login: str) -> tuple[str, ...]:
    """Keys of the people that would be written and are the approver, sorted.

    Args:
        run: the sealed run.
        subject: the approver's object id, or what a provider calls them.
        login: their user name or mail address; empty where it is not known.
    """
    if not run.files.decisions.exists():
        return ()
    query = over(statement("approval_own_rows"), decisions=run.files.decisions)
    with connect(threads=1) as connection:
        said = {"subject": subject, "login": login, "writing": [one.value for one in WRITING]}
        return tuple(str(row[0]) for row in connection.execute(query, said).fetchall())
