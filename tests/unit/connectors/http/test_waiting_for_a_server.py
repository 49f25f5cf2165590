"""One reader of ``Retry-After``, one backoff and one rate limit, for source and target alike."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from trueup.connectors.http.rate_limit import Turns
from trueup.connectors.http.retry import Backoff, stated_wait
from trueup.connectors.scim.responses import Answer

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7), ("0", 0), ("1.5", 1.5), (" 7 ", 7), ("7, 9", 7), ("-3", 0), ("nan", None), ("", None), (None, None),
        ("soon", None), ("Mon, 23 Nov 2026 01:00:30 GMT", 30), ("Mon, 23 Nov 2026 00:00:00 GMT", 0),
        ("Mon, 23 Nov 2026 01:00:30 -0000", 30),
    ],
)  # fmt: skip
def test_a_server_s_word_is_read_in_every_form_it_may_have(header: str | None, seconds: float | None) -> None:
    assert stated_wait(header, AT) == seconds


def test_a_target_that_asks_for_days_is_not_waited_for_that_long() -> None:
    assert Answer(429, {"retry-after": "864000"}).pause == 600
    assert Answer(429, {"retry-after": "inf"}).pause == 600
    assert Answer(429).pause is None


def test_waits_double_up_to_a_bound_and_the_server_s_word_goes_first() -> None:
    backoff = Backoff(0.5, 3.0)
    assert [backoff.wait(attempt) for attempt in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert backoff.wait(10_000) == 3.0
    assert backoff.wait(0, 0.0) == 0.0
    spread = {Backoff(4.0, 4.0, is_jittered=True).wait(0) for _ in range(50)}
    assert len(spread) > 1
    assert all(2.0 <= wait <= 4.0 for wait in spread)


def test_turns_are_evenly_spaced_and_held_back_together() -> None:
    turns = Turns(per_second=10)
    waits = [turns.take() for _ in range(5)]
    assert all(0.05 < later - earlier <= 0.1 for earlier, later in pairwise(waits))
    turns.hold(5.0)
    assert turns.take() > 4.9
