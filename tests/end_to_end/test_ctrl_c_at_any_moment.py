"""Ctrl-C at sixty moments of a plan: the command stops, says so, and leaves the target alone."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.warm_commands import PATIENCE

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Office

MOMENTS = [0.5 + 0.075 * step for step in range(60)]
"""Seconds after its beginning."""


@pytest.mark.soak
def test_ctrl_c_at_any_moment_of_a_plan_stops_it(office: Office) -> None:
    before = office.everything()
    stopped = 0
    for moment in MOMENTS:
        with office.begun("plan") as process:
            try:
                process.wait(moment)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
                stopped += 1
                out, err = process.communicate(timeout=PATIENCE)
                assert process.returncode == 1, (out, err)
                assert "Stopped. Nothing was written to the target." in err
                assert "Traceback" not in err
    assert stopped > len(MOMENTS) / 2
    assert office.everything() == before
