"""``views.sql``: the views for the DuckDB shell, with paths relative to the archive."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from trueup.connectors.analysis.checked import FOLDER as CACHE
from trueup.connectors.analysis.checked import Checked
from trueup.connectors.analysis.contents import contents
from trueup.connectors.analysis.engine import Engine
from trueup.connectors.analysis.relations import EVERY, FILES, Relations, with_needs
from trueup.connectors.analysis.summarised import summaries_of
from trueup.connectors.archive.atomic_files import access_like, folder, on_disk, replace
from trueup.connectors.archive.places import place_of, vault_of
from trueup.transforms.errors import Failed, Misused
from trueup.transforms.summary import word_macro

if TYPE_CHECKING:
    from pathlib import Path


FILE = "views.sql"
_HEADER = """\
-- Views over all sealed runs of this archive; written by trueup, may be deleted.
-- They show the runs there were when this was written; trueup sql and trueup.open show those there are.
-- Open them inside the archive with: duckdb -init views.sql"""


def write_views(root: Path, *, target: str | None = None, timezone: str = "UTC") -> Path:
    """Write ``views.sql`` into the archive, to be opened there: ``duckdb -init views.sql``. Derived; may be deleted.

    Raises:
        Failed: the archive cannot be written.
    """
    root = root.resolve()
    vault = vault_of(root)
    if vault.opened is not None or any(vault.is_encrypted(run_id) for run_id in place_of(root).run_ids()):
        raise Misused(
            "The DuckDB shell cannot read an encrypted archive.",
            remedy="Ask it with trueup sql; or copy it in clear: trueup archive copy FROM TO --decrypt",
        )
    with closing(Checked(root)) as checked:
        if not checked.folder.is_relative_to(root):
            raise Failed(
                f"The archive's views cannot be written: they read from {root / CACHE}, where nothing can be written.",
                remedy="Make that a folder you may write to; or ask with trueup sql, which can do without.",
            )
        found = contents(root, target=target, timezone=timezone, checked=checked)
        engine = Engine(found, checked)
        try:
            engine.prepare(FILES)
            related = Relations(
                found,
                lambda path: str(path.resolve().relative_to(root)),
                lambda run: summaries_of(run, engine.checked),
                engine.damaged,
            )
            parts = [_HEADER, word_macro(), *(related.create(view) for view in with_needs(EVERY))]
        finally:
            engine.end()
    path = root / FILE
    with on_disk("The archive's views cannot be written"):
        replace(path, ("\n\n".join(parts) + "\n").encode(), aside=folder(root), access=access_like(root))
    return path
