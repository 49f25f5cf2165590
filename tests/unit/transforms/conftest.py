from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.plan_world import LOOSE, World

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty tenant and an empty directory, with limits that do not stand in the way."""
    return World(tmp_path).set(limits=LOOSE)
