"""What somebody sees who only looks at Prefect: how each run ended, why, in counts, and nobody's name."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.end_to_end.test_serve import names_of
from tests.support.searching import those_in

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Office

pytestmark = pytest.mark.nights
REFUSING = '[limits]\nupdate = "0%"\nat_least = 0\n'


def asked(office: Office, path: str, document: Any) -> Any:
    with httpx.Client(trust_env=False, timeout=60) as client:
        answer = client.post(f"{office.environment['PREFECT_API_URL']}{path}", json=document)
    assert answer.is_success, answer.text
    return answer.json()


def flow_runs(office: Office, run_id: str) -> dict[str, Any]:
    """Flow runs of that name, by the name of their flow."""
    found = asked(office, "/flow_runs/filter", {"flow_runs": {"name": {"any_": [run_id]}}})
    flows = {flow["id"]: flow["name"] for flow in asked(office, "/flows/filter", {})}
    return {flows[run["flow_id"]]: run for run in found}


def lines_of(office: Office, run: Any) -> list[str]:
    wanted = {"logs": {"flow_run_id": {"any_": [run["id"]]}}, "sort": "TIMESTAMP_ASC"}
    return [line["message"] for line in asked(office, "/logs/filter", wanted)]


def heartbeats(office: Office, run: Any) -> list[Any]:
    wanted = {"event": {"name": ["prefect.flow-run.heartbeat"]}, "resource": {"id": [f"prefect.flow-run.{run['id']}"]}}
    for _ in range(50):  # events are kept some seconds after they came
        if found := asked(office, "/events/filter", {"filter": wanted})["events"]:
            return list(found)
        time.sleep(0.2)
    return []


def names_and_tags(office: Office, run: Any) -> list[tuple[str, tuple[str, ...]]]:
    found = asked(office, "/task_runs/filter", {"task_runs": {"flow_run_id": {"any_": [run["id"]]}}})
    return [(task["name"].rpartition("-")[0], tuple(task["tags"])) for task in found]


def ending(run: Any) -> tuple[str, str, str]:
    return run["state_type"], run["state_name"], run["state"]["message"]


def test_each_run_ends_in_prefect_as_what_it_came_to(office: Office) -> None:
    host = office.sandbox.scim_url.split("/")[2]
    office.configure(REFUSING)
    refused = office.plan()
    run = flow_runs(office, refused["run_id"])["reconcile"]
    kind, name, message = ending(run)
    assert (kind, name) == ("FAILED", "Failed")
    assert message.startswith("Refused: ")
    assert next(refusal["message"] for refusal in refused["refusals"]) in message
    assert {"trueup", "reconcile", host, "refused"} <= {*run["tags"]}
    lines = lines_of(office, run)
    assert lines[0].startswith("Read: ")
    assert lines[-1] == "Sealed: refused."

    office.configure()
    ready = office.plan()
    run = flow_runs(office, ready["run_id"])["reconcile"]
    if ready["outcome"] == "ready":
        assert ending(run) == ("COMPLETED", "Completed", "Awaiting approval")
        assert "awaiting-approval" in run["tags"]
    office.accept(ready)
    office.apply(ready)
    run = flow_runs(office, ready["run_id"])["apply"]
    assert ending(run) == ("COMPLETED", "Completed", "Applied")
    assert "applied" in run["tags"]
    assert run["labels"]["trueup.lock"].startswith("apply"), "it ends before the lock is free, so that it needs no off"
    assert heartbeats(office, run), "it says by itself that it is alive"
    assert {*names_and_tags(office, run)} == {("write", ()), ("close", ())}, "no task asks what limits a tag has"

    nothing = office.plan()
    run = flow_runs(office, nothing["run_id"])["reconcile"]
    assert ending(run) == ("COMPLETED", "Completed", "Nothing to do")
    assert "nothing-to-do" in run["tags"]
    seen_of_nobody(office)


def seen_of_nobody(office: Office) -> None:
    """Nobody's name or address stands in what Prefect keeps on disk."""
    kept = b"".join(path.read_bytes() for path in Path(office.environment["PREFECT_HOME"]).glob("prefect.db*"))
    assert kept
    keys = {str(user["id"]) for user in office.sandbox.tenant.users()}
    assert those_in(kept, {one.encode() for one in names_of(office) | keys}) == []
