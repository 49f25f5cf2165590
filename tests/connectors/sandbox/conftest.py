from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.sandbox import Caller, calling

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    """Shared by tests that change nothing."""
    with calling() as found:
        yield found


@pytest.fixture
def own() -> Iterator[Caller]:
    """A sandbox to change things in."""
    with calling() as found:
        yield found
