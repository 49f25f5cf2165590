"""What an office that looks at Prefect alone reads of a run's end: which it was, why, in counts, and of nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import AT, archive_in, manifest_of
from trueup.flows import endings
from trueup.transforms.errors import Failed, Refusal, Refused
from trueup.transforms.vocabulary import Kind, Outcome

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Written:
    """An apply's result."""

    applied: int = 9
    skipped: int = 0
    failed: int = 0
    interrupted: bool = False
    is_partial: bool = False


BROKEN_OFF = "Partly applied: 4 applied, 0 skipped, 0 failed. It was broken off and goes on with: trueup apply."


@pytest.mark.parametrize(
    ("ending", "message", "tag", "is_failure"),
    [
        (endings.of_apply(Written()), "Applied", "applied", False),
        (
            endings.of_apply(Written(skipped=1, failed=2, is_partial=True)),
            "Partly applied: 9 applied, 1 skipped, 2 failed.",
            "partly-applied",
            True,
        ),
        (endings.of_apply(Written(applied=4, interrupted=True)), BROKEN_OFF, "partly-applied", True),
        (endings.of_rejection(), "Rejected", "rejected", False),
        (endings.of_nothing_left(), "Nothing to do", "nothing-to-do", False),
        (endings.of_error(Failed("No disk.", remedy="Make room.")), "Failed: No disk. Make room.", "failed", True),
        (endings.of_error(Refused(Refusal("stale", "Overtaken."))), "Refused: Overtaken.", "refused", True),
    ],
)
def test_what_fell_short_is_a_failure_with_its_reason_and_all_else_is_not(
    ending: endings.Ending, message: str, tag: str, is_failure: bool
) -> None:
    assert (ending.message, ending.tag, ending.is_failure) == (message, tag, is_failure)


def test_a_plan_that_failed_or_was_refused_says_why(tmp_path: Path) -> None:
    files = archive_in(tmp_path).new_run(Kind.RECONCILE, AT)
    files.report_md.write_text("# it", encoding="utf-8")
    facts = {"started": AT, "sealed": AT, "fingerprint": ""}
    failed = manifest_of(files, outcome=Outcome.FAILED, error="The source could not be read.", **facts)
    ending = endings.of_plan(failed)
    assert (ending.message, ending.is_failure) == ("Failed: The source could not be read.", True)
    limits = (Refusal("limit_delete", "The plan deletes 3."), Refusal("limit_hold", "It holds 40."))
    ending = endings.of_plan(manifest_of(files, outcome=Outcome.REFUSED, refusals=limits, **facts))
    assert (ending.message, ending.tag) == ("Refused: The plan deletes 3. It holds 40.", "refused")
