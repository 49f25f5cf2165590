"""Great Expectations' Data Docs of a run, built from its ``checks.json`` alone."""

from __future__ import annotations

import html
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trueup.expectations.records import read_records
from trueup.transforms.errors import Failed, Misused

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.transforms.run_files import RunFiles


def build(files: RunFiles, into: Path) -> Path:
    """Write one page per suite and an ``index.html`` below ``into``; returns the index.

    The pages are Great Expectations' own and load its style sheets from the web when looked at.

    Raises:
        Misused: the run has no ``checks.json``.
        Failed: it is damaged, or ``into`` cannot be written.
    """
    records = read_records(files.checks)
    if not records:
        raise Misused(f"{files.run_id} has no checks.json.", remedy="It was refused or failed before the checks.")
    from trueup.expectations.telemetry import quiet_context

    quiet_context()
    try:
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        pages = []
        for number, record in enumerate(records, start=1):
            name = f"{number:02d}-{record['suite_name']}.html"
            _private(into / name, _page(record, files.run_id))
            pages.append((name, record))
        index = into / "index.html"
        _private(index, _index(files.run_id, pages))
    except OSError as error:
        raise Failed(f"{into} cannot be written.", remedy="Choose another folder.") from error
    return index


def _page(record: dict[str, Any], run_id: str) -> str:
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view.view import DefaultJinjaPageView

    import_module("trueup.expectations.metrics")  # registers ours with Great Expectations
    result = expectationSuiteValidationResultSchema.load(record)
    result.meta["run_id"] = RunIdentifier(run_name=run_id)
    rendered = ValidationResultsPageRenderer(run_info_at_end=True).render(result)
    view: Any = DefaultJinjaPageView()
    return str(view.render(rendered))


def _index(run_id: str, pages: list[tuple[str, dict[str, Any]]]) -> str:
    rows = "".join(
        f'<tr><td><a href="{html.escape(name)}">{html.escape(record["suite_name"])}</a></td>'
        f"<td>{record['statistics']['successful_expectations']} of "
        f"{record['statistics']['evaluated_expectations']} passed</td></tr>"
        for name, record in pages
    )
    title = f"Checks of {html.escape(run_id)}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<body><h1>{title}</h1><table>{rows}</table></body></html>"
    )


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
