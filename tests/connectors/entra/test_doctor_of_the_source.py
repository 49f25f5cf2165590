"""What doctor says of the source: signing in, permissions, certificates, a file."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import JSONResponse

from tests.support.graph_server import ALL_ROLES, CLIENT, SECRET, Tenant, person, serving
from tests.support.reading import configured, patience
from tests.support.signing_in import certificate, tenant_of
from trueup.connectors.entra.doctor import examine_tenant
from trueup.connectors.entra.permissions import needed
from trueup.connectors.source import examine
from trueup.transforms.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.transforms.doctor import Line


def statuses(lines: list[Line]) -> dict[str, str]:
    worst: dict[str, str] = {}
    for line in lines:
        if worst.get(line.subject) != "fix":
            worst[line.subject] = line.status
    return worst


def look(tenant: Tenant, columns: frozenset[str] = frozenset(), **source: Any) -> list[Line]:
    with serving(tenant) as url:
        return asyncio.run(examine_tenant(configured(url, **source), patience(), columns))


def test_doctor_is_content_with_a_good_source() -> None:
    tenant = tenant_of()
    tenant.apps = [{"id": "app-1", "appId": CLIENT, "displayName": "Pingboard"}]
    tenant.assign(person(1)["id"])
    lines = look(tenant, scope="assigned")
    assert set(statuses(lines).values()) == {"ok"}
    assert any("30 users" in line.text for line in lines)


def test_doctor_names_the_missing_permission_and_what_needs_it() -> None:
    tenant = tenant_of()
    tenant.apps = [{"id": "app-1", "appId": CLIENT, "displayName": "Pingboard"}]
    tenant.roles = ("User.Read.All", "User.ReadWrite.All")
    lines = look(tenant, scope="assigned")
    texts = " ".join(f"{line.text} {line.remedy}" for line in lines if line.status == "fix")
    assert "Application.Read.All" in texts
    assert "GroupMember.Read.All" in texts
    assert any(line.status == "warning" and "User.ReadWrite.All" in line.text for line in lines)


def test_doctor_has_a_line_for_each_permission_there_or_missing() -> None:
    tenant = tenant_of()
    columns = frozenset({"userPurpose", "lastSignInDateTime"})
    tenant.roles = ("User.Read.All", "MailboxSettings.ReadWrite")
    told = [(line.status, line.text.split(",")[0]) for line in look(tenant, columns, scope="all")]
    assert told[1:5] == [
        ("ok", "User.Read.All is granted"),
        ("warning", "AuditLog.Read.All is missing"),
        ("ok", "MailboxSettings.ReadWrite is granted"),
        ("warning", "The app may also write: MailboxSettings.ReadWrite. Trueup only reads."),
    ]


def test_doctor_says_what_is_wrong_with_scope_and_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = tenant_of()
    assert statuses(look(tenant, scope="assigned"))["source scope"] == "fix"
    assert statuses(look(tenant, scope="groups", groups=["Nobody"]))["source scope"] == "fix"
    monkeypatch.setenv("TRUEUP_TEST_SECRET", "wrong")
    assert statuses(look(tenant)) == {"source sign-in": "fix"}
    assert statuses(look(Tenant(users=[]), client_id=""))["source sign-in"] == "fix"


def test_doctor_warns_of_a_secret_about_to_expire() -> None:
    tenant = tenant_of()
    end = (dt.datetime.now(dt.UTC) + dt.timedelta(days=12)).isoformat()
    credentials = [{"hint": SECRET[:3], "endDateTime": end}, {"hint": "zzz", "endDateTime": "2000-01-01T00:00:00Z"}]
    tenant.before = lambda path, _q, _r: (
        JSONResponse({"passwordCredentials": credentials}) if path.startswith("applications") else None
    )
    assert statuses(look(tenant))["source client secret"] == "warning"


@pytest.mark.parametrize(("days", "status"), [(365, "ok"), (10, "warning"), (-5, "fix")])
@pytest.mark.parametrize("kind", ["pem", "pfx"])
def test_doctor_knows_when_the_certificate_expires(tmp_path: Path, days: int, status: str, kind: str) -> None:
    (tmp_path / "password").write_text("pass")
    place = certificate(tmp_path, days=days, kind="pem locked" if kind == "pem" else kind)
    source: dict[str, Any] = {
        "certificate": str(place),
        "certificate_password": f"file:{tmp_path / 'password'}",
    }
    lines = look(tenant_of(1), auth="certificate", **source)
    assert statuses(lines)["source certificate"] == status


def test_doctor_looks_at_a_file_too(tmp_path: Path) -> None:
    place = tmp_path / "users.json"
    place.write_text("[]")
    settings = Settings.model_validate({"source": {"kind": "file", "path": str(place)}})
    assert [line.status for line in examine(settings)] == ["ok"]
    settings = Settings.model_validate({"source": {"kind": "file", "path": str(tmp_path / "none.json")}})
    assert [line.status for line in examine(settings)] == ["fix"]


def test_features_name_their_least_permission_first() -> None:
    settings = Settings.model_validate({"people": {"never": ["group:Kiosks"]}, "source": {"scope": "all"}})
    assert [one.any_of[0] for one in needed(settings)] == ["User.Read.All", "GroupMember.Read.All"]
    assert [one.any_of[0] for one in needed(Settings())] == list(ALL_ROLES)
    columns = frozenset({"userPurpose", "lastSignInDateTime", "appRoleAssignments"})
    assert [(one.any_of[0], one.is_vital) for one in needed(settings, columns)] == [
        ("User.Read.All", True),
        ("Application.Read.All", False),
        ("GroupMember.Read.All", True),
        ("AuditLog.Read.All", False),
        ("MailboxSettings.Read", False),
    ]
