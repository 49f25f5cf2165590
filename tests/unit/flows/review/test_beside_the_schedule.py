"""The review beside the schedule is a process of its own, which is begun again when it ends and ends with it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.team_review import REVIEWERS, patiently, tenant
from trueup.flows import listening
from trueup.flows.review import beside_serve
from trueup.flows.review.beside_serve import review_beside
from trueup.sandbox import running
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from pathlib import Path


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/alive", trust_env=False, timeout=5).text == "ok"
    except httpx.TransportError:
        return False


def test_it_is_begun_again_and_ends_with_the_schedule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside_serve, "_AT_ONCE_S", 0.1)
    begun: list[int] = []
    started = beside_serve._Keeper._started

    def noted(keeper: beside_serve._Keeper) -> object:
        process = started(keeper)
        begun.append(process.pid)
        return process

    monkeypatch.setattr(beside_serve._Keeper, "_started", noted)
    listener = listening.listen("127.0.0.1", 0, remedy="")
    listen = f"127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    more = f"""
[review]
url = "http://{listen}"
client_secret = "env:TRUEUP_CLIENT_SECRET"
reviewers = ["group:{REVIEWERS}"]
"""
    with running(tenant=tenant()) as sandbox, sandbox.in_environment():
        monkeypatch.setenv("TRUEUP_REVIEW__CLIENT_ID", sandbox.client_id)
        config = tmp_path / "trueup.toml"
        config.write_text(sandbox.configuration(tmp_path / "runs", more=more), encoding="utf-8")
        with review_beside(config, listen):
            patiently(lambda: answers(f"http://{listen}"), 90)
            os.kill(begun[0], signal.SIGKILL)
            patiently(lambda: len(begun) == 2, 90)
            patiently(lambda: answers(f"http://{listen}"), 90)
        assert not answers(f"http://{listen}")


def test_one_that_cannot_start_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside_serve, "_AT_ONCE_S", 90.0)
    config = tmp_path / "trueup.toml"
    config.write_text("[review]\n", encoding="utf-8")
    with pytest.raises(Failed, match="does not start"), review_beside(config, "127.0.0.1:0"):
        raise AssertionError("it began")
