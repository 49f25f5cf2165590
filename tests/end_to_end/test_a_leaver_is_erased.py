"""A leaver is erased with the configuration as it comes, over the command line, and looked for in every byte."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

import httpx
import pyarrow.parquet as pq
import pytest

from tests.end_to_end.test_decisions_over_nights import company, key, person, profile
from trueup.sandbox.directory.data import ENTERPRISE

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.end_to_end.conftest import Office
    from tests.support.warm_commands import Warm

pytestmark = [pytest.mark.nights, pytest.mark.xdist_group("nights")]

NAME = "Zoë O'Brien-Müller"
CALLED = {"displayName": NAME, "givenName": "Zoë", "surname": "O'Brien-Müller", "mobilePhone": "+41 79 555 12 34"}
WORDS = (key("zoe"), "p-zoe", "zoe@contoso.example", "E-zoe", NAME, "O'Brien-Müller", "+41 79 555 12 34")


def spellings(word: str) -> set[str]:
    """How the word could stand in a file: plain, in JSON, HTML, Markdown."""
    markdown = "".join(f"\\{letter}" if letter in "-'+." else letter for letter in word)
    return {word, json.dumps(word)[1:-1], html.escape(word), html.escape(word).replace("&#x27;", "&#39;"), markdown}


def found_in(root: Path) -> list[tuple[str, str]]:
    """Every file that has one of the words in it, Parquet unpacked."""
    found = []
    for path in sorted(root.rglob("*")):
        if not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", errors="replace")
        if path.suffix == ".parquet":
            text += json.dumps(pq.read_table(path).to_pylist(), ensure_ascii=False, default=str)
            text += str(pq.read_metadata(path).metadata)
        small = text.lower()
        found += [
            (path.relative_to(root).as_posix(), word)
            for word in WORDS
            if any(spelt.lower() in small for spelt in spellings(word))
        ]
    return found


def night(office: Office, *words: str) -> Any:
    plan = office.plan()
    if plan["outcome"] != "nothing_to_do":
        office.accept(plan, *words)
        office.apply(plan)
    return plan


def erase(office: Office, who: str) -> Any:
    return office.trueup("erase", who, "--reason", "request", "--as", "Data Protection", "--json")


def the_company(folder: Path, warm: Warm) -> AbstractContextManager[Office]:
    names = ("ann", "bob", "cara", "dora", "emil", "finn", "gina", "hugo", "ines", "jon", "kira", "lars")
    people = [
        person("zoe", **CALLED),
        *(person(name, **({"manager": key("zoe")} if name in {"ann", "bob"} else {})) for name in names),
    ]
    theirs = {"displayName": NAME, "name": {"givenName": "Zoë", "familyName": "O'Brien-Müller"}}
    refers = profile("ann")[ENTERPRISE] | {"manager": {"value": "p-zoe", "displayName": NAME, "$ref": "../Users/p-zoe"}}
    profiles = [
        profile("zoe", title="Clerk", nickName="Zoë the Great") | theirs,
        profile("ann", **{ENTERPRISE: refers}),
        *(profile(name) for name in names if name != "ann"),
    ]
    return company(folder, warm, people, profiles)


def three_nights(office: Office) -> list[Any]:
    """Zoe is somebody's manager, is left out of something, stands in somebody's title, and leaves."""
    office.configure('[limits]\nupdate = "100%"\nchanged = "100%"\n')
    first = night(office, "--exclude", f"{key('zoe')}/title")
    office.sandbox.tenant.set(key("ann"), jobTitle=f"Assistant of {NAME}")
    second = night(office)
    office.sandbox.tenant.delete(key("zoe"))
    for name in ("ann", "bob"):
        office.sandbox.tenant.set(key(name), manager=key("cara"), jobTitle="Engineer")
    left = night(office)
    assert left["counts"]["deactivate"] == 1
    assert office.plan()["outcome"] == "nothing_to_do"
    return [first, second, left]


def delete_profile(office: Office, profile_id: str) -> None:
    headers = {"Authorization": f"Bearer {office.sandbox.scim_token}"}
    httpx.delete(f"{office.sandbox.scim_url}/Users/{profile_id}", headers=headers, trust_env=False).raise_for_status()


def test_a_leaver_is_erased_once_nothing_rests_on_them_and_every_run_is_still_whole(tmp_path: Path, warm: Warm) -> None:
    with the_company(tmp_path, warm) as office:
        nights = three_nights(office)
        refused = erase(office, "zoe@contoso.example")
        assert refused.code == 3
        assert "profile:p-zoe" in refused.json["remedy"], "says what to delete"
        assert "then wait for a run that is applied or has nothing to do" in refused.json["remedy"]
        delete_profile(office, "p-zoe")
        assert erase(office, key("zoe")).code == 3, "the newest read still has the profile"
        assert {word for _, word in found_in(office.archive)} == {*WORDS}
        assert night(office)["outcome"] == "nothing_to_do"

        before = {run["run_id"]: run["state"] for run in office.trueup("runs", "--json").json}
        done = erase(office, "zoe@contoso.example")
        assert done.code == 0, done.err
        assert done.json["rows"] > 20
        assert any("backups" in one for one in done.json["not_reached"])
        assert found_in(office.archive) == []
        verified = office.trueup("verify", "--archive", "--json")
        assert (verified.code, verified.json["damages"]) == (0, [])
        assert {run["run_id"]: run["state"] for run in office.trueup("runs", "--json").json} == before
        assert erase(office, "zoe@contoso.example").code == 2, "nobody of that name is known any more"
        everything_still_answers(office, nights)
        the_way_back(office, nights[0])


def everything_still_answers(office: Office, nights: list[Any]) -> None:
    for run, form in zip(nights, ("html", "xlsx", "json"), strict=True):
        shown = office.trueup("show", run["run_id"], "--format", form, "--output", str(office.folder / f"shown.{form}"))
        assert shown.code == 0, shown.err
        assert "A person was erased from this run" in (office.run_folder(run) / "report.md").read_text()
    assert office.trueup("verify", nights[-1]["run_id"]).code == 0
    asked = """SELECT DISTINCT who, (FROM changes SELECT count(*) WHERE contains(before, 'erased:')) AS was_theirs
        FROM acts WHERE act = 'approved'"""
    answer = office.trueup("sql", asked, "--json").json
    assert [one["who"] for one in answer] == ["Reviewer"]
    assert answer[0]["was_theirs"] > 0, "a manager who was erased is somebody still"
    assert office.trueup("sql", "FROM moves", "--json").code == 0
    assert office.trueup("history", key("ann")).code == 0
    assert office.trueup("history", key("zoe")).code == 2
    assert office.trueup("nights").code == 0


def the_way_back(office: Office, run: Any) -> None:
    back = office.trueup("rollback", "--before", run["run_id"], "--json")
    assert back.code in {0, 3}, back.err
    changes = pq.read_table(office.run_folder(back.json) / "changes.parquet").to_pylist()
    assert not [one for one in changes if "erased:" in str(one)], "nothing is written that stands for nobody"
    moved = {one["key"] for one in changes if "manager" in one["attribute"]}
    assert moved == {key("bob")}, "Bob had no manager then; whom Ann had then was erased, and she is left alone"
    # Ann's profile in the directory itself still has the display name of the manager she had; a new read has it again.
    assert {name.partition("/")[0] for name, _ in found_in(office.archive)} <= {back.json["run_id"]}
    assert office.trueup("verify", "--archive").code == 0
    assert office.plan()["outcome"] == "nothing_to_do"
