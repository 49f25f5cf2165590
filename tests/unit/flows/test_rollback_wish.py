from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trueup.flows.commands.rollback import Way, plan_rollback
from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from pathlib import Path


def config(folder: Path) -> Path:
    path = folder / "trueup.toml"
    path.write_text('[target]\nurl = "http://127.0.0.1:9"\ntoken = "env:TRUEUP_SCIM_TOKEN"\n', encoding="utf-8")
    return path


@pytest.mark.parametrize(("wanted", "meant"), [("titel", "title"), ("name.givenname", "name.givenName")])
def test_a_misspelt_attribute_is_said_instead_of_restoring_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, meant: str
) -> None:
    monkeypatch.setenv("TRUEUP_SCIM_TOKEN", "a token")
    with pytest.raises(Misused) as caught:
        plan_rollback(config(tmp_path), Way(run="20260101", attributes=(wanted,)))
    assert wanted in str(caught.value)
    assert f"Did you mean {meant}?" in str(caught.value)


@pytest.mark.parametrize("way", [Way(), Way(run="a", before="b"), Way(before="a", from_file="b")])
def test_a_rollback_takes_exactly_one_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: Way) -> None:
    monkeypatch.setenv("TRUEUP_SCIM_TOKEN", "a token")
    with pytest.raises(Misused, match="exactly one"):
        plan_rollback(config(tmp_path), way)
