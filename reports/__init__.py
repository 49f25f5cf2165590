"""One frozen view model and its renderers; they decide nothing.

``write_reports`` makes what a run's directory holds; ``show`` gives a run in any form. Both are light to import:
renderers load when they are used.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Literal, get_args

from trueup.transforms.errors import Failed, Misused
from trueup.transforms.private import is_private, write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from rich.console import RenderableType

    from trueup.reports.details import Beside
    from trueup.reports.model import ReportView
    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.manifest import Manifest
    from trueup.transforms.run_files import RunFiles

Form = Literal["text", "html", "md", "xlsx", "csv", "ndjson", "parquet", "json"]
FORMS: tuple[str, ...] = get_args(Form)
_BINARY = ("xlsx", "parquet")
_COMPLETE = ("xlsx", "csv", "ndjson", "parquet", "json")
"""Forms that list everybody, however many."""


def write_reports(
    files: RunFiles, manifest: Manifest, history: History, *, at: datetime, beside: Beside | None = None
) -> ReportView:
    """``report.html`` and ``report.md`` stand in the run's directory, whatever the outcome; gives the view back.

    Args:
        files: the run, not sealed yet.
        manifest: as it will be; hashes of files may be missing.
        history: earlier runs against the same target.
        at: when the report is made; ages count up to here.
        beside: what the run's files do not hold.
    """
    from trueup.reports.html import render_html
    from trueup.reports.markdown import render_markdown
    from trueup.reports.view import build_view

    view = build_view(files, manifest, history, at=at, beside=beside)
    write_private(files.report_html, render_html(view).encode())
    write_private(files.report_md, render_markdown(view).encode())
    return view


def show(run: PriorRun, history: History, *, form: str = "text", output: Path | None = None) -> None:
    """Writes a sealed run, its state and acts included, to ``output`` or, without one, to stdout.

    Raises:
        Misused: an unknown form, or a binary one for a terminal.
        Failed: ``output`` cannot be written.
    """
    if form not in FORMS:
        raise Misused(f"{form!r} is not a format.", remedy=f"Known formats: {', '.join(FORMS)}.")
    if output is None and form in _BINARY and sys.stdout.isatty():
        raise Misused(f"{form} is not for a terminal.", remedy="Name a file with --output, or redirect stdout.")
    view = view_of(run, history, complete=form in _COMPLETE)
    if output is None and form == "text" and sys.stdout.isatty():
        from rich.console import Console

        from trueup.reports.terminal import render_terminal

        Console(highlight=False).print(render_terminal(view))
        return
    content = rendered(view, form)
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        write_private(output, content)
    except OSError as error:
        raise Failed(f"{output} cannot be written: {error.strerror}.", remedy="Name another file.") from error


def write_private(path: Path, content: bytes) -> None:
    """``content`` at ``path``, readable by its owner only where the file is new: it is personal data."""
    if is_private(path):
        write_bytes(path, content)
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def view_of(
    run: PriorRun,
    history: History,
    *,
    complete: bool = False,
    beside: Beside | None = None,
) -> ReportView:
    """The view of a sealed run, with its acts and state; ages count up to its seal."""
    from trueup.reports.view import build_view

    return build_view(
        run.files,
        run.manifest,
        history,
        at=run.manifest.sealed,
        acts=run.acts,
        state=str(run.state),
        complete=complete,
        beside=beside,
    )


def rendered(view: ReportView, form: str) -> bytes:
    """The view in one of ``FORMS``."""
    if form == "html":
        from trueup.reports.html import render_html

        return render_html(view).encode()
    if form == "md":
        from trueup.reports.markdown import render_markdown

        return render_markdown(view).encode()
    if form == "xlsx":
        from trueup.reports.spreadsheet import xlsx

        return xlsx(view)
    if form == "text":
        from trueup.reports.terminal import plain_text

        return plain_text(view).encode()
    from trueup.reports.machine import RENDERERS

    return RENDERERS[form](view)


def terminal_summary(run: PriorRun, history: History | None = None) -> RenderableType:
    """The report of a sealed run on a terminal; with ``history`` it says whether the night was ordinary."""
    from trueup.reports import summaries

    return summaries.terminal_summary(run, history)


def nothing_to_do(run: PriorRun) -> RenderableType:
    """What is said of a run that found the target as it should be, whatever is asked of it."""
    from trueup.reports import summaries

    return summaries.nothing_to_do(run)


def approval_summary(run: PriorRun, details: Mapping[str, Any]) -> RenderableType:
    """Who approved what, and what is left out with its reason."""
    from trueup.reports import summaries

    return summaries.approval_summary(run, details)


def applied_summary(run: PriorRun, records: Sequence[Mapping[str, Any]]) -> RenderableType:
    """The result of an apply: sums, and everybody who was not written."""
    from trueup.reports import summaries

    return summaries.applied_summary(run, records)


def verified_summary(run: PriorRun, document: Mapping[str, Any]) -> RenderableType:
    """Whether the target holds what was written, and what differs."""
    from trueup.reports import summaries

    return summaries.verified_summary(run, document)
