"""The review dies by SIGKILL while an apply it began is at work: that goes on to its end, once, and is told."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pyarrow.parquet as pq
import pytest

from tests.end_to_end.conftest import TRUEUP
from tests.support.team_review import Browser, patiently
from tests.unit.flows.review.test_deciding_together import after, following
from trueup.connectors.archive import check_archive, open_archive
from trueup.flows import configuration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.conftest import Office

pytestmark = [pytest.mark.services, pytest.mark.timeout(1500)]
INES = ("000c1849-f555-5d7c-953f-b1ecc2852480", "ines.hallgrimsdottir")
SLOWLY = {"TRUEUP_TARGET__REQUESTS_PER_SECOND": "10"}


@contextmanager
def review(office: Office, url: str) -> Iterator[subprocess.Popen[bytes]]:
    words = [TRUEUP, "review", "--listen", url.removeprefix("http://")]
    environment = {**os.environ, **office.sandbox.environment, **office.environment, **SLOWLY}
    with subprocess.Popen(words, cwd=office.folder, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            patiently(lambda: _answers(url), 120)
            yield process
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/alive", trust_env=False, timeout=5).text == "ok"
    except httpx.TransportError:
        return False


def test_an_apply_goes_on_and_the_page_says_so_when_the_review_is_back(office: Office) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{one.getsockname()[1]}"
    office.configure(
        f"""[review]
url = "{url}"
client_id = "{office.sandbox.client_id}"
client_secret = "env:TRUEUP_CLIENT_SECRET"
reviewers = ["id:{INES[0]}"]
apply = true
"""
    )
    plan = office.plan()
    place = f"/runs/{plan['run_id']}"
    with httpx.Client(trust_env=False, timeout=120) as client:
        with review(office, url) as process:
            ines = _signed_in(client, url)
            run = open_archive(configuration.load(office.config)).load(plan["run_id"])
            said = {"fingerprint": run.manifest.fingerprint, "acts": 0}
            accepted = ines.post(f"{place}/approve", said)
            assert accepted.status_code == 200, accepted.text
            assert ines.post(f"{place}/apply", said).status_code == 200
            patiently(lambda: run.files.journal.exists() and run.files.journal.stat().st_size > 0, 600)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            written = run.files.journal.stat().st_size
        with review(office, url):
            ines = _signed_in(client, url)
            with following(ines, run) as events:
                assert after(events)["at_work"], "the apply died with the review, or was over too soon to be seen"
                assert ines.post(f"{place}/apply", said).status_code == 200
                patiently(lambda: (after(events).get("apply") or {}).get("ended"), 300)
                ended = after(events)["apply"]["ended"]
                assert ended in ("refused", "applied"), "a second one is turned away, or finds nothing left to do"
                patiently(lambda: after(events)["state"] == "applied", 600)
                patiently(lambda: not after(events)["at_work"], 120)
            page = ines.get(place).text
            assert "applied it" in page
    assert run.files.journal.stat().st_size > written
    _was_written_once(run.files)
    fresh = open_archive(configuration.load(office.config)).load(plan["run_id"])
    assert [str(act.act) for act in fresh.acts] == ["approved", "applied"]
    assert check_archive(office.archive) == []


def _signed_in(client: httpx.Client, url: str) -> Browser:
    browser = Browser(url, client)
    browser.sign_in(INES[1])
    return browser


def _was_written_once(files: Any) -> None:
    lines = [json.loads(line) for line in files.journal.read_text(encoding="utf-8").splitlines()]
    # Whoever is created gets their manager in a step of its own, once all are there.
    intents = [(line["key"], line["step"]) for line in lines if line.get("event") == "intent"]
    keys = pq.read_table(files.outcome)["key"].to_pylist()
    assert len(set(intents)) == len(intents), "somebody was written twice"
    assert len(keys) == len(set(keys))
    assert {key for key, _ in intents} <= set(keys)
