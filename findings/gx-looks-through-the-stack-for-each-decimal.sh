#!/bin/sh
# A Decimal among the values Great Expectations reports, when the result is made ready for JSON.
#
# One would guess that float() is called on it. It is, but first the whole call stack is looked through, with the source
# lines of every frame, to see whether a certain old profiler is calling. Python's inspect.stack() goes through all modules
# that are there for that: a tenth of a second for the first Decimal, milliseconds for each one more. DuckDB's sum() over whole
# numbers is a HUGEINT, which reaches pandas through Arrow as Decimals, so that a column nobody would call decimal is.
#
# It matters where checks should take no longer than what they check: cast such sums to BIGINT.
#
# Seen on 2026-11-30 with Python 3.11, great-expectations 1.24.1, pandas 3.1.1, duckdb 2.0.0 and pyarrow 26.0.1.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check great-expectations==1.24.1 pandas==3.1.1 duckdb==2.0.0 pyarrow==26.0.1
cat >check.py <<'PY'
import inspect
import logging
import os
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
os.environ.update(GX_ANALYTICS_ENABLED="false")
import duckdb
import great_expectations as gx
import great_expectations.util

looked = 0


def stack(*args):
    global looked
    looked += 1
    return inspect.stack(*args)


great_expectations.util.stack = stack
context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = {"globally": False}
asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
batch_definition = asset.add_batch_definition_whole_dataframe("all")
for kind in ("HUGEINT", "BIGINT"):
    frame = duckdb.sql(f"SELECT sum(n)::{kind} AS total FROM range(5) AS numbers(n)").to_arrow_table().to_pandas()
    looked = 0
    batch = batch_definition.get_batch(batch_parameters={"dataframe": frame})
    result = batch.validate(gx.expectations.ExpectColumnMaxToBeBetween(column="total", min_value=0, max_value=100))
    result.to_json_dict()
    print(f"{kind}: a {type(frame['total'][0]).__name__}; the stack was looked through {looked} times")
    if (looked > 0) != (kind == "HUGEINT"):
        raise SystemExit(1)
PY
venv/bin/python check.py
