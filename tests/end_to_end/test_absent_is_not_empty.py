"""A tenant that leaves single properties out of entries, through the command line: nothing is emptied by that."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from tests.support.graph_server import CLIENT, SECRET, TENANT, serving
from tests.support.lossy_tenants import key, tenant_of

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Office

pytestmark = [pytest.mark.nights, pytest.mark.xdist_group("other sources")]
DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"


def test_a_department_that_entries_lack_is_never_planned_to_null(office: Office) -> None:
    tenant = tenant_of(60)
    for number, user in enumerate(tenant.users):
        given, family = ("Ada", "Bo", "Cy", "Di")[number % 4], f"Byron{chr(97 + number // 4)}"
        address = f"{given}.{family}@contoso.example".lower()
        user |= {"givenName": given, "surname": family, "displayName": f"{given} {family}", "mail": address}
        user |= {"userPrincipalName": address, "mailNickname": address.split("@")[0]}
    sandbox = office.sandbox
    with serving(tenant) as url:
        office.configure(
            **{
                f'_url = "{sandbox.graph_url}"': f'_url = "{url}"',
                f'tenant_id = "{sandbox.tenant_id}"': f'tenant_id = "{TENANT}"',
                f'client_id = "{sandbox.client_id}"': f'client_id = "{CLIENT}"',
                'scope = "assigned"': 'scope = "all"',
            }
        )
        office.environment |= dict.fromkeys((name for name in sandbox.environment if "SECRET" in name), SECRET)
        first = office.plan()
        office.accept(first)
        office.apply(first)

        for number in range(3):
            del tenant.users[number]["department"]
        tenant.users[0]["jobTitle"] = "Chief"
        done = office.trueup("plan", "--json")
        assert done.code == 0, done.err
        folder = office.run_folder(done.json)
        changes = {(row["key"], row["attribute"]): row for row in pq.read_table(folder / "changes.parquet").to_pylist()}
        assert set(changes) == {(key(0), "title")}
        assert changes[key(0), "title"]["after"] == '"Chief"'
        findings = pq.read_table(folder / "findings.parquet").to_pylist()
        assert {row["key"] for row in findings if row["check"] == "not_said"} == {key(n) for n in range(3)}
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["completeness"]["source"]["unreadable"] == {"department": 3}
        office.accept(done.json)
        office.apply(done.json)

        for number in range(3):
            tenant.users[number]["department"] = "Research"  # read again, and as it was
        third = office.plan()
        assert pq.read_table(office.run_folder(third) / "changes.parquet").num_rows == 0

        for user in tenant.users[:40]:
            user.pop("department", None)
        refused = office.trueup("plan", "--json")
        assert refused.code == 3, refused.err
        (refusal,) = refused.json["refusals"]
        assert refusal["code"] == "attributes_left_out"
        assert "department of 40" in refusal["message"]
