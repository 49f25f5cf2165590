"""What takes half of the time in which Great Expectations validates, and need not be done.

It makes the configuration of an expectation anew each time it looks at it, some ninety times for one expectation. And
the name of a metric is a hash of its arguments, each of which, mostly a short text, is first held against every type of
NumPy and pandas.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN = frozenset({str, int, bool, type(None)})
"""Types that JSON has: for these there is nothing to convert."""
_KEPT: ContextVar[dict[int, tuple[Any, Any]] | None] = ContextVar("kept", default=None)
"""Identity of an expectation → the expectation, so that nothing else gets that identity, and its configuration."""


@contextmanager
def configured_once() -> Iterator[None]:
    """Keep the configuration of every expectation in the block, where none is changed."""
    _keep_configurations()
    _convert_what_is_not_plain()
    token = _KEPT.set({})
    try:
        yield
    finally:
        _KEPT.reset(token)


@cache
def _keep_configurations() -> None:
    from great_expectations.expectations.expectation import Expectation

    kind: Any = Expectation  # its types know nothing of how a property is made
    work_out = kind.configuration.fget

    def configuration(self: Any) -> Any:
        kept = _KEPT.get()
        if kept is None:
            return work_out(self)
        if id(self) not in kept:
            kept[id(self)] = (self, work_out(self))
        return kept[id(self)][1]

    kind.configuration = property(configuration)


@cache
def _convert_what_is_not_plain() -> None:
    from great_expectations.core import id_dict

    naming: Any = id_dict
    convert = naming.convert_to_json_serializable

    def convert_if_needed(data: dict[str, Any]) -> Any:
        is_plain = all(type(name) is str and type(value) in _PLAIN for name, value in data.items())
        return data if is_plain else convert(data)

    naming.convert_to_json_serializable = convert_if_needed
