"""Applies a prepared run in a process of its own, so that it can be killed."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.support.scim_directory import Directory
from tests.support.scim_runs import brisk, settings_for
from trueup.connectors.scim_writer.applying import apply_run
from trueup.transforms.run_files import RunFiles
from trueup.transforms.work import plan_work


def main(folder: str, url: str) -> None:
    """Apply the run in ``folder`` to the directory at ``url``."""
    files = RunFiles(Path(folder))
    work = plan_work(files)
    apply_run(settings_for(Directory(url=url), concurrency=6), files, work, stop=threading.Event(), pace=brisk())
    work.close()
