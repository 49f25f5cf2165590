"""A scheduled night that an apply came into: it is planned once more, by itself, and no oftener."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from trueup.transforms.errors import Refusal, Refused
from trueup.transforms.settings import Settings

AT = datetime(2026, 11, 30, 1, 0, tzinfo=UTC)
SETTINGS = Settings.model_validate({"target": {"url": "https://directory.example/scim/v2"}})


@pytest.mark.parametrize(
    ("codes", "is_planned"),
    [
        (["applied_meanwhile"], True),
        (["apply_running"], True),
        (["applied_meanwhile", "applied_meanwhile"], False),
        (["target_incomplete"], False),
    ],
)
def test_a_night_that_an_apply_came_into_is_planned_once_more(
    monkeypatch: pytest.MonkeyPatch, codes: list[str], *, is_planned: bool
) -> None:
    from trueup.flows import nightly

    left, run = list(codes), object()

    def once(*_: Any, **__: Any) -> Any:
        if left:
            raise Refused(Refusal(left.pop(0), "no"))
        return run

    monkeypatch.setattr(nightly, "reconcile_once", once)
    monkeypatch.setattr(nightly, "_wait_for_apply", lambda *_: None)
    if is_planned:
        assert nightly._planned(SETTINGS, cast("Any", None), AT) is run
        return
    with pytest.raises(Refused) as refused:
        nightly._planned(SETTINGS, cast("Any", None), AT)
    assert refused.value.refusals[0].code == codes[-1]
