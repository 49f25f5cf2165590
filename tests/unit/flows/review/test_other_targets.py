"""The front page of a review shows the other targets of a folder, to whoever may read them there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import settings_in
from tests.support.team_review import ADA, EVE, READERS, patiently, team_review, true_run
from trueup.flows import configuration
from trueup.flows.review import building, neighbours
from trueup.flows.review.neighbours import Neighbours
from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.team_review import Team
    from trueup.sandbox import Sandbox


class Holding:
    """A folder with a configuration for each of four cities, and one that is broken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "targets"
        self.folder.mkdir()

    def write(self, city: str, sandbox: Sandbox, review: str) -> Path:
        text = sandbox.configuration(
            self.folder / f"{city}-runs",
            more=f'[review]\nurl = "https://{city}.example"\nclient_id = "c"\nclient_secret = "env:NONE"\n{review}\n',
        )
        text = text.replace(sandbox.scim_url, f"https://{city}.example/scim/v2")
        path = self.folder / f"{city}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def made(self, sandbox: Sandbox) -> Path:
        self.write("paris", sandbox, f'reviewers = ["id:{ADA.upper()}"]\nreaders = ["group:{READERS}"]')
        self.write("rome", sandbox, f'reviewers = ["id:{EVE}", "upn:rea@contoso.example"]')
        self.write("oslo", sandbox, f'tenant_id = "{ADA}"\nreviewers = ["group:{READERS}"]')
        self.write("nowhere", sandbox, f'reviewers = ["group:{READERS}"]')
        bare = self.folder / "nowhere.toml"
        bare.write_text(bare.read_text("utf-8").replace('url = "https://nowhere.example"\n', ""), encoding="utf-8")
        (self.folder / "broken.toml").write_text("[source", encoding="utf-8")
        return self.folder


def shown(team: Team, user: str) -> list[str]:
    page = team.browser(user).get("/").text
    return re.findall(r'<a href="(https://[a-z]+\.example/)" rel="noreferrer">', page)


def test_whoever_may_read_another_target_sees_it_and_nobody_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "EVERY_S", 0.0)
    monkeypatch.setattr(building, "_elsewhere", lambda job, *words: building.JOBS[job](*words))
    holding = Holding(tmp_path)
    with team_review(tmp_path, beside=holding.made) as team:
        run = true_run(configuration.load(holding.folder / "paris.toml"), counts={"update": 2})
        assert shown(team, "ada") == ["https://paris.example/"]  # by id
        assert shown(team, "rea") == ["https://paris.example/"]  # by group; a name is not looked up for others
        assert shown(team, "bo") == [], "a reviewer here, and nobody there"
        rea = team.browser("rea")
        patiently(lambda: "since Mon 23 Nov" in rea.get("/").text)
        page = rea.get("/").text
        assert run.run_id not in page
        assert "https://paris.example/scim/v2" in page
        assert not any(city in page for city in ("rome", "oslo", "nowhere", "broken"))
        assert "Other targets" not in rea.get("/limits").text

        # Who may not read it any more does not see it any more, and what cannot be read says so.
        paris = holding.write("paris", team.sandbox, f'reviewers = ["id:{ADA}"]')
        (holding.folder / "paris-runs" / run.run_id / "manifest.json").write_text("{}", encoding="utf-8")
        patiently(lambda: "Other targets" not in rea.get("/").text)
        ada = team.browser("ada")
        patiently(lambda: "cannot be read" in ada.get("/").text)
        paris.unlink()
        patiently(lambda: "Other targets" not in ada.get("/").text)


def test_a_folder_without_configurations_is_told_before_anything_is_served(tmp_path: Path) -> None:
    with pytest.raises(Misused, match="no configuration"):
        Neighbours(tmp_path, settings_in(tmp_path, source={"tenant_id": ADA}))
