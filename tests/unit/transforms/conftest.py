from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import pytest

from tests.support.plan_world import LOOSE, World

if TYPE_CHECKING:
    from pathlib import Path

Lived: TypeAlias = Callable[[Callable[[World], None]], World]
"""Gives a world in which what is given has happened, as the test's own."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty tenant and an empty directory, with limits that do not stand in the way."""
    return World(tmp_path).set(limits=LOOSE)


@pytest.fixture(scope="session")
def _lived_once(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    @cache
    def world_after(happens: Callable[[World], None]) -> World:
        world = World(tmp_path_factory.mktemp(happens.__name__)).set(limits=LOOSE)
        happens(world)
        return world

    return world_after


@pytest.fixture
def lived(_lived_once: Lived, tmp_path: Path) -> Lived:
    """A copy of a world that was planned and applied once for all tests: a plan costs a quarter of a second."""
    return lambda happens: _lived_once(happens).copied(tmp_path)
