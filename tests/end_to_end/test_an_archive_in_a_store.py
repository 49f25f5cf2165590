"""Two hosts with a cache of their own and one archive in an object store: nights, an apply, the way back, questions."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.test_decisions_over_nights import company, key, person
from tests.support.object_stores import ENVIRONMENT, Bucket, moto_served, new_bucket

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Office
    from tests.support.warm_commands import Warm

NAMES = ("ann", "bob", "cy", "dan")


def options(bucket: Bucket) -> str:
    said = bucket.section()["options"]
    return "[archive.options]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in said.items())


def at_host(office: Office, name: str, bucket: Bucket) -> Office:
    """The office as another host has it: the same configuration, another folder."""
    folder = office.folder / name
    folder.mkdir()
    there = replace(office, folder=folder, environment=ENVIRONMENT)
    text = office.sandbox.configuration(bucket.address, more=options(bucket))
    there.config.write_text(text, encoding="utf-8")
    return there


def titles(office: Office) -> list[Any]:
    return sorted(one.get("title", "") for one in office.everything().values())


@pytest.mark.services
def test_a_night_planned_here_is_applied_there_and_taken_back_here(tmp_path: Path, warm: Warm) -> None:
    people = [person(one) for one in NAMES]
    with company(tmp_path, warm, people, []) as office, moto_served() as endpoint:
        bucket = new_bucket(endpoint)
        here, there = at_host(office, "here", bucket), at_host(office, "there", bucket)
        first = here.plan()
        assert first["counts"]["create"] == len(NAMES)
        there.accept(first)
        assert there.apply(first)["applied"] == len(NAMES)
        for name in NAMES:
            office.sandbox.tenant.set(key(name), jobTitle="Lead")
        second = there.plan()
        assert (second["counts"]["update"], second["counts"]["create"]) == (len(NAMES), 0)
        here.accept(second)
        assert here.apply(second)["applied"] == len(NAMES)
        assert titles(office) == ["Lead"] * len(NAMES)
        verified = there.trueup("verify", second["run_id"], "--json")
        assert verified.json["converged"]

        back = here.trueup("rollback", second["run_id"], "--json")
        assert back.code == 0, back.err
        here.accept(back.json)
        assert there.apply(back.json)["applied"] == len(NAMES)
        assert "Lead" not in titles(office)

        for one in (here, there):
            whole = one.trueup("verify", "--archive", "--json")
            assert whole.json == {"whole": True, "runs": 3, "damages": []}
        asked = there.trueup("sql", "SELECT count(*) AS n FROM moves", "--format", "json")
        assert asked.json[0]["n"] > 0
        story = there.trueup("history", key("ann"), "--json")
        assert {row["run_id"] for row in story.json} == {first["run_id"], second["run_id"], back.json["run_id"]}
        assert "Lead" in there.trueup("show", second["run_id"], "--format", "md").out
        secret = ENVIRONMENT["STORE_SECRET"].encode()
        assert not [path for path in tmp_path.rglob("*") if path.is_file() and secret in path.read_bytes()]
