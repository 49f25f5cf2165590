"""Three nights of reading only what changed, through the command line, against a full read of the same tenant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Office

pytestmark = pytest.mark.xdist_group("incremental")
FULL = 'enterprise_app = "Pingboard"'


def manifest(office: Office, plan: Any) -> Any:
    return json.loads((office.run_folder(plan) / "manifest.json").read_text(encoding="utf-8"))


def content(office: Office, plan: Any, name: str) -> list[Any]:
    rows: list[Any] = pq.read_table(office.run_folder(plan) / name).to_pylist()
    return sorted(rows, key=lambda row: json.dumps(row, default=str, sort_keys=True))


@pytest.mark.soak  # four plans: most of a minute
def test_nights_that_read_only_changes_decide_what_a_full_read_decides(office: Office) -> None:
    tenant = office.sandbox.tenant
    people = [u for u in tenant.users() if u.get("manager") and u["accountEnabled"]]
    managers = {u["manager"] for u in people}
    leaves = [u for u in people if u["id"] not in managers]
    boss = tenant.user(leaves[0]["manager"])
    office.configure(**{FULL: f'{FULL}\nread = "incremental"'})
    first = office.plan()
    assert manifest(office, first)["completeness"]["source"]["read"] == "full"

    tenant.set(leaves[1]["id"], jobTitle="Director of Nights", mobilePhone=None)
    tenant.delete(leaves[2]["id"])
    tenant.delete(boss["id"])
    second = office.plan()
    told = manifest(office, second)
    assert told["completeness"]["source"]["read"] == "incremental", (told["notes"], told["completeness"]["source"])

    tenant.restore(leaves[2]["id"])
    tenant.restore(boss["id"])
    tenant.set(leaves[3]["id"], manager=leaves[4]["id"])
    application = tenant.application("Pingboard")
    tenant.unassign("Pingboard", application.assignments[-1].principal_id)
    third = office.plan()
    told = manifest(office, third)
    assert told["completeness"]["source"]["read"] == "incremental", told["notes"]
    assert told["completeness"]["source"]["full_at"] == manifest(office, second)["completeness"]["source"]["full_at"]

    office.configure()
    full = office.plan()
    assert manifest(office, full)["completeness"]["source"]["read"] == "full"
    for name in ("source.parquet", "desired.parquet", "decisions.parquet", "changes.parquet", "findings.parquet"):
        assert content(office, third, name) == content(office, full, name), name
    assert third["counts"] == full["counts"]
