"""Great Expectations finds the same, and names it the same, with what we spare it as without."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trueup.expectations import evaluation, lighter
from trueup.expectations.telemetry import expectation_class, quiet_context

ROWS = pd.DataFrame(
    {
        "key": ["a", "b", "c", "d"],
        "name": ["Ann", None, "Bo", "Bo"],
        "kind": pd.Series(["x", "y", None, "x"], dtype="category"),
        "number": [1.0, 2.0, np.nan, 40.0],
    }
)


def made(kind: str, **arguments: Any) -> Any:
    return expectation_class(kind)(**arguments)


def expectations() -> list[Any]:
    return evaluation.placed(
        [
            made("ExpectColumnValuesToNotBeNull", column="name", severity="warning", meta={"check": "named"}),
            made("ExpectColumnValuesToBeUnique", column="name", mostly=0.9),
            made("ExpectColumnValuesToBeInSet", column="kind", value_set=["x", "z"], severity="info"),
            made("ExpectColumnValuesToMatchRegex", column="name", regex="^A", notes="by name"),
            made("ExpectColumnMeanToBeBetween", column="number", min_value=0, max_value=10),
            made("ExpectColumnPairValuesToBeEqual", column_A="name", column_B="kind"),
            made("ExpectCompoundColumnsToBeUnique", column_list=["name", "kind"]),
            made("ExpectTableRowCountToBeBetween", min_value=1, max_value=3),
        ]
    )


def validated() -> tuple[dict[str, Any], tuple[evaluation.Measured, ...]]:
    found = evaluation.evaluate(quiet_context(), "all", ROWS, expectations(), lambda _: True)
    record = {name: value for name, value in found.record.items() if name != "meta"}
    return record, found.measured


def test_a_validation_says_the_same_word_for_word(monkeypatch: pytest.MonkeyPatch) -> None:
    lighter_one = validated()
    monkeypatch.setattr(evaluation, "configured_once", nullcontext)
    assert lighter_one == validated()
    assert {one.success for one in lighter_one[1]} == {True, False}
    assert any(one.keys for one in lighter_one[1])


def test_an_expectation_that_is_changed_after_a_validation_is_another_one() -> None:
    one = made("ExpectColumnValuesToNotBeNull", column="name")
    with lighter.configured_once():
        assert one.configuration is one.configuration
    one.column = "kind"
    assert one.configuration.kwargs == {"column": "kind"}
    with lighter.configured_once():
        assert one.configuration.kwargs == {"column": "kind"}


@pytest.mark.parametrize(
    "arguments",
    [
        {"column": "name", "table": None, "batch_id": "frames-people", "row_condition": None},
        {"column": "name", "mostly": 0.5, "strict_min": True},
        {"column": "name", "value_set": ["x", "y"], "condition": {"parser": "pandas"}},
        {"column": "name", "minimum": np.int64(3), "maximum": float("nan")},
        {"column": "name", 1: "x"},
    ],
)
def test_a_metric_is_named_as_great_expectations_names_it(arguments: dict[Any, Any]) -> None:
    quiet_context()
    from great_expectations.core import id_dict
    from great_expectations.util import convert_to_json_serializable

    with lighter.configured_once():
        name = id_dict.IDDict(arguments).to_id()
    with pytest.MonkeyPatch.context() as plain:
        plain.setattr(id_dict, "convert_to_json_serializable", convert_to_json_serializable)
        assert id_dict.IDDict(arguments).to_id() == name
