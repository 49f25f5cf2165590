"""Somebody leaves between two nights: only they are read, and the plan that waits for everybody goes on waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.end_to_end.test_decisions_over_nights import company, decisions, key, person, profile
from trueup.connectors.archive.reading import read_run
from trueup.transforms.run_files import RunFiles

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Office
    from tests.support.warm_commands import Warm

pytestmark = pytest.mark.nights
NAMES = ("ann", "bob", "cy", "dan")


def manifest(office: Office, plan: Any) -> dict[str, Any]:
    """As the product reads it: whom it names joined from its side file."""
    return read_run(RunFiles(office.run_folder(plan))).manifest.model_dump(mode="json")


def edit(office: Office, name: str, **values: Any) -> None:
    office.sandbox.tenant.set(key(name), **values)


def done(office: Office, plan: Any, code: int = 0, said: str = "") -> dict[str, tuple[str, str]]:
    """Approve, which says ``said``, and apply; name → result and reason."""
    assert said in office.accept(plan).err
    told = office.apply(plan, code)
    names = {key(name): name for name in NAMES}
    return {names[record["key"]]: (record["result"], record["reason"]) for record in told["records"]}


def what_is_told_of(office: Office, urgent: Any) -> None:
    """The applied run converged, managers nobody read are people all the same, and the screen says what was read."""
    verified = office.trueup("verify", urgent["run_id"], "--json")
    assert (verified.code, verified.json["residual"]) == (0, 0)
    values = pq.read_table(office.run_folder(urgent) / "actual.parquet").to_pylist()
    bosses = {row["key"]: next(v for name, v in row.items() if name.endswith("manager")) for row in values}
    assert bosses == {key("ann"): key("bob"), key("bob"): key("cy")}
    shown = office.trueup("show", urgent["run_id"]).out
    assert "Read in part: 2 people at the source" in shown


def test_a_leaver_is_read_alone_and_the_waiting_plan_passes_over_them(tmp_path: Path, warm: Warm) -> None:
    # Each is the manager of another, in a circle; ann's profile has been renamed.
    people = [person(one, manager=key(other)) for one, other in zip(NAMES, (*NAMES[1:], NAMES[0]), strict=True)]
    with company(tmp_path, warm, people, [profile(one, externalId=key(one)) for one in NAMES]) as office:
        done(office, office.plan())
        office.sandbox.directory.edit("p-ann", userName="ann.before@contoso.example")
        for name in NAMES:
            edit(office, name, jobTitle="Lead")
        waiting = office.plan()
        edit(office, "ann", accountEnabled=False)
        office.sandbox.tenant.delete(key("bob"))

        office.sandbox.tenant.requests.clear()
        urgent = office.plan("--only", "ann@contoso.example", "--only", key("bob"))
        sealed = manifest(office, urgent)
        assert sealed["partial_read"] is True
        assert sealed["only"] == sorted([key("ann"), key("bob")])
        assert sealed["night"] is None
        assert (sealed["users"], sealed["profiles"]) == (1, 2)
        assert decisions(office, urgent) == {"ann": ("deactivate", "disabled"), key("bob"): ("deactivate", "deleted")}
        assert len(office.sandbox.tenant.requests) < 20
        assert "Nobody else was read" in " ".join(sealed["notes"])
        base = {use["name"]: (use["used"], use["base"]) for use in sealed["limits"]}
        assert base["deactivate"] == (2, 4)
        assert base["source_drop"][0] == 0

        assert {one[0] for one in done(office, urgent).values()} == {"applied"}
        everything = office.everything()
        assert [everything[f"p-{name}"]["active"] for name in NAMES] == [False, False, True, True]

        what_is_told_of(office, urgent)
        after = done(
            office, waiting, code=4, said=f"2 people were written by {urgent['run_id']} since this plan was made"
        )
        assert {name: result for name, (result, _) in after.items()} == {
            "ann": "skipped",
            "bob": "skipped",
            "cy": "applied",
            "dan": "applied",
        }
        assert urgent["run_id"] in after["ann"][1]
        titles = {name: office.everything()[f"p-{name}"].get("title") for name in NAMES}
        assert titles == {"ann": "Engineer", "bob": "Engineer", "cy": "Lead", "dan": "Lead"}

        # The night after compares with the plan applied last, and of the two with what was done in between.
        night = office.plan()
        found = decisions(office, night)
        assert found["ann"] == ("unchanged", "disabled")
        assert found[key("bob")] == ("unchanged", "deleted")
        assert found["cy"] == found["dan"] == ("unchanged", "same")
        assert manifest(office, night)["baseline_run"] == waiting["run_id"]
        assert night["outcome"] == "nothing_to_do"

        # No view takes the partial read for a night.
        told = office.trueup("sql", "SELECT night, count(*) AS n FROM people GROUP BY ALL", "--format", "json")
        assert {row["n"] for row in told.json} == {4}
        runs = office.trueup("sql", "SELECT run_id FROM nights", "--format", "json").json
        assert urgent["run_id"] not in {row["run_id"] for row in runs}

        # Taken back, it stays so although the source still says that the account is disabled.
        undo = office.trueup("rollback", urgent["run_id"], "--json", "--only", key("ann"))
        assert undo.code == 0, undo.err
        done(office, undo.json)
        assert office.everything()["p-ann"]["active"] is True
        assert decisions(office, office.plan())["ann"] == ("unchanged", "rolled_back")
        refused = office.trueup("rollback", "--before", urgent["run_id"], "--json")
        assert refused.code == 3
        assert "only the people it was for" in refused.out + refused.err


def test_whoever_cannot_be_judged_alone_is_planned_from_everything_and_it_is_said(tmp_path: Path, warm: Warm) -> None:
    people = [person(one) for one in NAMES]
    with company(tmp_path, warm, people, [profile(one, externalId=key(one)) for one in NAMES]) as office:
        first = manifest(office, office.plan("--only", "ann@contoso.example"))
        assert (first["partial_read"], first["users"]) == (False, 4)
        assert "no run for everybody was applied yet" in " ".join(first["notes"])
        assert office.plan()["outcome"] == "nothing_to_do"
        edit(office, "ann", jobTitle="Lead")
        edit(office, "bob", accountEnabled=False)
        both = office.plan("--only", "ann@contoso.example", "--only", "bob@contoso.example")
        sealed = manifest(office, both)
        assert (sealed["partial_read"], sealed["users"]) == (False, 4)
        assert "only a full read can decide about people who stay" in " ".join(sealed["notes"])
        assert (both["counts"]["update"], both["counts"]["deactivate"]) == (1, 1)
        # The profile went: nobody knows whether there is another.
        office.sandbox.directory.remove("p-bob")
        gone = office.plan("--only", key("bob"))
        assert manifest(office, gone)["partial_read"] is False
        assert decisions(office, gone)["bob"] == ("out_of_scope", "disabled")
