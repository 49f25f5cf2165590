"""The directory's own report as the way back: managers, people without an e-mail, and what is left alone, shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.test_decisions_over_nights import company, key, person, profile
from trueup.sandbox.directory.data import ENTERPRISE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Office
    from tests.support.warm_commands import Warm

pytestmark = [pytest.mark.nights, pytest.mark.xdist_group("nights")]
NAMES = {"ann": ("Ann", "Lee"), "bob": ("Bob", "Ray"), "cyd": ("Cyd", "Fox")}
REPORT = """Pingboard User ID,First Name,Last Name,Email,Job Title,Reports To,Teams,Location,Start Date
101,Ann,Lee,ann@contoso.example,Head,,Research,Berlin,2020-01-01
102,Bob,Ray,bob@contoso.example,Clerk,Ann Lee,"Sales, Support","Berlin, Bern",2021-01-01
103,Cyd,Fox,,Contractor,bob@contoso.example,,,
104,Eve,Gone,,Ghost,Ann Lee,,,
"""


def named(office: Office) -> dict[str, dict[str, Any]]:
    """Each profile as the directory itself has it, by first name."""
    return {one["name"]["givenName"].lower(): one for one in office.everything().values()}


def test_a_report_restores_managers_and_titles_and_says_what_it_left_alone(tmp_path: Path, warm: Warm) -> None:
    people = [person(n, givenName=g, surname=f, displayName=f"{g} {f}") for n, (g, f) in NAMES.items()]
    profiles = [
        profile(n, externalId=key(n), displayName=f"{g} {f}") | {"name": {"givenName": g, "familyName": f}}
        for n, (g, f) in NAMES.items()
    ]
    file = tmp_path / "report.csv"
    file.write_text(REPORT, encoding="utf-8")
    with company(tmp_path, warm, people, profiles) as office:
        assert office.plan()["outcome"] == "nothing_to_do"
        for words, reason in (
            (("--column", "Locatoin=title"), "Its headers are: Pingboard User ID"),
            (("--column", "Location=titel"), "Did you mean title?"),
            (("--column", "Location"), "HEADER=SCIM path"),
        ):
            done = office.trueup("rollback", "--from", str(file), *words)
            assert done.code == 2
            assert reason in done.err

        done = office.trueup("rollback", "--from", str(file), "--json", "--column", "Teams=nickName")
        assert done.code == 2, "the mapping does not manage nickName"
        teams = f"Teams={ENTERPRISE}:employeeNumber"
        done = office.trueup("rollback", "--from", str(file), "--json", "--column", teams)
        assert done.code == 0, done.err
        plan = done.json
        office.accept(plan)
        assert office.apply(plan)["state"] == "applied"
        now = named(office)
        ids = {name: one["id"] for name, one in now.items()}
        assert {name: one["title"] for name, one in now.items()} == {"ann": "Head", "bob": "Clerk", "cyd": "Contractor"}
        assert now["bob"][ENTERPRISE]["manager"]["value"] == ids["ann"]
        assert now["cyd"][ENTERPRISE]["manager"]["value"] == ids["bob"]
        assert "manager" not in now["ann"][ENTERPRISE]
        assert now["bob"]["addresses"][0]["formatted"] == "Berlin, Bern", "several in one cell stay one text"
        assert now["bob"][ENTERPRISE]["employeeNumber"] == "Sales, Support"

        shown = json.loads(office.trueup("show", plan["run_id"], "--format", "json").out)
        run = office.run_folder(plan)
        places = {
            "stderr": done.err,
            "json": "\n".join(shown["notes"]),
            "markdown": (run / "report.md").read_text(encoding="utf-8"),
            "html": (run / "report.html").read_text(encoding="utf-8"),
            "terminal": " ".join(office.trueup("show", plan["run_id"]).out.split()),
        }
        for where, text in places.items():
            assert "Start Date" in text, where
            assert "rows fit nobody" in text, where
            assert "were found by full name alone" in text, where
        assert office.plan()["outcome"] == "nothing_to_do", "what was restored stays, though the source differs"

        file.write_text("Email,Title\nsomebody@else.example,Head\n", encoding="utf-8")
        done = office.trueup("rollback", "--from", str(file), "--json")
        assert done.code == 3
        assert done.json["refusals"][0]["code"] == "report_fits_nobody"
