"""One shared review for all tests of a module, as it was before each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.team_review import Team, team_review

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def shared_team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with team_review(tmp_path_factory.mktemp("team")) as team:
        yield team


@pytest.fixture
def team(shared_team: Team) -> Iterator[Team]:
    shared_team.log.clear()
    with shared_team.sandbox.tenant.undone_afterwards():
        yield shared_team
