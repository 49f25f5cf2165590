"""One frozen view model and its renderers; they decide nothing.

``write_reports`` makes what a run's directory holds; ``show`` gives a run in any form. Both are light to import:
renderers load when they are used.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal, get_args

from transforms.errors import Failed, Misused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from reports.model import ReportView
    from transforms.history import History
    from transforms.manifest import ActRecord, Manifest
    from transforms.run_files import RunFiles

Format = Literal["html", "md", "xlsx", "csv", "ndjson", "parquet", "json"]
FORMATS: tuple[str, ...] = get_args(Format)
_BINARY = ("xlsx", "parquet")


def write_reports(files: RunFiles, manifest: Manifest, history: History, *, at: datetime) -> ReportView:
    """``report.html`` and ``report.md`` stand in the run's directory, whatever the outcome; gives the view back.

    Args:
        files: the run, not sealed yet.
        manifest: as it will be; hashes of files may be missing.
        history: earlier runs against the same target.
        at: when the report is made; ages count up to here.
    """
    from reports.html import render_html
    from reports.markdown import render_markdown
    from reports.view import build_view

    view = build_view(files, manifest, history, at=at)
    files.report_html.write_text(render_html(view), encoding="utf-8", newline="\n")
    files.report_md.write_text(render_markdown(view), encoding="utf-8", newline="\n")
    return view


def show(
    files: RunFiles,
    manifest: Manifest,
    acts: Sequence[ActRecord],
    history: History,
    format: str,  # noqa: A002 - the word of the command line
    output: Path | None = None,
) -> None:
    """Writes a sealed run in ``format`` to ``output`` or, without one, to stdout.

    Raises:
        Misused: unknown format, or a binary one to a terminal.
        Failed: ``output`` cannot be written.
    """
    if format not in FORMATS:
        raise Misused(f"{format} is no format of show.", remedy=f"Use one of {', '.join(FORMATS)}.")
    if output is None and format in _BINARY and sys.stdout.isatty():
        raise Misused(f"{format} is not for a terminal.", remedy="Name a file with --output, or redirect stdout.")
    content = rendered(view_of(files, manifest, acts, history), format)
    if output is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise Failed(f"{output} cannot be written: {error.strerror}.", remedy="Name another file.") from error


def view_of(files: RunFiles, manifest: Manifest, acts: Sequence[ActRecord], history: History) -> ReportView:
    """The view of a sealed run, with its acts and state; ages count up to its seal."""
    from reports.view import build_view, state_of

    return build_view(
        files, manifest, history, at=manifest.sealed, acts=tuple(acts), state=state_of(files, manifest, acts)
    )


def rendered(view: ReportView, format: str) -> bytes:  # noqa: A002 - as above
    """The view in one of ``FORMATS``."""
    if format == "html":
        from reports.html import render_html

        return render_html(view).encode()
    if format == "md":
        from reports.markdown import render_markdown

        return render_markdown(view).encode()
    if format == "xlsx":
        from reports.spreadsheet import xlsx

        return xlsx(view)
    from reports.machine import RENDERERS

    return RENDERERS[format](view)
