"""Expectations that the built-in ones do not say. Importing this loads Great Expectations.

Values are looked at as Arrow arrays with RE2, the same patterns DuckDB uses; nothing is ever done per row in Python.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import (
    ColumnMapMetricProvider,
)

from trueup.expectations.patterns import ADDRESS, BROKEN, INVISIBLE, LOOKS_LIKE_ADDRESS, OUTER_SPACE, PRESENT


def _matches(column: pd.Series[Any], pattern: str) -> np.ndarray[Any, Any]:
    """Where ``pattern`` is found, null being nowhere; a category is looked at once, however many rows have it."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        found = np.append(_matches(column.cat.categories.to_series(), pattern), [False])
        return np.asarray(found[column.cat.codes.to_numpy()])
    texts = pa.array(column, type=pa.large_string(), from_pandas=True)
    found = pc.fill_null(pc.match_substring_regex(texts, pattern), fill_value=False)
    return np.asarray(found.to_numpy(zero_copy_only=False))


class TextPresent(ColumnMapMetricProvider):
    """A value with at least one character that can be seen; null is absent."""

    condition_metric_name = "column_values.trueup_present"
    filter_column_isnull = False

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series[Any], **_: Any) -> pd.Series[Any]:
        return pd.Series(_matches(column, PRESENT), index=column.index)


class TextFree(ColumnMapMetricProvider):
    """A value in which a pattern is not found; null passes."""

    condition_metric_name = "column_values.trueup_free"
    condition_value_keys = ("pattern",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series[Any], pattern: str, **_: Any) -> pd.Series[Any]:
        return pd.Series(~_matches(column, pattern), index=column.index)


class TextLike(ColumnMapMetricProvider):
    """A value in which a pattern is found; null passes."""

    condition_metric_name = "column_values.trueup_like"
    condition_value_keys = ("pattern",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series[Any], pattern: str, **_: Any) -> pd.Series[Any]:
        return pd.Series(_matches(column, pattern), index=column.index)


class StateOther(ColumnMapMetricProvider):
    """A state, worked out in SQL beforehand, that is none of the named ones; null passes."""

    condition_metric_name = "column_values.trueup_other_than"
    condition_value_keys = ("states",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series[Any], states: list[str], **_: Any) -> pd.Series[Any]:
        return ~column.isin(states)


class ExpectTextToBePresent(ColumnMapExpectation):
    """Everybody has a value that can be seen."""

    map_metric: ClassVar[str] = "column_values.trueup_present"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)
    description: str | None = (
        "Everybody has a value that can be seen: not null, not blank, not made of invisible characters."
    )

    def _validate(
        self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None
    ) -> Any:
        # Great Expectations takes shares of the rows with a value. Here those without one fail: more than half of them
        # made a share above 100 %, which it refuses to report, and all of them a success.
        every_row = {**metrics, "column_values.nonnull.unexpected_count": 0}
        return super()._validate(every_row, runtime_configuration, execution_engine)


class ExpectTextFreeOf(ColumnMapExpectation):
    """No value holds what the pattern (RE2) finds."""

    map_metric: ClassVar[str] = "column_values.trueup_free"
    success_keys: ClassVar[tuple[str, ...]] = ("pattern", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "pattern")
    pattern: str
    description: str | None = "No value holds what the pattern finds."


class ExpectNoInvisibleCharacters(ExpectTextFreeOf):
    """No control, direction or zero-width characters, save joiners where a script needs them."""

    pattern: str = INVISIBLE
    description: str | None = "No value has control, direction or zero-width characters where its script needs none."


class ExpectNoOuterSpace(ExpectTextFreeOf):
    """No space before, behind or twice within."""

    pattern: str = OUTER_SPACE
    description: str | None = "No value has space before or behind it, or twice within."


class ExpectSoundEncoding(ExpectTextFreeOf):
    """No lost letters, no UTF-8 read as something else."""

    pattern: str = BROKEN
    description: str | None = "No value has lost letters (U+FFFD) or is UTF-8 read as a single-byte code page."


class ExpectNoAddressAsName(ExpectTextFreeOf):
    """No name is an address."""

    pattern: str = LOOKS_LIKE_ADDRESS
    description: str | None = "No name has an @ in it."


class ExpectNoPlaceholder(ExpectTextFreeOf):
    """No name is a word that stands for nothing."""

    pattern: str
    description: str | None = "No name is a placeholder such as “-”, “n/a”, “test”, or has no letter at all."


class ExpectUsableAddress(ColumnMapExpectation):
    """Every value is one usual e-mail address."""

    map_metric: ClassVar[str] = "column_values.trueup_like"
    success_keys: ClassVar[tuple[str, ...]] = ("pattern", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "pattern")
    pattern: str = ADDRESS
    description: str | None = "Every value is one usual e-mail address with a domain."


class ExpectStateOtherThan(ColumnMapExpectation):
    """Nobody is in one of the named states, which SQL worked out beforehand."""

    map_metric: ClassVar[str] = "column_values.trueup_other_than"
    success_keys: ClassVar[tuple[str, ...]] = ("states", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "states")
    states: list[str]
    description: str | None = "Nobody is in one of these states."
