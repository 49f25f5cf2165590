"""What an apply left out is said by its act; verify goes by that and by no approval that did not count."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Office

SHORT = 1.5
"""Seconds an approval holds."""


def test_an_expired_exclusion_leaves_nothing_out_of_verify(office: Office) -> None:
    more = '[limits]\nupdate = "100%"\ncreate = "100%"\nchanged = "100%"\n[approval]\nvalid_hours = '
    office.configure(f"{more}24\n")
    plan = office.plan()
    office.configure(f"{more}{SHORT / 3600}\n")
    done = office.trueup("approve", plan["run_id"], "--as", "First", "--exclude", "title")
    assert done.code == 0, done.err
    time.sleep(SHORT)
    office.configure(f"{more}24\n")
    office.accept(plan)
    assert office.apply(plan)["state"] == "applied"
    assert pq.read_table(office.run_folder(plan) / "left_out-001.parquet").num_rows == 0
    assert office.trueup("verify", plan["run_id"]).code == 0

    changes = pq.read_table(office.run_folder(plan) / "changes.parquet").to_pylist()
    outcome = {
        row["key"]: row["profile_id"] for row in pq.read_table(office.run_folder(plan) / "outcome.parquet").to_pylist()
    }
    key = next(row["key"] for row in changes if row["attribute"] == "title" and row["before"] is not None)
    httpx.patch(
        f"{office.sandbox.scim_url}/Users/{outcome[key]}",
        headers={"Authorization": f"Bearer {office.sandbox.scim_token}", "Content-Type": "application/scim+json"},
        json={
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "title", "value": "Vandal"}],
        },
        trust_env=False,
    ).raise_for_status()
    done = office.trueup("verify", plan["run_id"], "--json")
    assert done.code == 4
    assert [(row["key"], row["attribute"], row["class"]) for row in done.json["records"]] == [(key, "title", "moved")]
    assert office.trueup("verify", "--archive").code == 0


def test_what_an_apply_left_out_stays_left_out_of_verify_when_the_approval_has_ended(office: Office) -> None:
    more = '[limits]\nupdate = "100%"\ncreate = "100%"\nchanged = "100%"\n'
    office.configure(more)
    plan = office.plan()
    office.accept(plan, "--exclude", "title")
    assert office.apply(plan)["state"] == "applied"
    assert set(pq.read_table(office.run_folder(plan) / "left_out-001.parquet").column("attribute").to_pylist()) == {
        "title"
    }
    done = office.trueup("verify", plan["run_id"], "--json")
    assert (done.code, done.json["residual"]) == (0, 0), done.json["records"][:5]
