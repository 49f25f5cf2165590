"""A configuration saved while a run is made or applied reaches the next run, never half of this one."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from trueup.flows import configuration

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.end_to_end.conftest import Done, Office

pytestmark = pytest.mark.nights
BROKEN = "this is not TOML"


def while_it_runs(office: Office, *words: str, begun: Callable[[], bool]) -> Done:
    """Run a command whose configuration is spoilt as soon as ``begun``."""
    with ThreadPoolExecutor(1) as pool:
        command = pool.submit(office.trueup, *words)
        deadline = time.monotonic() + 120
        while not begun():
            assert time.monotonic() < deadline
            assert not command.done(), command.result()
            time.sleep(0.002)
        office.config.write_text(BROKEN, encoding="utf-8")
        (office.folder / "own.toml").write_text(BROKEN, encoding="utf-8")
        return command.result()


def test_a_configuration_saved_in_the_middle_does_not_reach_the_run(office: Office) -> None:
    own = '[[expectations]]\nsuite = "source"\ntype = "expect_column_values_to_not_be_null"\ncolumn = "id"\n'
    (office.folder / "own.toml").write_text(own, encoding="utf-8")
    office.configure('[checks]\nfile = "own.toml"\n[limits]\ncreate = "100%"\nupdate = "100%"\n')
    good, digest = office.config.read_text(encoding="utf-8"), configuration.digest(configuration.load(office.config))

    def begun() -> bool:
        return any(office.archive.glob("*/.work/request.json"))

    done = while_it_runs(office, "plan", "--json", begun=begun)
    assert done.code == 0, done.err
    plan = done.json
    manifest = json.loads((office.run_folder(plan) / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["configuration_digest"] == digest

    office.config.write_text(good, encoding="utf-8")
    (office.folder / "own.toml").write_text(own, encoding="utf-8")
    office.accept(plan)
    journal = office.run_folder(plan) / "journal.jsonl"
    done = while_it_runs(office, "apply", plan["run_id"], "--json", begun=journal.exists)
    assert done.code == 0, done.err
    assert done.json["state"] == "applied"
