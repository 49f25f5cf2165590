"""Apply without a person at the keyboard: where [approval.auto] covers the plan, and from Prefect's own pages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.end_to_end.test_serve import NOISE, BackgroundService, Service, started, until
from tests.support.allowed import EVERYTHING
from tests.support.warm_commands import CHECKOUT, PATIENCE
from trueup.connectors.archive import add_act, open_archive
from trueup.flows import configuration
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Office

__all__ = ["started"]
pytestmark = [pytest.mark.nights, pytest.mark.xdist_group("serve"), pytest.mark.timeout(400)]


def auto(changes: int, deactivations: int = 1000) -> str:
    return (
        f"[limits]\n{EVERYTHING}\n[approval]\nrequired = false\n"
        f"[approval.auto]\nmax_changes = {changes}\nmax_deactivations = {deactivations}\n"
    )


def acts(office: Office, plan: Any) -> list[dict[str, Any]]:
    folder = office.run_folder(plan) / "acts"
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def test_apply_needs_nobody_where_auto_covers_the_newest_plan_and_says_why_where_it_does_not(office: Office) -> None:
    before = office.everything()
    office.configure(auto(changes=3))
    plan = office.plan()
    said = office.trueup("apply", plan["run_id"])
    assert said.code == 3
    assert "max_changes is 3" in said.err
    assert f"{plan['changes']} changes" in said.err
    assert "deactivations" not in said.err
    assert acts(office, plan) == []
    assert office.everything() == before

    office.configure(auto(changes=100_000))
    overtaken, plan = plan, office.plan()
    said = office.trueup("apply", overtaken["run_id"])
    assert said.code == 3
    assert plan["run_id"] in said.err
    assert "approved" not in [act["act"] for act in acts(office, overtaken)]
    assert office.everything() == before

    done = office.apply(plan)
    assert done["state"] == "applied"
    assert [(act["act"], act["who"]) for act in acts(office, plan)] == [("approved", "auto"), ("applied", "trueup")]
    assert office.everything() != before
    assert office.apply(plan)["applied"] == 0


def go_on(office: Office, at: datetime) -> str:
    """What the night that is due ``at`` says on stderr."""
    code = (
        "import sys; from datetime import datetime; from pathlib import Path; from trueup.flows import nightly\n"
        "settings = nightly.configuration.load(Path('trueup.toml'))\n"
        "from trueup.connectors.archive import open_archive\n"
        "nightly._go_on(settings, open_archive(settings), datetime.fromisoformat(sys.argv[1]))"
    )
    environment = {**office.sandbox.environment, **office.environment, "PYTHONPATH": str(CHECKOUT)}
    return subprocess.run(
        [sys.executable, "-c", code, at.isoformat()],
        cwd=office.folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    ).stderr


def test_a_killed_apply_that_cannot_be_gone_on_with_keeps_no_later_night_from_being_planned(office: Office) -> None:
    office.configure(auto(changes=3))
    now = datetime.now(UTC)
    said = go_on(office, now)
    settings = configuration.load(office.config)
    archive = open_archive(settings)
    (first,) = archive.history(settings.target.url).runs
    assert first.state == "ready", said
    # As a killed process leaves it: approved by itself, the journal open. Since then that approval has ended.
    details = {"auto": True, "expires": now.isoformat()}
    add_act(first, Act.APPROVED, "auto", at=now, fingerprint=first.manifest.fingerprint, details=details)
    first.files.journal.touch(mode=0o600)
    before = office.everything()
    said = go_on(office, now + timedelta(days=1))
    assert f"The approval of run {first.run_id} expired" in said
    assert [run.state for run in open_archive(settings).history(settings.target.url).runs] == ["ready", "interrupted"]
    assert office.everything() == before


def test_a_reviewer_approves_and_applies_through_prefects_own_api(office: Office, started: list[Service]) -> None:
    office.configure(f"[limits]\n{EVERYTHING}\n")
    plan = office.plan()
    assert plan["outcome"] == "ready", plan
    before = office.everything()
    service = BackgroundService(office, 1)
    started.append(service)
    until(service.is_planning, "the service")
    api, host = office.environment["PREFECT_API_URL"], urlsplit(office.sandbox.scim_url).netloc
    with httpx.Client(trust_env=False, timeout=60) as prefect:

        def deployment() -> Any:
            answer = prefect.get(f"{api}/deployments/name/approve and apply/{host}")
            return answer.json() if answer.status_code == 200 else None

        found = until(deployment, "the deployment")
        form = found["parameter_openapi_schema"]
        assert {"run_id", "reviewer", "fingerprint"} <= set(form["required"]), form

        def run(**parameters: str) -> dict[str, Any]:
            given = {"run_id": plan["run_id"], **parameters}

            def asked() -> httpx.Response | None:
                """SQLite turns away whoever would write after another did: asked again, as Prefect's client does."""
                address = f"{api}/deployments/{found['id']}/create_flow_run"
                answer = prefect.post(address, json={"parameters": given})
                return None if answer.status_code == 503 else answer

            begun = until(asked, "Prefect to take a run")
            assert begun.status_code == 201, begun.text

            def ended() -> Any:
                now = prefect.get(f"{api}/flow_runs/{begun.json()['id']}").json()
                return now if now["state"]["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} else None

            return dict(until(ended, "the end of the flow run")["state"])

        refused = run(reviewer="Grace", fingerprint="0" * 12)
        assert refused["type"] == "FAILED", refused
        assert "fingerprint" in refused["message"]
        assert office.everything() == before
        done = run(reviewer="Grace", fingerprint=plan["fingerprint"][:12])
        assert done["type"] == "COMPLETED", done
    assert [(act["act"], act["who"]) for act in acts(office, plan)] == [("approved", "Grace"), ("applied", "trueup")]
    assert office.everything() != before
    assert office.trueup("verify", plan["run_id"]).code in {0, 4}
    assert service.end(signal.SIGTERM) == 0
    assert not NOISE.search(service.said), service.said
