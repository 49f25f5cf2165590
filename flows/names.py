"""Names beside the keys of an error, where a person reads it on a terminal; services' logs have keys only."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trueup.transforms.errors import TrueupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trueup.transforms.run_files import RunFiles


@contextmanager
def named(runs: Callable[[], Iterable[RunFiles]]) -> Iterator[None]:
    """Let an error of the block carry the names of the people it names by key, as ``runs`` have them.

    Nothing is looked up, and nothing carried, unless stderr is a terminal.
    """
    try:
        yield
    except TrueupError as error:
        if sys.stderr.isatty():
            for files in runs():
                error.names = {**names_in(error.message, files), **error.names}
        raise


def names_in(message: str, files: RunFiles) -> dict[str, str]:
    """Key → name of everybody of the run whose key stands in ``message``."""
    from trueup.reports.keys import words_of
    from trueup.reports.people import names_of
    from trueup.transforms.duck.database import connect
    from trueup.transforms.duck.parquet import rows_of

    if not files.decisions.exists():
        return {}
    with connect() as db:
        db.execute(
            f"CREATE TABLE decisions AS FROM {rows_of(files.decisions)} WHERE list_contains($words::VARCHAR[], key)",
            {"words": sorted(words_of(message))},
        )
        return dict(db.execute(names_of(db, files)).fetchall())
