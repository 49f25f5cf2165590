"""The review dies by SIGKILL around the writing of a decision: none is lost, none made twice; the page says which."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.team_review import ADA, REVIEWERS, Browser, patiently, tenant, true_run
from tests.unit.flows.review.test_deciding_together import after, asked, following
from trueup.connectors.archive import check_archive, open_archive
from trueup.flows import configuration, listening
from trueup.flows.own_process import COMMAND
from trueup.sandbox import running
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[4]
ACTS_ON_PAGE = re.compile(r'"acts":(\d+),"fingerprint"')


@contextmanager
def review(config: Path, listen: str, dies: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """The service as a process, until the block ends or it dies by itself."""
    start = [sys.executable, "-m", "tests.support.killed_review", str(config), listen, dies]
    words = start if dies else [*COMMAND, "review", "--listen", listen, "--config", str(config)]
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            patiently(lambda: process.poll() is not None or _answers(listen), 60)
            yield process
        finally:
            process.terminate()


def _answers(listen: str) -> bool:
    try:
        return httpx.get(f"http://{listen}/alive", trust_env=False, timeout=5).text == "ok"
    except httpx.TransportError:
        return False


def test_a_decision_is_there_once_or_not_at_all_and_the_page_says_which(tmp_path: Path) -> None:
    listener = listening.listen("127.0.0.1", 0, remedy="")
    listen = f"127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    client = httpx.Client(trust_env=False, timeout=60)
    with client, running(tenant=tenant()) as sandbox, sandbox.in_environment():
        more = f"""
[review]
url = "http://{listen}"
client_id = "{sandbox.client_id}"
client_secret = "env:TRUEUP_CLIENT_SECRET"
reviewers = ["group:{REVIEWERS}"]
"""
        config = tmp_path / "trueup.toml"
        config.write_text(sandbox.configuration(tmp_path / "runs", more=more), encoding="utf-8")
        settings = configuration.load(config)
        run, archive = true_run(settings), open_archive(settings)
        place = f"/runs/{run.run_id}"
        for dies, there in (("drafted", 0), ("written", 1)):
            with review(config, listen, dies) as process:
                ada = Browser(f"http://{listen}", client)
                ada.sign_in("ada")
                assert _said_on(ada, place) == 0
                if not there:
                    assert ada.post(f"{place}/note", {"key": "k-1", "text": "ask HR"}).status_code == 200
                with pytest.raises(httpx.RemoteProtocolError):
                    ada.post(f"{place}/approve", asked(run))
                assert process.wait(20) == -signal.SIGKILL
            acts = archive.load(run.run_id).acts
            assert [act.act for act in acts] == [Act.APPROVED] * there
            assert check_archive(archive.path) == []
        with review(config, listen):
            ada = Browser(f"http://{listen}", client)
            ada.sign_in("ada")
            assert _said_on(ada, place) == 1
            assert "accepted it" in ada.get(place).text
            again = ada.post(f"{place}/approve", asked(run)).json()
            assert (again["code"], "approved by Ada Example" in again["message"]) == ("decided_meanwhile", True)
            with following(ada, run) as events:
                assert after(events)["decisions"]["1"]["who"] == "Ada Example"
                assert [one["text"] for one in after(events)["notes"]["k-1"].values()] == ["ask HR"]
        (act,) = archive.load(run.run_id).acts
        assert act.identity is not None
        assert (act.identity.subject, act.details["notes"]) == (ADA, [{"key": "k-1", "note": "Ada Example: ask HR"}])
        assert json.loads(run.files.manifest.read_bytes())["fingerprint"] == act.fingerprint


def _said_on(browser: Browser, place: str) -> int:
    """How many acts the page knows of."""
    found = ACTS_ON_PAGE.search(browser.get(place).text)
    assert found is not None
    return int(found[1])
