"""``trueup sql``, ``nights`` and ``export``: the archive as data, from the command line."""

from __future__ import annotations

import io
import sys
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from trueup.flows import configuration, screen
from trueup.reports.sentences import counted
from trueup.transforms.errors import Misused
from trueup.transforms.private import is_any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from trueup.connectors.analysis.archive import Archive

FORMATS = ("table", "csv", "json", "parquet")
_NATURAL = 100_000
"""No terminal is so wide: every column is as wide as what stands in it."""


@contextmanager
def opened(config: Path) -> Iterator[Archive]:
    """The archive of the configuration as data; what was left out of it is said on stderr at the end."""
    from trueup.connectors.analysis.archive import Archive
    from trueup.connectors.archive import open_archive

    settings = configuration.load(config)
    root, zone = open_archive(settings, writable=False).path, settings.schedule.timezone
    with Archive(root, target=settings.target.url, timezone=zone) as archive:
        yield archive
        for one in archive.left_out:
            screen.note(one.text)


def sql_command(config: Path, text: str, *, form: str, output: Path | None) -> int:
    """Answer one statement that only reads."""
    if form not in FORMATS:
        raise Misused(f"{form!r} is not a format of trueup sql.", remedy=f"One of: {', '.join(FORMATS)}.")
    if form == "parquet" and output is None and sys.stdout.isatty():
        raise Misused("Parquet is not for a terminal.", remedy="Give --output FILE, or pipe it.")
    with opened(config) as archive:
        rows = archive.connection().sql(text).arrow()
    if form == "table" and output is None and sys.stdout.isatty():
        from trueup.connectors.analysis.printed import table_of

        screen.say(table_of(rows))
        return 0
    write_out(_rendered(rows, form), output)
    return 0


def export_command(config: Path, folder: Path, *, to: str) -> int:
    """Write people, nights and moves for other tools; only what is new."""
    from trueup.connectors.analysis.export import export

    with opened(config) as archive:
        done = export(archive, folder, to=to)
    screen.say(f"{counted(len(done.nights), 'night')} written to {folder}, {counted(done.rows, 'row')}.")
    if is_any():
        screen.note("The export lies in clear, for other tools to read: [archive] encryption_key does not reach it.")
    return 0


def nights_command(config: Path, *, output: Path | None, as_json: bool) -> int:
    """Show all nights: a page with ``output``, else the short form."""
    from trueup.reports.nights import nights_page, nights_view, short_form

    with opened(config) as archive:
        view = nights_view(archive.figures_of_nights(), left_out=[one.text for one in archive.left_out])
    if as_json:
        screen.document(view.as_json())
    elif output is None:
        screen.say(short_form(view))
    if output is not None:
        write_out(nights_page(view).encode(), output)
        if not as_json:
            screen.say(f"{counted(len(view.nights), 'night')}: {output}")
    return 0


def write_out(content: bytes, output: Path | None) -> None:
    """Put ``content`` into a file only its owner reads, or on stdout."""
    from trueup.connectors.archive.atomic_files import on_disk

    if output is not None:
        with on_disk(f"{output} cannot be written"):
            output.touch(mode=0o600)
            output.write_bytes(content)
        return
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        screen.leave_the_pipe()


def _rendered(rows: pa.Table, form: str) -> bytes:
    if form in {"parquet", "json"} and len(set(rows.column_names)) < len(rows.column_names):
        twice = next(name for name in rows.column_names if rows.column_names.count(name) > 1)
        raise Misused(f"Two columns are called {twice!r}.", remedy="Give one another name: … AS another_name")
    if form == "parquet":
        import pyarrow.parquet as pq

        into = io.BytesIO()
        pq.write_table(rows, into, compression="zstd")
        return into.getvalue()
    if form == "json":
        import orjson

        content: bytes = orjson.dumps(rows.to_pylist(), default=_as_json, option=orjson.OPT_INDENT_2) + b"\n"
        return content
    if form == "csv":
        return _csv(rows)
    from rich.console import Console

    from trueup.connectors.analysis.printed import table_of

    text = io.StringIO()
    Console(file=text, width=_NATURAL, highlight=False).print(table_of(rows))
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines()).encode()


def _as_json(value: object) -> float | str:
    return float(value) if isinstance(value, Decimal) else str(value)


def _csv(rows: pa.Table) -> bytes:
    import csv

    from trueup.connectors.analysis.printed import rows_of
    from trueup.reports.escaping import cell

    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(rows.column_names)
    for row in rows_of(rows):
        lines.writerow([cell(value) if isinstance(value, str) else value for value in row])
    return text.getvalue().encode()
