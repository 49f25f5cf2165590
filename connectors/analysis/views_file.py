"""``views.sql``: the views for the DuckDB shell, with paths relative to the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.connectors.analysis.engine import Engine
from trueup.connectors.analysis.relations import EVERY, FILES, Relations, with_needs
from trueup.connectors.analysis.summarised import summaries_of
from trueup.connectors.archive.atomic_files import access_like, on_disk, replace
from trueup.connectors.archive.locks import folder
from trueup.transforms.summary import word_macro

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.analysis.contents import Contents

FILE = "views.sql"
_HEADER = """\
-- Views over all sealed runs of this archive; written by trueup, may be deleted.
-- They show the runs there were when this was written; trueup sql and trueup.open show those there are.
-- Open them inside the archive with: duckdb -init views.sql"""


def write_views(contents: Contents) -> Path:
    """Write ``views.sql`` into the archive, to be opened there: ``duckdb -init views.sql``. Derived; may be deleted.

    Raises:
        Failed: the archive cannot be written.
    """
    root = contents.root.resolve()
    engine = Engine(contents)
    try:
        engine.prepare(FILES)
        related = Relations(
            contents,
            lambda path: str(path.resolve().relative_to(root)),
            lambda run: summaries_of(run, engine.checked),
            engine.damaged,
        )
        parts = [_HEADER, word_macro(), *(related.create(view) for view in with_needs(EVERY))]
    finally:
        engine.close()
    path = contents.root / FILE
    with on_disk("The archive's views cannot be written"):
        replace(
            path, ("\n\n".join(parts) + "\n").encode(), aside=folder(contents.root), access=access_like(contents.root)
        )
    return path
