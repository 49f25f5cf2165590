"""Great Expectations without its telemetry, progress bars and state on disk: the one place that imports it first."""

from __future__ import annotations

import os
import warnings
from importlib import import_module
from typing import Any

from trueup.expectations.later import LATER, load_later

_OFF = {"GX_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}


FRAMES = ("frames", "people", "whole")
"""The one data source of a context, its asset and its batch definition; each frame is handed over beside them."""


def quiet_context() -> Any:
    """An ephemeral Data Context that writes nothing and tells nobody; the first call takes about two seconds."""
    os.environ.update(_OFF)
    load_later(*LATER)
    with warnings.catch_warnings():
        # Its modules import what newer Pythons deprecate (sre_constants); nothing a reader of ours could mend.
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )
        from great_expectations.execution_engine import pandas_execution_engine

    # It hashes every value of a frame below this size to name the batch, and no larger one: with a million people that
    # is as long as all checks together. Our frames are named by the run, whose files have a SHA-256 each.
    pandas_execution_engine.HASH_THRESHOLD = 0
    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            # The default makes a temporary folder for its docs and leaves it behind.
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
        ),
    )
    # Once: the context writes all of its configuration as YAML whenever something is added.
    source, asset, batch = FRAMES
    context.data_sources.add_pandas(source).add_dataframe_asset(asset).add_batch_definition_whole_dataframe(batch)
    return context


def load() -> None:
    """Have everything the checks import in memory, so that they need not wait for it; the first call takes seconds."""
    quiet_context()
    for name in ("metrics", "suites", "frames", "check_relations"):
        import_module(f"trueup.expectations.{name}")


def expectation_class(kind: str) -> Any:
    """The class registered as ``kind`` (snake or camel case) with Great Expectations, ours included; else None."""
    quiet_context()
    from great_expectations.expectations import registry

    import_module("trueup.expectations.metrics")  # registers ours with Great Expectations
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in kind).lstrip("_")
    if snake not in registry.list_registered_expectation_implementations():
        return None
    return registry.get_expectation_impl(snake)
