"""The secret that signs in, and a company on a Graph that is not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.graph_server import SECRET, listening
from tests.support.house import House
from tests.support.other_graph import Other

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUEUP_TEST_SECRET", SECRET)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One server for all tests of this module; who lives there changes."""
    house = House(Other({}))
    with listening(house) as house.address:
        yield house
