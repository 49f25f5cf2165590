"""What a limit says when it is exceeded: one sentence with figures, short names, singular and plural."""

from __future__ import annotations

import pytest

from trueup.transforms.manifest import LimitUse
from trueup.transforms.planning.limit_sentences import percent, sentence

_DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
_SENTENCES = {
    ("deactivate", 212, 3104, 0.05, True): "The plan deactivates 212 of 3,104 profiles (6.8 %); the limit is 5 %.",
    (f"emptied:{_DEPARTMENT}", 12, 100, 0.05, True): (
        "The department is emptied for 12 of 100 profiles (12 %); the limit is 5 %."
    ),
    ('changed:emails[type eq "work"].value', 1, 1, 0.4, True): (
        "The work e-mail is changed for 1 of 1 profile (100 %); the limit is 40 %."
    ),
    ("changed:active", 3, 4, 1, False): "The account state is changed for 3 of 4 profiles (75 %); the limit is 1.",
    ("create", 1, 9, 0, False): "The plan creates 1 profile beside 9 active (11.1 %); the limit is 0.",
    ("create", 1200, 0, 1000, False): "The plan creates 1,200 profiles beside 0 active; the limit is 1,000.",
    ("reactivate", 2, 40, 0.04, True): "The plan reactivates 2 profiles beside 40 active (5 %); the limit is 4 %.",
    ("delete", 1, 100, 0, False): "The plan deletes 1 of 100 profiles (1 %); the limit is 0.",
    ("hold", 1, 1, 0.1, True): "The plan sets 1 of 1 person aside (100 %); the limit is 10 %.",
    ("source_drop", 1, 8, 0.1, True): (
        "The plan was made from a source with 1 user fewer than the 8 of the last applied run (12.5 %); "
        "the limit is 10 %."
    ),
    ("window_deactivate", 11, 100, 0.1, True): (
        "The plan brings the deactivations of the last 7 days to 11 of 100 profiles (11 %); the limit is 10 %."
    ),
}


@pytest.mark.parametrize("given", _SENTENCES)
def test_a_limit_is_told_in_a_sentence(given: tuple[str, int, int, float, bool]) -> None:
    name, used, base, limit, is_share = given
    use = LimitUse(
        name=name,
        used=used,
        base=base,
        share=used / base if base else 0.0,
        limit=limit,
        is_share=is_share,
        tripped=True,
        exempt="",
    )
    assert sentence(use, 7) == _SENTENCES[given]


def test_one_day_is_no_plural() -> None:
    use = LimitUse(
        name="window_deactivate", used=2, base=9, share=2 / 9, limit=1, is_share=False, tripped=True, exempt=""
    )
    assert "of the last day to 2 of 9 profiles" in sentence(use, 1)


def test_a_share_just_over_the_bound_does_not_read_like_the_bound() -> None:
    assert percent(501 / 10_000, unlike=0.05) == "5.01 %"
    assert percent(0.05, unlike=0.05) == "5 %"
    assert percent(0.0500001, unlike=0.05) == "5 %"
