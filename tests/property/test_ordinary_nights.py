"""Whether a night is ordinary: what holds for any counts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from trueup.transforms.ordinary import ENOUGH, Night, added, unusual, usual

if TYPE_CHECKING:
    from random import Random

KINDS = ("joined", "left", "moved")
DEPARTMENTS = ("Finance", "Sales", None)
COUNTS = st.integers(0, 60)
STORIES = st.dictionaries(st.tuples(st.sampled_from(KINDS), st.sampled_from(DEPARTMENTS)), COUNTS, max_size=9)


Stories = dict[tuple[str, str | None], int]


@st.composite
def nights(draw: st.DrawFn, least: int = 0, most: int = 12) -> list[Night]:
    counts = draw(st.lists(STORIES, min_size=least, max_size=most))
    return [_night(stories, day) for day, stories in enumerate(counts)]


def _night(stories: Stories, day: int = 0) -> Night:
    kinds = {kind: sum(n for (of, _), n in stories.items() if of == kind) for kind in KINDS}
    return Night(date(2026, 1, 1) + timedelta(days=day), kinds, stories)


@given(nights(least=1), STORIES, st.randoms(use_true_random=False))
def test_the_order_of_the_nights_says_nothing(past: list[Night], stories: Stories, random: Random) -> None:
    shuffled = list(past)
    random.shuffle(shuffled)
    assert unusual(_night(stories), past) == unusual(_night(stories), shuffled)


@given(nights(most=ENOUGH - 1), STORIES)
def test_without_a_history_nothing_is_unusual(past: list[Night], stories: Stories) -> None:
    assert unusual(_night(stories), past) == ()


@given(st.integers(ENOUGH, 20), STORIES)
def test_a_night_like_all_the_others_is_ordinary(number: int, stories: Stories) -> None:
    assert unusual(_night(stories), [_night(stories, day) for day in range(number)]) == ()


@given(nights(least=ENOUGH), STORIES, st.sampled_from(KINDS), st.sampled_from(DEPARTMENTS), st.integers(1, 50))
def test_more_of_what_is_unusual_stays_unusual(
    past: list[Night], stories: Stories, kind: str, department: str | None, more: int
) -> None:
    before = {(one.kind, one.department, one.is_department) for one in unusual(_night(stories), past)}
    raised = {**stories, (kind, department): stories.get((kind, department), 0) + more}
    after = {(one.kind, one.department, one.is_department) for one in unusual(_night(raised), past)}
    assert before <= after


@given(nights(least=ENOUGH), STORIES)
def test_what_stands_out_lies_well_above_the_middle_and_in_a_department_above_all_before(
    past: list[Night], stories: Stories
) -> None:
    this = _night(stories)
    found = unusual(this, past)
    for one in found:
        assert one.now >= one.usual.median + 3
        if one.is_department:
            seen = [night.departments.get((one.kind, one.department), 0) for night in past if night.departments]
            assert one.now > max(seen, default=0)
    places = [one.is_department for one in found]
    assert places == sorted(places)


@given(st.lists(COUNTS, min_size=ENOUGH, max_size=30), st.integers(1_000, 10_000))
def test_one_wild_night_hardly_moves_what_is_usual(counts: list[int], wild: int) -> None:
    assert usual([*counts, wild]).median <= sorted(counts)[(len(counts) + 1) // 2]
    assert usual([*counts, wild]).most == wild


@given(nights(least=1, most=4))
def test_the_runs_of_one_night_are_added(runs: list[Night]) -> None:
    whole = added(runs)
    assert whole.night == runs[0].night
    assert whole.kinds == {kind: sum(one.kinds[kind] for one in runs) for kind in KINDS}
    assert whole.departments is not None
    assert sum(whole.departments.values()) == sum(sum((one.departments or {}).values()) for one in runs)
    unknown = added([*runs, Night(runs[0].night, {"left": 3})])
    assert set(unknown.kinds) == {"left"}
    assert unknown.departments is None
