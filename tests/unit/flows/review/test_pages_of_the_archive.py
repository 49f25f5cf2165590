"""What the pages read from an archive: damage told, pruned runs in figures, acts at once, people over all runs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import AT as FIRST
from tests.support.archive_runs import approved, archive_in, sealed_run, settings_in
from tests.support.report_cases import CASES
from tests.support.report_runs import AT, RUN_ID, key_of
from tests.support.team_archive import TARGET, morning, sealed_case
from tests.support.team_server import REVIEWER
from trueup.connectors.archive import add_act, open_archive
from trueup.flows.review import building, reading
from trueup.flows.review.gone import Gone
from trueup.flows.review.pages import TeamPages
from trueup.reports.team.model import Frame
from trueup.transforms.errors import Refused
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.transforms.settings import Settings

FRAME = Frame(REVIEWER, "/", "n0nce")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at the archive is never believed for longer than it takes, and nothing waits for another process."""
    monkeypatch.setattr(reading, "_FRESH_S", 0.0)
    monkeypatch.setattr(building, "_elsewhere", lambda job, *words: building.JOBS[job](*words))


@pytest.fixture
def settings(tmp_path: Path, at_once: None) -> Settings:
    return morning(tmp_path, nights=3)


def test_an_archive_that_is_not_there_yet_has_pages_too(tmp_path: Path) -> None:
    pages = TeamPages(settings_in(tmp_path, target={"url": TARGET}))
    assert "There are no runs yet" in pages.page("front", FRAME)
    assert "Find a person" in pages.page("search", FRAME)
    assert "Nobody found" in pages.page("found", FRAME, "ann")
    assert "No runs yet" in pages.page("health", FRAME)
    assert "create" in pages.page("limits", FRAME)
    for run_id in (RUN_ID, "..", "../../etc", "", "20261123T010000Z-7f3a/acts"):
        with pytest.raises(Gone):
            pages.page("run", FRAME, run_id)
    with pytest.raises(Gone):
        pages.page("person", FRAME, key_of(1))


def test_the_first_plan_shows_at_once_also_before_the_curves_know_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = TeamPages(settings_in(tmp_path, target={"url": TARGET}))
    assert "There are no runs yet" in pages.page("front", FRAME)
    with pages._reading_nights:  # somebody reads them, for as long as that takes
        archive = archive_in(tmp_path)
        run = sealed_run(archive, target=TARGET)
        assert "1 plan waits for you" in pages.page("front", FRAME)
        add_act(run, Act.REJECTED, "ann", at=FIRST)
        monkeypatch.setattr(reading, "_FRESH_S", 0.0)
        assert "Nothing waits" in pages.page("front", FRAME)


def test_what_is_decided_shows_at_once_and_the_list_is_kept(settings: Settings) -> None:
    pages, archive = TeamPages(settings), open_archive(settings)
    assert "1 plan waits" in pages.page("front", FRAME)
    assert 'id="accept"' in pages.page("run", FRAME, RUN_ID)
    listing, version = pages.reading.run(RUN_ID).listing, pages.reading.version(RUN_ID)
    left = [{"key": key_of(3), "attribute": None, "because": "left out by name"}]
    approved(archive, archive.load(RUN_ID), "Bo Chen", at=AT + timedelta(days=36_000), left_out=left)
    assert pages.reading.version(RUN_ID) != version
    shown = pages.reading.run(RUN_ID)
    assert shown.acts == 1
    assert shown.listing is listing
    text = pages.page("run", FRAME, RUN_ID)
    assert "<bdi>Bo Chen</bdi> accepted it; left out 1 person" in text
    assert "accepted, to be applied" in pages.page("front", FRAME)
    add_act(archive.load(RUN_ID), Act.REJECTED, "Ana Berg", at=AT + timedelta(days=36_001), reason="No longer right")
    text = pages.page("run", FRAME, RUN_ID)
    assert 'id="accept"' not in text
    assert "was rejected by Ana Berg" in text
    assert "Nothing waits" in pages.page("front", FRAME)


def test_a_newer_plan_closes_the_older_one(settings: Settings) -> None:
    pages = TeamPages(settings)
    assert pages.reading.run(RUN_ID).is_open
    newer = "20261124T010000Z-0001"
    sealed_case(settings, CASES["ordinary"](), newer, days=1)
    shown = pages.reading.run(RUN_ID)
    assert not shown.is_open
    assert newer in shown.why_closed


def test_damage_is_told_and_hides_nothing_else(settings: Settings) -> None:
    pages, archive = TeamPages(settings), open_archive(settings)
    hurt = next(path for path in sorted(archive.path.iterdir()) if path.name.startswith("20261121"))
    manifest = hurt / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("reconcile", "rollback"), encoding="utf-8")
    assert hurt.name in pages.page("health", FRAME)
    assert "to mend" in pages.page("health", FRAME)
    assert hurt.name in pages.page("front", FRAME)
    assert hurt.name in pages.page("search", FRAME)
    with pytest.raises(Refused):
        pages.page("run", FRAME, hurt.name)
    assert 'id="accept"' in pages.page("run", FRAME, RUN_ID)
    (archive.path / RUN_ID / "changes.parquet").write_bytes(b"PAR1")
    with pytest.raises(Refused, match=r"changes\.parquet"):
        TeamPages(settings).page("run", FRAME, RUN_ID)


def test_a_pruned_run_keeps_its_figures(settings: Settings) -> None:
    pages, archive = TeamPages(settings), open_archive(settings)
    run = next(one for one in archive.runs() if one.run_id.startswith("20261120"))
    assert pages.reading.run(run.run_id).listing.size > 0
    names = [path.name for path in run.files.path.glob("*.parquet") if not path.name.startswith("summary")]
    add_act(run, Act.PRUNED, "trueup", at=FIRST + timedelta(days=9), details={"files": names})
    for name in names:
        (run.files.path / name).unlink()
    shown = pages.reading.run(run.run_id)
    assert shown.listing.size == 0
    assert sum(shown.view.counts.values()) > 0
    text = pages.page("run", FRAME, run.run_id)
    assert "removed its people; its figures stay" in text
    assert "Pruned" in pages.page("health", FRAME)


def test_a_person_is_found_by_part_of_a_name_and_told_over_all_runs(settings: Settings) -> None:
    pages = TeamPages(settings)
    text = pages.page("found", FRAME, "user0003 dmitri")
    assert f'href="/people/{key_of(3)}"' in text
    assert text.count("user0003 dmitri") == text.count('value="user0003 dmitri"') == 1, "it stands in the field alone"
    story = pages.page("person", FRAME, key_of(900))
    assert story.count("<time") == 3
    assert "Maja Novak" in story
    assert "Senior" in story
    held = pages.page("person", FRAME, key_of(60)).partition("What the runs decided")[2]
    assert held.count("<time") == 4
    assert not [word for word in ("applied", "accepted by", "ready") if word in held], "nothing was written of them"
    assert "No run has ever planned anything" in pages.page("person", FRAME, key_of(101))
    newer = "20261124T010000Z-0001"
    sealed_case(settings, CASES["empty"](), newer, days=1)
    assert f'href="/people/{key_of(3)}"' in pages.page("found", FRAME, "user0003")
    assert "not in the newest run" in pages.page("found", FRAME, "user0003")


def test_what_is_heavy_is_made_by_another_process(tmp_path: Path) -> None:
    settings = morning(tmp_path, nights=0)
    built = building.build(settings, RUN_ID)
    assert built.listing.size == 63
    assert built.view.run_id == RUN_ID
    (open_archive(settings).path / RUN_ID / "changes.parquet").write_bytes(b"PAR1")
    with pytest.raises(Refused, match=r"changes\.parquet"):
        building.build(settings, RUN_ID)


def test_the_list_is_asked_in_parts(settings: Settings) -> None:
    pages = TeamPages(settings)
    part = json.loads(pages.data("people", RUN_ID, {"filters": [["decision", "writes"]], "length": 4}))
    assert part["filtered"] == 10
    assert len(part["rows"]) == 4
    key = part["people"]["id"][0]
    assert json.loads(pages.data("person", RUN_ID, {"key": key}))["detail"]["earlier"] == []
    assert pages.knows(RUN_ID, [key])
    assert not pages.knows(RUN_ID, [key, "nobody"])
    assert pages.selectors(RUN_ID, "title") == ("title",)
    assert all("/" in one for one in pages.selectors(RUN_ID, "group:0"))


def test_a_page_leaves_out_what_the_run_lists_and_nothing_else(settings: Settings) -> None:
    pages = TeamPages(settings)
    person = key_of(3)
    listed = json.loads(pages.data("person", RUN_ID, {"key": person}))
    assert listed["people"]["id"] == [person]
    for right in (person, f"{person}/title", "title", "update", "group:0", key_of(1)):
        assert pages.understands(RUN_ID, [right, person]), right
    for wrong in ("nobody", "nobody/title", f"{person}/nothing", f"{person}/", "/title", "group:999", "group:x", ""):
        assert not pages.understands(RUN_ID, [person, wrong]), wrong
    many = [key_of(1 + n % 10) for n in range(100_000)]
    assert pages.understands(RUN_ID, [*many, "title"])
