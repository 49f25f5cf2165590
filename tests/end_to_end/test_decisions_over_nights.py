"""What one night remembers of another, through the command line; a handful of people, few plans per test."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tests.end_to_end.conftest import Office
from trueup.sandbox import Application, Assignment, DirectoryData, TenantData, running
from trueup.sandbox.directory.data import ENTERPRISE, USER
from trueup.sandbox.tenant.data import object_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.support.warm_commands import Warm

pytestmark = pytest.mark.nights


def key(name: str) -> str:
    return object_id("user", name)


def person(name: str, **properties: Any) -> dict[str, Any]:
    return {
        "id": key(name),
        "userPrincipalName": f"{name}@contoso.example",
        "mail": f"{name}@contoso.example",
        "mailNickname": name,
        "displayName": f"{name.title()} Berg",
        "givenName": name.title(),
        "surname": "Berg",
        "accountEnabled": True,
        "userType": "Member",
        "employeeId": f"E-{name}",
        "jobTitle": "Engineer",
        "department": "Research",
        "businessPhones": [],
    } | properties


def profile(name: str, **attributes: Any) -> dict[str, Any]:
    """What the preset would have made of ``person(name)``, but for the externalId."""
    return {
        "schemas": [USER, ENTERPRISE],
        "id": f"p-{name}",
        "userName": f"{name}@contoso.example",
        "active": True,
        "displayName": f"{name.title()} Berg",
        "title": "Engineer",
        "name": {"givenName": name.title(), "familyName": "Berg"},
        "emails": [{"type": "work", "value": f"{name}@contoso.example", "primary": True}],
        ENTERPRISE: {"department": "Research", "employeeNumber": f"E-{name}"},
    } | attributes


@contextmanager
def company(
    folder: Path, warm: Warm, people: Sequence[dict[str, Any]], profiles: Sequence[dict[str, Any]]
) -> Iterator[Office]:
    """An office of its own with everybody assigned."""
    application = Application(
        object_id("application", "directory"),
        object_id("application id", "directory"),
        "Pingboard",
        assignments=tuple(Assignment(one["id"]) for one in people),
    )
    tenant = TenantData(users=people, applications=(application,))
    with running(tenant=tenant, directory=DirectoryData(tuple(profiles))) as sandbox:
        office = Office(folder, sandbox, warm=warm)
        office.configure()
        yield office


def decisions(office: Office, plan: Any) -> dict[str, tuple[str, str]]:
    """Name → decision and reason code."""
    path = office.run_folder(plan) / "decisions.parquet"
    rows = duckdb.connect().execute(f"SELECT key, decision, reason_code FROM read_parquet('{path}')").fetchall()
    names = {one["id"]: one["mailNickname"] for one in office.sandbox.tenant.table}
    return {names.get(who, who): (decision, code) for who, decision, code in rows}


def causes(office: Office, plan: Any) -> dict[tuple[str, str], str]:
    """Name and attribute → cause."""
    path = office.run_folder(plan) / "changes.parquet"
    rows = duckdb.connect().execute(f"SELECT key, attribute, cause FROM read_parquet('{path}')").fetchall()
    names = {one["id"]: one["mailNickname"] for one in office.sandbox.tenant.table}
    return {(names[who], attribute): cause for who, attribute, cause in rows}


def test_trying_one_person_first_changes_nothing_about_how_the_others_are_taken_over(
    tmp_path: Path, warm: Warm
) -> None:
    people = [person(name) for name in ("ann", "bob", "cy")]
    with company(tmp_path, warm, people, [profile("ann", title="Aged"), profile("bob", title="Aged")]) as office:
        first = office.plan("--only", "ann@contoso.example")
        office.accept(first)
        assert [record["key"] for record in office.apply(first)["records"]] == [key("ann")]
        rest = office.plan()
        assert decisions(office, rest) == {
            "ann": ("unchanged", "same"),
            "bob": ("update", "adopted"),
            "cy": ("create", "no_profile"),
        }
        assert causes(office, rest)["bob", "title"] == "first_adoption"


def test_taking_back_a_reactivation_is_a_deactivation_and_restores_everything_else_too(
    tmp_path: Path, warm: Warm
) -> None:
    people = [person("ann", manager=key("bob")), person("bob")]
    profiles = [profile("ann", active=False, title="Aged"), profile("bob", externalId=key("bob"))]
    with company(tmp_path, warm, people, profiles) as office:
        before = office.everything()
        plan = office.plan()
        assert decisions(office, plan)["ann"] == ("reactivate", "active_again")
        office.accept(plan)
        office.apply(plan)
        back = office.trueup("rollback", plan["run_id"], "--json").json
        assert (back["counts"]["deactivate"], back["counts"]["update"]) == (1, 0)
        office.accept(back)
        assert office.apply(back)["state"] == "applied"
        assert office.everything() == before


def test_a_leaver_who_was_kept_by_a_rollback_and_came_back_is_deactivated_on_leaving_again(
    tmp_path: Path, warm: Warm
) -> None:
    people = [person(name) for name in ("ann", "bob")]
    profiles = [profile(name, externalId=key(name)) for name in ("ann", "bob")]
    with company(tmp_path, warm, people, profiles) as office:
        tenant = office.sandbox.tenant
        tenant.disable(key("ann"))
        plan = office.plan()
        office.accept(plan)
        office.apply(plan)
        back = office.trueup("rollback", plan["run_id"], "--json").json
        office.accept(back)
        office.apply(back)
        assert decisions(office, office.plan())["ann"] == ("unchanged", "rolled_back")
        tenant.enable(key("ann"))
        assert decisions(office, office.plan())["ann"] == ("unchanged", "same")
        tenant.disable(key("ann"))
        assert decisions(office, office.plan())["ann"] == ("deactivate", "disabled")


def test_the_same_inputs_give_the_same_fingerprint_and_the_mapping_can_be_run_by_hand(
    tmp_path: Path, warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [person("ann"), person("bob", givenName=None), person("cy", accountEnabled=False)]
    with company(tmp_path, warm, people, [profile("ann")]) as office:
        plan = office.plan()
        assert decisions(office, plan)["bob"][0] == "hold"
        monkeypatch.chdir(office.run_folder(plan))
        engine = duckdb.connect()
        statement = (office.run_folder(plan) / "mapping.sql").read_text(encoding="utf-8")
        made = engine.sql(statement).fetchall()
        assert made == engine.sql("FROM 'desired.parquet'").fetchall()
        assert len(made) == len(people)
        assert office.plan()["fingerprint"] == plan["fingerprint"]
