from __future__ import annotations

import pytest

from tests.support.graph_server import SECRET


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUEUP_TEST_SECRET", SECRET)
