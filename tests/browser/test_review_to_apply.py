"""A morning's review from end to end: read, leave two people out, sign, apply; the two are untouched."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import updates_of
from tests.end_to_end.conftest import TRUEUP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from playwright.sync_api import Page

    from tests.end_to_end.conftest import Office

    Opened = Callable[..., AbstractContextManager[Page]]

pytestmark = pytest.mark.browser


@pytest.fixture
def review(office: Office) -> Iterator[Callable[[str], tuple[str, subprocess.Popen[str]]]]:
    """Starts ``trueup review`` and gives the address it says, and the process."""
    started: list[subprocess.Popen[str]] = []

    def start(run_id: str) -> tuple[str, subprocess.Popen[str]]:
        process = subprocess.Popen(
            [TRUEUP, "review", run_id, "--as", "Maja Novak"],
            cwd=office.folder,
            env={**os.environ, **office.sandbox.environment, **office.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        return process.stdout.readline().strip(), process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_two_people_left_out_in_the_browser_are_untouched(
    office: Office, review: Callable[[str], tuple[str, subprocess.Popen[str]]], opened: Opened
) -> None:
    plan = office.plan()
    assert plan["outcome"] == "ready"
    before = office.everything()
    updates = updates_of(office, plan)
    address, process = review(plan["run_id"])
    with opened(address, own=address) as page:
        for _, _, user_name in updates[:2]:
            page.locator(".dt-search input").fill(user_name)
            row = page.locator("#grid tbody tr", has=page.get_by_text(user_name, exact=True)).first
            row.get_by_role("button", name="Leave out").click()
        assert page.locator("#left-out").inner_text().startswith("Left out: 2 people.")
        assert page.locator("#reviewer").input_value() == "Maja Novak"
        page.locator("#note").fill("Asked Bo.")
        page.locator("#accept").click()
        summary = page.locator("#summary").inner_text()
        assert "2 people, and what depends on them." in summary
        assert f"{len(updates) - 2} update" in summary
        page.locator("#confirm").click()
        page.wait_for_selector("body[data-done=approve]")
        assert page.locator("#answer").inner_text().startswith("Accepted by Maja Novak.")
        assert page.locator("header .decided").inner_text().startswith("Accepted by Maja Novak.")
        assert page.locator("header .state").inner_text() == "approved"
    assert process.wait(30) == 0
    assert process.stdout is not None
    printed = process.stdout.read()
    assert f"Approved by Maja Novak: run {plan['run_id']}" in printed
    assert "Note: Asked Bo." in printed
    assert office.everything() == before, "approving wrote to the target"
    applied = office.apply(plan)
    assert applied["state"] == "applied"
    after = office.everything()
    for _, profile, _ in updates[:2]:
        assert after[profile] == before[profile]
    assert all(after[profile] != before[profile] for _, profile, _ in updates[2:])

    again = office.plan()
    text = office.trueup("show", again["run_id"], "--format", "md").out
    assert "2 people left out by Maja Novak last time" in text


def test_a_plan_rejected_in_the_browser_cannot_be_applied(
    office: Office, review: Callable[[str], tuple[str, subprocess.Popen[str]]], opened: Opened
) -> None:
    plan = office.plan()
    before = office.everything()
    address, process = review(plan["run_id"])
    with opened(address, own=address) as page:
        page.locator("#why").fill("The reorganisation is not decided yet")
        page.locator("#reject").click()
        page.wait_for_selector("body[data-done=reject]")
    assert process.wait(30) == 0
    assert office.trueup("apply", plan["run_id"], "--json").code == 3
    assert office.everything() == before
