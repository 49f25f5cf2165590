"""What holds for every apply: what the target answered stays as it came, since all who read it share it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from trueup.connectors.scim.responses import Answer, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _answers_stay_as_they_came(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    read: list[tuple[bytes, Any]] = []

    def noted(answer: Answer) -> Any:
        document = parsed(answer.body)
        read.append((answer.body, document))
        return document

    noting = cached_property(noted)
    noting.__set_name__(Answer, "json")
    monkeypatch.setattr(Answer, "json", noting)
    yield
    assert [document for body, document in read if document != parsed(body)] == []
