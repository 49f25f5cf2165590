"""``checks.json``: Great Expectations' results as it writes them, one per suite, and what history reads there."""

from __future__ import annotations

import json
import statistics
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from trueup.transforms.errors import Failed
from trueup.transforms.private import read_text, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trueup.transforms.history import History

REMEMBERED = 7
"""So many applied runs make the usual figures."""


def write_records(path: Path, records: Sequence[dict[str, Any]], rows: Mapping[str, Any] | None = None) -> None:
    """Write ``checks.json`` whole or not at all, readable by the owner only.

    ``{"great_expectations": version, "rows": …, "suites": [ExpectationSuiteValidationResult …]}``; each result's
    ``expectation_config`` has the severity, and in its ``meta`` the check's name and the attribute. ``rows`` says how
    many people there are and how many of them the checks of single rows looked at.
    """
    document: dict[str, Any] = {"great_expectations": version("great-expectations")}
    document |= {"rows": dict(rows)} if rows else {}
    document["suites"] = list(records)
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    write_text(partial, json.dumps(document, ensure_ascii=False, indent=1, default=str))
    partial.replace(path)


def read_records(path: Path) -> list[dict[str, Any]]:
    """The suites of ``checks.json``; none where there is no file.

    Raises:
        Failed: the file is not JSON of this form.
    """
    suites: list[dict[str, Any]] = _read(path)["suites"]
    return suites


def read_rows(path: Path) -> dict[str, Any]:
    """What ``checks.json`` says of the rows that were looked at; nothing where it does not say.

    Raises:
        Failed: the file is not JSON of this form.
    """
    rows: dict[str, Any] = _read(path)["rows"]
    return rows


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {"suites": [], "rows": {}}
    try:
        document = json.loads(read_text(path))
        return {"suites": list(document["suites"]), "rows": dict(document.get("rows") or {})}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Failed(f"{path.name} is damaged.", remedy="Restore the run from a backup; verify --archive.") from error


def append_record(path: Path, record: dict[str, Any]) -> None:
    """Add one suite's result to ``checks.json``, in place of an earlier one of that name made in the same stage."""
    before = _read(path)
    kept = [one for one in before["suites"] if one["suite_name"] != record["suite_name"]]
    write_records(path, [*kept, record], before["rows"])


def medians(history: History) -> dict[str, float]:
    """Figure of the suite ``history`` → median of the last applied runs; nothing on a first run."""
    seen: dict[str, list[float]] = {}
    for run in history.applied[:REMEMBERED]:
        try:
            suites = read_records(run.files.checks)
        except Failed:
            continue
        for suite in suites:
            if suite.get("suite_name") == "history":
                for result in suite["results"]:
                    value = result["result"].get("observed_value")
                    if isinstance(value, (int, float)):
                        seen.setdefault(result["expectation_config"]["kwargs"]["column"], []).append(float(value))
    return {name: statistics.median(values) for name, values in seen.items()}
