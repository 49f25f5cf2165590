"""``[checks] file`` as a Python module: run once, only its two names are looked at."""

from __future__ import annotations

import inspect
import sys
from importlib.abc import ExecutionLoader
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from typing import TYPE_CHECKING, Any

from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from pathlib import Path

_NAME = "trueup_own_checks"


class _AsRead(ExecutionLoader):
    """Loads the text it is given: one that reads the file again may run another than the run seals the digest of."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text

    def get_filename(self, fullname: str) -> str:
        """See :class:`importlib.abc.ExecutionLoader`."""
        del fullname
        return str(self._path)

    def get_source(self, fullname: str) -> str:
        """See :class:`importlib.abc.InspectLoader`."""
        del fullname
        return self._text


def from_module(path: Path, text: str) -> tuple[dict[str, list[Any]], Any]:
    """``EXPECTATIONS`` by suite and ``OVERRIDES`` of the module at ``path``, whose source is ``text``.

    Raises:
        Misused: the module does not load, or the names hold something else.
    """
    from trueup.expectations.telemetry import quiet_context

    quiet_context()
    from great_expectations.expectations.expectation import Expectation

    loader = _AsRead(path, text)
    module = module_from_spec(ModuleSpec(_NAME, loader))
    module.__file__ = str(path)
    sys.modules[_NAME] = module
    try:
        loader.exec_module(module)
    except Exception as error:
        kind = type(error).__name__
        raise Misused(
            f"checks.file: {path.name} does not load ({kind}).", remedy="Run it with Python by itself."
        ) from error
    listed = getattr(module, "EXPECTATIONS", {})
    if not isinstance(listed, dict) or not set(listed) <= {"source", "desired"}:
        raise Misused(
            f"checks.file: {path.name}: EXPECTATIONS must be a dict with the keys source and desired.",
            remedy="See docs/checks.md.",
        )
    for suite, expectations in listed.items():
        for number, expectation in enumerate(expectations):
            if not isinstance(expectation, Expectation):
                raise Misused(
                    f"checks.file: {path.name}: EXPECTATIONS[{suite!r}][{number}] is not an Expectation.",
                    remedy="Use classes of great_expectations.expectations, or subclasses of them.",
                )
            _soften(expectation)
    built = {"source": list(listed.get("source", ())), "desired": list(listed.get("desired", ()))}
    return built, getattr(module, "OVERRIDES", {})


def _soften(expectation: Any) -> None:
    """Give what names no severity that of a TOML file, ``warning``; Great Expectations would make it critical.

    Named is it where it is given to the instance, or where a class outside of Great Expectations states its own.
    """
    from trueup.transforms.vocabulary import Severity

    stated = any(
        "severity" in inspect.get_annotations(kind)
        for kind in type(expectation).__mro__
        if not kind.__module__.startswith(("great_expectations", "pydantic"))
    )
    if not stated and "severity" not in expectation.__fields_set__:
        expectation.severity = str(Severity.WARNING)
