from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.sandbox import Caller, calling, close

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", autouse=True)
def _one_sandbox_per_module() -> Iterator[None]:
    yield
    close()


@pytest.fixture
def caller() -> Iterator[Caller]:
    with calling() as found:
        yield found


@pytest.fixture
def own(caller: Caller) -> Caller:
    """A sandbox to change things in."""
    return caller
