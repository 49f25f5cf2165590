"""The frames the suites see: text that repeats is a category, and no value is another for it."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from trueup.expectations.relations import frame
from trueup.expectations.telemetry import quiet_context
from trueup.transforms.duck.database import connect

_QUERY = "SELECT 'k' || i AS key, CASE WHEN i % 3 = 0 THEN NULL ELSE 'n' || (i % 3) END AS name FROM range(30) AS r(i)"


def test_text_that_repeats_becomes_a_category_and_keys_do_not() -> None:
    with connect() as connection:
        rows = frame(connection, f"{_QUERY} ORDER BY i")
    assert isinstance(rows["name"].dtype, pd.CategoricalDtype)
    assert not isinstance(rows["key"].dtype, pd.CategoricalDtype)
    assert [None if pd.isna(name) else name for name in rows["name"][:4]] == [None, "n1", "n2", None]


def test_columns_that_somebody_else_looks_at_stay_text() -> None:
    with connect() as connection:
        rows = frame(connection, _QUERY, plain=["name"])
    assert not isinstance(rows["name"].dtype, pd.CategoricalDtype)


@pytest.mark.parametrize("pattern", ["a", "^$", "[^a]"])
def test_a_pattern_finds_the_same_in_categories_as_in_text(pattern: str) -> None:
    quiet_context()  # Great Expectations is imported through it only: it knows which of its warnings to let pass.
    from trueup.expectations import metrics

    texts = pd.Series(pa.array(["a", None, "b", "", "a", "é"]).to_pandas())
    narrow = texts.astype("category")
    found, expected = metrics._matches(narrow, pattern), metrics._matches(texts, pattern)
    assert found.tolist() == expected.tolist()
    assert metrics._matches(narrow.iloc[:0], pattern).tolist() == []
