"""The page about the archive's health holds the chain of runs against the same rule as ``trueup verify --archive``."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.archive_runs import AT, archive_in, settings_in
from trueup.connectors.archive import erasing
from trueup.connectors.archive import reading as runs_of
from trueup.flows.review.archive_told import health
from trueup.flows.review.reading import Reading
from trueup.transforms.erasure.person import find

KEPT = Path(__file__).resolve().parents[3] / "archives"


def test_runs_rewritten_by_an_erasure_are_one_chain_still_and_a_missing_run_is_told(tmp_path: Path) -> None:
    archive, settings = archive_in(tmp_path), settings_in(tmp_path)
    shutil.copytree(KEPT / "people_in_acts", archive.path, dirs_exist_ok=True)  # an older format: erasing rewrites it
    person = find(tuple(runs_of.directories(archive.path)), ("ann@contoso.example",), erasing.new_number())
    erasing.erase(archive, person, reason="request", who="Chris", at=AT, render=lambda *_: None)

    def chain() -> list[tuple[str, str]]:
        pages = Reading(settings)
        page = health(pages.seen(), pages.root, settings)
        return [(line.tone, line.text) for line in page.lines if line.subject == "chain"]

    assert chain() == [("ok", "3 runs whole; each names the one before it.")]
    middle, newest = archive.runs()[1], archive.runs()[0]
    shutil.rmtree(middle.files.path)
    assert chain() == [
        ("fix", f"Run {newest.run_id}: the run sealed before it is missing, or its manifest was changed.")
    ]
