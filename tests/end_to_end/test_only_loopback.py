"""Nothing phones home: every connection and every look-up of every process of a plan and an apply, seen from within."""

from __future__ import annotations

import ipaddress
import json
import os
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.conftest import TRUEUP

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Office

pytestmark = [pytest.mark.nights, pytest.mark.xdist_group("leaks"), pytest.mark.timeout(300)]

# Imported by every Python process before anything else; an audit hook cannot be taken away again.
WITNESS = """
import json, os, sys

def witness(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        seen = arguments[1]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        seen = [arguments[0], 0]
    else:
        return
    line = json.dumps([event, os.getpid(), sys.argv[:3], seen], default=str) + "\\n"
    file = os.open(os.environ["WITNESS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, line.encode())
    os.close(file)

sys.addaudithook(witness)
"""
OURS = ("PREFECT_API_URL", "PREFECT_SERVER_ANALYTICS_ENABLED", "GX_ANALYTICS_ENABLED", "DO_NOT_TRACK", "TRUEUP_DEBUG")


def start(office: Office, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command as on a machine where nobody has switched any telemetry off, with a Prefect server of its own."""
    (office.folder / "witness").mkdir(exist_ok=True)
    (office.folder / "witness" / "sitecustomize.py").write_text(WITNESS, encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if name not in OURS},
        **office.sandbox.environment,
        "PREFECT_HOME": str(home),
        "PYTHONPATH": str(office.folder / "witness"),
        "WITNESS": str(office.folder / "seen.ndjson"),
    }
    return subprocess.run(
        [TRUEUP, *words],
        cwd=office.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        umask=0,
    )


def is_near(where: Any) -> bool:
    if isinstance(where, str) or where is None:  # a Unix socket, or the wildcard
        return True
    host = where[0]
    if host in {None, "", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def test_a_first_plan_and_its_apply_talk_to_loopback_only(office: Office) -> None:
    home = office.folder / "fresh" / "prefect"
    planned = start(office, home, "plan", "--json")
    assert planned.returncode in {0, 3}, planned.stderr
    plan = json.loads(planned.stdout)
    office.accept(plan)
    applied = start(office, home, "apply", plan["run_id"], "--json")
    assert applied.returncode == 0, applied.stderr
    seen = [json.loads(line) for line in (office.folder / "seen.ndjson").read_text(encoding="utf-8").splitlines()]
    processes = {pid for _, pid, _, _ in seen}
    assert len(processes) >= 2, "the witness saw too little"
    directory = int(office.sandbox.scim_url.split(":")[2].partition("/")[0])
    assert any(isinstance(where, list) and where[1] == directory for *_, where in seen), "the witness was not there"
    assert [one for one in seen if not is_near(one[3])] == []
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@pytest.mark.soak  # two Prefect servers, and two databases of Prefect's made step by step
def test_two_first_plans_at_once_both_come_out(office: Office) -> None:
    home = office.folder / "fresh"
    with ThreadPoolExecutor(2) as both:
        ends = list(both.map(lambda _: start(office, home, "plan", "--json"), range(2)))
    for done in ends:
        assert done.returncode in {0, 3}, done.stderr
        assert "Traceback" not in done.stderr
    assert len({json.loads(done.stdout)["run_id"] for done in ends}) == 2
    assert len(office.trueup("runs", "--json").json) == 2
