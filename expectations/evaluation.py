"""One frame against one suite: Great Expectations' own result, and who failed. The summary first, keys where asked."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.expectations.lighter import configured_once
from trueup.expectations.telemetry import FRAMES
from trueup.transforms.errors import Failed, Misused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SUMMARY = {"result_format": "SUMMARY", "partial_unexpected_count": 0}
_KEYS = {
    "result_format": "COMPLETE",
    "partial_unexpected_count": 0,
    "unexpected_index_column_names": ["key"],
    "exclude_unexpected_values": True,
    "return_unexpected_index_query": False,
}
"""Keys only: a value that failed is a person's data and stands in the snapshot already."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one expectation found."""

    check: str
    subject: str
    severity: str
    success: bool
    failing: int
    total: int
    observed: float | None
    """Of expectations about a column as a whole."""
    keys: tuple[str, ...] | None
    """Who failed; none where keys were not asked for."""
    own: bool
    """Whether it comes from ``[checks] file``."""

    @property
    def share(self) -> float:
        """Failing rows of all rows."""
        return self.failing / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A suite's result as Great Expectations writes it, and the same as figures."""

    record: dict[str, Any]
    measured: tuple[Measured, ...]


def evaluate(
    context: Any,
    name: str,
    rows: Any,
    expectations: Sequence[Any],
    wants_keys: Callable[[Measured], bool],
    *,
    people: int | None = None,
) -> Evaluated:
    """Validate the frame ``rows`` (with a column ``key``) against ``expectations``.

    Args:
        context: an ephemeral Data Context.
        name: of the suite, in the record.
        rows: a pandas frame.
        expectations: instances, with ``check`` and ``subject`` in their meta.
        wants_keys: asked once per expectation that found somebody.
        people: how many the rows stand for, where everybody else is known to pass.

    Raises:
        Misused: an expectation of ``[checks] file`` cannot be evaluated on this data.
        Failed: one of ours cannot.
    """
    validator = _validator(context, rows)
    record = _validate(validator, name, expectations, _SUMMARY)
    if people is not None:
        record["meta"] = {**(record.get("meta") or {}), "looked_at": len(rows), "people": people}
    measured = [_measure(result, keys=None, people=people) for result in record["results"]]
    wanted = [number for number, one in enumerate(measured) if one.failing and wants_keys(one)]
    if wanted:
        by_place = {_place(result): number for number, result in enumerate(record["results"])}
        chosen = {_place_of(expectation): expectation for expectation in expectations}
        again = _validate(validator, name, [chosen[_place(record["results"][n])] for n in wanted], _KEYS)
        for result in again["results"]:
            number = by_place[_place(result)]
            keys = _keys_of(result)
            record["results"][number] = result
            measured[number] = _measure(result, keys=keys, people=people)
    return Evaluated(record, tuple(measured))


def _validator(context: Any, rows: Any) -> Any:
    """One validator for both passes: every batch Great Expectations makes of a frame hashes all of it."""
    from great_expectations.validator.v1_validator import Validator

    source, asset, batch = FRAMES
    definition = context.data_sources.get(source).get_asset(asset).get_batch_definition(batch)
    return Validator(batch_definition=definition, result_format=_SUMMARY, batch_parameters={"dataframe": rows})


def _validate(validator: Any, name: str, expectations: Sequence[Any], result_format: dict[str, Any]) -> dict[str, Any]:
    import great_expectations as gx

    validator.result_format = result_format
    with warnings.catch_warnings():
        # pandas warns of groups in a pattern, which are as good as any other pattern here.
        warnings.simplefilter("ignore", UserWarning)
        # It makes every expectation anew, and a condition as text is deprecated each time.
        warnings.simplefilter("ignore", DeprecationWarning)
        suite = gx.ExpectationSuite(name, expectations=list(expectations))
        with configured_once():
            record: dict[str, Any] = validator.validate_expectation_suite(suite).to_json_dict()
    for result in record["results"]:
        if broken := _exception(result["exception_info"]):
            config = result["expectation_config"]
            meta = config["meta"]
            named = meta.get("check") or config["type"]
            if meta.get("own"):
                raise Misused(
                    f"checks.file: {named} ({config['type']}) cannot be evaluated on this data.",
                    remedy="Check its column, suite and arguments.",
                )
            raise Failed(f"The check {named} could not be evaluated: {broken}.")
    return record


def _exception(info: dict[str, Any]) -> str:
    """The kind of the first exception in either of the two shapes Great Expectations gives it."""
    shapes = [info, *(value for value in info.values() if isinstance(value, dict))]
    for shape in shapes:
        if shape.get("raised_exception"):
            trace = str(shape.get("exception_traceback") or "").strip().splitlines()
            return trace[-1].partition(":")[0] if trace else "an unknown error"
    return ""


def _place(result: dict[str, Any]) -> str:
    return str(result["expectation_config"]["meta"]["place"])


def _place_of(expectation: Any) -> str:
    return str(expectation.meta["place"])


def placed(expectations: Sequence[Any]) -> list[Any]:
    """The same expectations, each told its place so that its result can be found again."""
    for number, expectation in enumerate(expectations):
        expectation.meta = {**(expectation.meta or {}), "place": number}
    return list(expectations)


def _measure(result: dict[str, Any], keys: tuple[str, ...] | None, people: int | None) -> Measured:
    config, found = result["expectation_config"], result["result"]
    meta = config["meta"]
    observed = found.get("observed_value")
    failing, total = int(found.get("unexpected_count") or 0), int(found.get("element_count") or 0)
    # Of a column without any value Great Expectations says that it passed, even where every row of it failed.
    return Measured(
        check=str(meta.get("check") or config["type"]),
        subject=str(meta.get("subject") or config["kwargs"].get("column") or ""),
        severity=str(config.get("severity") or "critical"),
        success=bool(result["success"]) and not (failing and total == int(found.get("missing_count") or 0)),
        failing=failing,
        total=total if people is None else people,
        observed=float(observed) if isinstance(observed, (int, float)) else None,
        keys=keys,
        own=bool(meta.get("own")),
    )


def _keys_of(result: dict[str, Any]) -> tuple[str, ...]:
    listed = result["result"].get("unexpected_index_list") or []
    return tuple(str(key) for entry in listed for key in _as_list(entry["key"]))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
