"""What is marked as different."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trueup.reports.difference import Parted, parted


def test_only_the_characters_that_differ_are_marked() -> None:
    assert parted("+49 30 1234567", "+49 30 1234568") == (
        Parted("+49 30 123456", "7", ""),
        Parted("+49 30 123456", "8", ""),
    )
    assert parted("Analyst", "Senior Analyst") == (Parted("", "", "Analyst"), Parted("", "Senior ", "Analyst"))


def test_values_that_share_little_are_marked_whole() -> None:
    assert parted("Sales", "Marketing") == (Parted("", "Sales", ""), Parted("", "Marketing", ""))


@given(st.text(), st.text())
def test_the_parts_give_the_values_back(before: str, after: str) -> None:
    one, two = parted(before, after)
    assert one.head + one.differs + one.tail == before
    assert two.head + two.differs + two.tail == after
    assert (one.head, one.tail) == (two.head, two.tail)
