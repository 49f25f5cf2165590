"""A search by marks finds what a look through every text finds, and nothing else."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from trueup.reports.team import searched
from trueup.reports.team.searched import Searched, all_folded, folded

LETTERS = st.sampled_from("abcABC 1.@\néÉßﬁİ\u0301漢\U0001f600")
TEXTS = st.lists(st.text(LETTERS, max_size=12), max_size=40)


@given(texts=TEXTS, search=st.text(LETTERS, max_size=8), first=st.integers(0, 5))
@example(texts=["ab", "cab", "bca"], search="abc", first=0)  # three letters of two neighbours are not a word
@example(texts=["", "x"], search="\u0301", first=0)
@example(texts=[], search="abc", first=0)
@example(texts=["strasse", "STRAẞE", "Straße"], search="straSSe", first=1)
def test_who_fits_is_found_and_nobody_else(texts: list[str], search: str, first: int) -> None:
    array = all_folded(pa.array(texts, pa.string())).slice(first)
    rows = Searched.of(array).rows(search)
    words = [folded(word) for word in search.split()]
    wanted = [n for n, text in enumerate(texts[first:]) if all(word in folded(text) for word in words)]
    assert rows.tolist() == wanted


def test_more_texts_than_are_marked_at_a_time_keep_their_places() -> None:
    count = 3 * searched._ROWS + 7
    found = Searched.of(pa.array([f"person {n:05d}" for n in range(count)]))
    for number in (0, searched._ROWS - 1, searched._ROWS, count - 1):
        assert found.rows(f"{number:05d} PERSON").tolist() == [number]
    assert len(found.rows("person")) == count
