"""The pages about all runs say what the commands go by: the rule of the chain, and every limit with its bound."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.archive_runs import AT, archive_in, settings_in
from trueup.connectors.archive import erasing
from trueup.connectors.archive import reading as runs_of
from trueup.flows.review.archive_told import health, limits
from trueup.flows.review.reading import Reading
from trueup.reports.nights import nights_view
from trueup.transforms.erasure.person import find

FIGURES = ("all", "causes", "ages", "moved", "approvals", "departments", "headcount")
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


def test_every_limit_stands_with_the_bound_it_is_held_to(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, limits={"deactivate": 3, "at_least": 7})
    nights = nights_view({name: [] for name in FIGURES}, left_out=())
    rows = {row.name: row.bound for row in limits(Reading(settings).seen(), nights, settings).rows}
    assert rows["deactivate"] == "at most 3"
    assert rows["delete"] == "none"
    assert rows["update"] == "30 %, never below 7 rows"
    assert rows["apply errors"] == "10 %, never below 20 rows"
    assert len(rows) == 11
