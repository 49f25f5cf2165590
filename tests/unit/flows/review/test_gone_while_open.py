"""A person is erased, or a run pruned, by somebody else while pages of it are open and notes about them exist."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.archive_runs import applied, approved
from tests.support.report_runs import AT, Case, key_of, someone, write_run
from tests.support.team_review import Team, patiently, team_review
from tests.unit.flows.review.test_deciding_together import after, following
from trueup.connectors.archive import check_archive, open_archive, seal
from trueup.connectors.archive.retention import prune
from trueup.flows.erasing import erase_person
from trueup.flows.review import building, reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.report_runs import Someone
    from trueup.transforms.history import PriorRun

ANN, BEN = key_of(1), key_of(2)
TITLE = ("title", "Clerk", "Chief", "source_changed")


@pytest.fixture(scope="module")
def shared_team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with pytest.MonkeyPatch.context() as patch, team_review(tmp_path_factory.mktemp("team"), pages=True) as team:
        patch.setattr(building, "_elsewhere", lambda job, *words: building.JOBS[job](*words))  # quicker than a process
        patch.setattr(reading, "_FRESH_S", 0.0)
        yield team


def night(team: Team, day: int, *people: Someone) -> PriorRun:
    """A night that was accepted and applied."""
    settings, archive = team.service.settings, open_archive(team.service.settings)
    started = AT + timedelta(days=day)
    run_id = f"{started:%Y%m%dT%H%M%SZ}-{day % 100:04x}"
    files, manifest = write_run(archive.path, Case(people), run_id=run_id, started=started)
    files.mapping_sql.write_text("SELECT 1", encoding="utf-8")
    seal(files, manifest.model_copy(update={"target": settings.target.url, "baseline_run": None}))
    run = approved(archive, archive.load(run_id), "Maja Novak", at=started + timedelta(hours=7))
    return applied(archive, run, at=started + timedelta(hours=8))


def traces(text: str) -> list[str]:
    return [word for word in (ANN, "user0001", someone(1, "update").name) if word in text]


def test_a_person_erased_while_their_pages_are_open_is_on_none_of_them_any_more(team: Team) -> None:
    first = night(team, -3, someone(1, "update", TITLE), someone(2, "update", TITLE))
    night(team, -2, someone(2, "unchanged"))
    ada, bo = team.browser("ada"), team.browser("bo")
    base = f"/runs/{first.run_id}"
    assert traces(ada.get(base).text) != []
    assert traces(ada.get(f"/people/{ANN}").text) != []
    form: dict[str, Any] = {"headers": {"Origin": ada.url}, "data": {"csrf": ada.csrf, "q": "0001 user"}}
    assert traces(ada.send("POST", "/people", **form).text) != []
    with following(bo, first) as events:
        for what, said in {
            "look": {"key": ANN, "on": True},
            "note": {"key": ANN, "text": "Ann was ill"},
            "leave-out": {"selectors": [ANN, f"{BEN}/title"], "on": True},
            "here": {"key": ANN},
        }.items():
            assert ada.post(f"{base}/{what}", said).status_code == 200, what
        patiently(lambda: ANN in after(events)["notes"])
        erase_person(team.service.settings, [ANN], reason="request", who="Chris")
        patiently(lambda: not traces(str({**after(events), "here": {}})))
        assert after(events)["decisions"][str(after(events)["acts"])]["what"] == "erased"
        for what, said in {
            "look": {"key": ANN, "on": True},
            "note": {"key": ANN, "text": "Ann was ill"},
            "leave-out": {"selectors": [ANN], "on": True},
            "person": {"key": ANN},
        }.items():
            assert ada.post(f"{base}/{what}", said).status_code == 400, what
        assert ada.post(f"{base}/note", {"key": BEN, "text": "goes on"}).status_code == 200
        assert traces(ada.get(base).text) == []
        assert BEN in ada.get(base).text
        assert ada.get(f"/people/{ANN}").status_code == 404
        assert traces(ada.send("POST", "/people", **form).text) == []
        rows = ada.post(f"{base}/people", {"ask": "those", "keys": [ANN, BEN]}).json()
        assert rows["people"]["id"] == [BEN]
        assert traces(ada.get("/health").text + ada.get("/").text) == []
    kept = (team.folder / "runs" / ".review" / f"{first.run_id}.team.json").read_text(encoding="utf-8")
    assert (traces(kept), BEN in kept) == ([], True)
    assert check_archive(team.folder / "runs") == []


def test_a_run_pruned_while_it_is_open_says_so_and_keeps_its_figures(team: Team) -> None:
    old = night(team, -800, someone(3, "update", TITLE), someone(4, "update", TITLE))
    night(team, -1, someone(2, "unchanged"))
    ada = team.browser("ada")
    base = f"/runs/{old.run_id}"
    assert key_of(3) in ada.get(base).text
    with following(ada, old) as events:
        assert ada.post(f"{base}/note", {"key": key_of(3), "text": "ask HR"}).status_code == 200
        prune(open_archive(team.service.settings), keep_days=400, who="Chris", at=datetime.now(UTC))
        patiently(lambda: after(events)["decisions"].get("3"))
        assert after(events)["decisions"]["3"]["what"] == "pruned"
        assert (after(events)["notes"], after(events)["looked"], after(events)["left_out"]) == ({}, {}, {})
        for what, said in {"note": {"key": "", "text": "x"}, "look": {"key": key_of(3), "on": True}}.items():
            assert ada.post(f"{base}/{what}", said).status_code in (400, 404, 409), what
    assert not (team.folder / "runs" / ".review" / f"{old.run_id}.team.json").exists()
    page = ada.get(base)
    assert (page.status_code, key_of(3) in page.text) == (200, False)
    assert "its figures stay" in page.text
