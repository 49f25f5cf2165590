"""An archive with a key in an object store, by real commands: schedule, team's review, two hosts, a killed seal."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.end_to_end.test_a_leaver_is_erased import NAME, the_company
from tests.end_to_end.test_a_leaver_is_erased_from_a_store import put_down
from tests.end_to_end.test_an_encrypted_archive import encrypted, in_clear, looked_at
from tests.end_to_end.test_decisions_over_nights import key
from tests.end_to_end.test_killed_at_a_store import Company, _host
from tests.end_to_end.test_review_dies_while_applying import review
from tests.end_to_end.test_serve import Service, until
from tests.support.allowed import BY_ITSELF, EVERYTHING
from tests.support.object_stores import faulty, moto_served, new_bucket
from tests.support.team_review import Browser, patiently
from trueup.connectors.archive import open_archive
from trueup.flows import configuration

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Office
    from tests.support.warm_commands import Warm

pytestmark = [pytest.mark.services, pytest.mark.timeout(1500), pytest.mark.xdist_group("killed at a store")]
LIMITS = f"\n[limits]\n{EVERYTHING}\n"
REVIEW = """
[review]
url = "{url}"
client_id = "{client}"
client_secret = "env:TRUEUP_CLIENT_SECRET"
reviewers = ["id:{ann}"]
apply = true
"""


def test_whoever_works_on_it_names_nobody_on_any_disk_or_in_any_object(
    tmp_path: Path, warm: Warm, prefect: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with the_company(tmp_path, warm) as office, moto_served() as endpoint, faulty(endpoint) as faults:
        bucket = new_bucket(endpoint)
        hosts = here, there = _host(office, "here", bucket.through(faults.endpoint)), _host(office, "there", bucket)
        (temp := tmp_path / "temp").mkdir()
        encrypted(there)
        secret = encrypted(here)
        for host in hosts:
            own = host.config.read_text(encoding="utf-8").partition("[limits]")[0]
            host.config.write_text(own + LIMITS, encoding="utf-8")
            host.environment |= {**prefect, "TRUEUP_ARCHIVE_KEY": secret, "TMPDIR": str(temp)}
        for name, value in {**office.sandbox.environment, **there.environment}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("TMPDIR")
        both = Company(office, bucket, here, there, faults, tmp_path)
        with looked_at(here.folder / "data", there.folder / "data", temp):
            first = _by_the_schedule(there)
            _by_the_team(there)
            _one_is_killed(both)
            back = here.trueup("rollback", "--before", first, "--json").json
            here.accept(back)
            assert there.apply(back)["state"] == "applied"
        both.is_whole()
        assert here.trueup("verify", "--archive").code == 0
        objects = put_down(bucket, tmp_path / "objects")
        assert {path.name for path in objects.iterdir()} >= {"claims", "head", "journals", first}
        assert in_clear(objects) == []
        assert here.trueup("sql", "SELECT count(*) AS n FROM moves", "--format", "json").json[0]["n"] > 0


def _by_the_schedule(host: Office) -> str:
    """The night that was missed, made up and applied by ``trueup serve``; gives its run."""
    text = host.config.read_text(encoding="utf-8")
    host.config.write_text(text.replace(LIMITS, BY_ITSELF), encoding="utf-8")
    service = Service(host, 1)
    try:
        until(lambda: "applied" in service.said or service.process.poll() is not None, "the end", 600)
    finally:
        assert service.process.stdin is not None
        service.process.stdin.close()
        assert service.end(signal.SIGTERM) == 0, service.said
    host.config.write_text(text, encoding="utf-8")
    [run] = host.trueup("runs", "--json").json
    assert (run["state"], run["approved_by"]) == ("applied", ["auto"]), service.said
    return str(run["run_id"])


def _by_the_team(host: Office) -> None:
    """A plan read, noted upon, accepted and applied in the team's review; what is noted is kept and names nobody."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    text = host.config.read_text(encoding="utf-8")
    added = REVIEW.format(url=url, client=host.sandbox.client_id, ann=key("ann"))
    host.config.write_text(text + added, encoding="utf-8")
    host.sandbox.tenant.set(key("bob"), jobTitle=f"Assistant of {NAME}")
    plan = host.plan()
    place = f"/runs/{plan['run_id']}"
    archive = open_archive(configuration.load(host.config))
    said: dict[str, Any] = {"fingerprint": archive.load(plan["run_id"]).manifest.fingerprint, "acts": 0}
    with httpx.Client(trust_env=False, timeout=120) as client, review(host, url):
        ann = Browser(url, client)
        ann.sign_in("ann")
        assert NAME in ann.get(place).text
        assert "Zoë" in ann.get(f"/people/{key('zoe')}").text
        for what, asked in (
            ("look", {"key": key("zoe"), "on": True}),
            ("note", {"key": key("bob"), "text": f"{NAME} asked for it"}),
            ("leave-out", {"selectors": [key("zoe")], "on": True}),
            ("approve", said | {"note": f"as {NAME} said"}),
            ("apply", said | {"acts": 1}),
        ):
            answer = ann.post(f"{place}/{what}", asked)
            assert answer.status_code == 200, (what, answer.text)
        patiently(lambda: [*archive.path.glob(f"{plan['run_id']}/acts/*-applied.json")], 200)
        patiently(lambda: "applied it" in ann.get(place).text, 60)
    [shared] = (archive.path / ".review").iterdir()
    assert shared.name == f"{plan['run_id']}.team.json"
    host.config.write_text(text, encoding="utf-8")
    approval = open_archive(configuration.load(host.config)).load(plan["run_id"]).acts[0]
    assert f"{NAME} asked for it" in str(approval.details["notes"])


def _one_is_killed(both: Company) -> None:
    """The seal of a plan dies between two writes; the next host plans, applies, and nothing is lost."""
    tenant = both.office.sandbox.tenant
    tenant.set(key("bob"), jobTitle="Engineer")
    writes = both.writes("plan", "--json")
    assert both.killed(writes - 3, "plan", "--json", after=True) == -9
    both.is_whole()
    tenant.set(key("bob"), jobTitle=f"Assistant of {NAME} again")
    plan = both.there.plan()
    assert plan["counts"]["update"] == 1
    both.there.accept(plan)
    assert both.here.apply(plan)["state"] == "applied"
