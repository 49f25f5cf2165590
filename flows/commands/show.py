"""``trueup show``: a sealed run in the form somebody needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.flows import configuration, screen
from trueup.flows.runs import shown_run

if TYPE_CHECKING:
    from pathlib import Path


def show_run(config: Path, run_id: str, *, form: str, output: Path | None, data_docs: Path | None) -> None:
    """Write the run to ``output`` or stdout.

    Raises:
        Misused: an unknown form; a binary form for a terminal; no such run.
        Failed: it cannot be written.
    """
    from trueup.connectors.archive import open_archive

    settings = configuration.load(config)
    archive = open_archive(settings, writable=False)
    run = shown_run(archive, run_id)
    if data_docs is not None:
        from trueup.expectations.gates import data_docs as build

        screen.say(f"Data Docs: {build(run.files, data_docs)}")
        return
    from trueup.reports import show

    try:
        show(run, archive.history(settings.target.url), form=form, output=output)
        if output is not None:
            screen.note(f"Run {run.run_id} as {form}, {output.stat().st_size:,} bytes, written to {output}.")
    except BrokenPipeError:
        screen.leave_the_pipe()
    except OSError as error:
        screen.leave_the_pipe()
        raise screen.not_shown(error) from error
