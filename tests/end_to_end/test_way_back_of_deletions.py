"""Deleted profiles come back with everything they had, and go again; whoever pointed at them points at them anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.test_decisions_over_nights import company, key, person, profile
from trueup.sandbox.directory.data import ENTERPRISE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Office
    from tests.support.warm_commands import Warm

pytestmark = [pytest.mark.nights, pytest.mark.xdist_group("nights")]

UNMANAGED = {
    "locale": "de-CH",
    "addresses": [{"type": "work", "locality": "Bern", "country": "CH"}],
    "phoneNumbers": [{"type": "fax", "value": "+41 31 000"}],
}


def back(office: Office, run: Any, *words: str) -> Any:
    plan = office.trueup("rollback", run["run_id"], "--json", *words).json
    office.accept(plan)
    assert office.apply(plan)["state"] == "applied"
    return plan


def named(office: Office, name: str) -> dict[str, Any] | None:
    """The profile of that user name as the directory itself has it."""
    found = [one for one in office.everything().values() if one["userName"] == f"{name}@contoso.example"]
    assert len(found) <= 1, "nobody is there twice"
    return found[0] if found else None


def manager_of(office: Office, name: str) -> str:
    found = named(office, name)
    assert found is not None
    return str(found[ENTERPRISE]["manager"]["value"])


def without_id(found: dict[str, Any] | None) -> dict[str, Any]:
    assert found is not None
    return {name: value for name, value in found.items() if name != "id"}


def test_a_deleted_manager_comes_back_under_a_new_id_and_everybody_points_there(tmp_path: Path, warm: Warm) -> None:
    people = [person("boss"), person("ann", manager=key("boss"))]
    refers = profile("ann")[ENTERPRISE] | {"manager": {"value": "p-boss"}}
    profiles = [
        profile("boss", externalId=key("boss"), **UNMANAGED),
        profile("ann", externalId=key("ann"), **{ENTERPRISE: refers}),
    ]
    with company(tmp_path, warm, people, profiles) as office:
        office.configure('[deprovision]\nleavers = "delete"\n')
        before = named(office, "boss")
        office.sandbox.tenant.disable(key("boss"))
        plan = office.plan()
        assert plan["counts"]["delete"] == 1
        office.accept(plan)
        office.apply(plan)
        assert named(office, "boss") is None

        undone = back(office, plan)
        assert office.trueup("verify", undone["run_id"]).code == 0
        again = named(office, "boss")
        assert again is not None
        assert again["id"] != "p-boss"
        assert without_id(again) == without_id(before)
        assert manager_of(office, "ann") == again["id"]
        assert office.plan()["outcome"] == "nothing_to_do", "an undone deletion is not done again tonight"

        redone = back(office, undone, "--delete-created")
        assert redone["counts"]["delete"] == 1
        assert named(office, "boss") is None
