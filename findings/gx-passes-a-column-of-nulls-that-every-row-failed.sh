#!/bin/sh
# An expectation of one's own about each value of a column, whose metric also looks at nulls and says no to them.
#
# One would guess that the expectation fails the more surely the more rows fail. Great Expectations takes the share of the
# rows with a value. While few have none that goes well; once more rows fail than have a value the share is above 100 %,
# and it reports an internal error instead of a result; and where no row has a value, every row is unexpected and the
# expectation a success all the same.
#
# It matters because the worst night, one on which everybody lost a user name, would pass where "success" is believed.
# The product's own expectation counts a null like any other value.
#
# Seen on 2026-11-29 with Python 3.11, great-expectations 1.24.1, pandas 3.1.1 and numpy 2.4.6.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GX_ANALYTICS_ENABLED=false
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check great-expectations==1.24.1 pandas==3.1.1 numpy==2.4.6
venv/bin/python - <<'PY'
import warnings

import great_expectations as gx
import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics import ColumnMapMetricProvider, column_condition_partial

warnings.simplefilter("ignore")


class Present(ColumnMapMetricProvider):
    condition_metric_name = "column_values.present_here"
    filter_column_isnull = False

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column, **_):
        return column.notna()


class ExpectPresence(ColumnMapExpectation):
    map_metric = "column_values.present_here"
    success_keys = ("mostly",)


def seen(values):
    """Whether it passed, and how many rows were unexpected; None where there is only an error."""
    frame = pd.DataFrame({"name": pd.Series(values, dtype=object)})
    batch = (
        gx.get_context(mode="ephemeral")
        .data_sources.add_pandas("here")
        .add_dataframe_asset("rows")
        .add_batch_definition_whole_dataframe("whole")
        .get_batch({"dataframe": frame})
    )
    result = batch.validate(ExpectPresence(column="name"))
    return result.success, result.result.get("unexpected_count")


found = {
    "two of three have a name": seen(["ann", "bob", None]),
    "one of three has a name": seen(["ann", None, None]),
    "none of three has a name": seen([None, None, None]),
}
for what, (success, unexpected) in found.items():
    print(f"{what}: success {success}, unexpected {unexpected}")
raise SystemExit([*found.values()] != [(False, 1), (False, None), (True, 3)])
PY
