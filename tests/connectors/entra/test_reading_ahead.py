"""The next page is asked for while one is read: each once, and a link counts only once its page is read whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.responses import HTMLResponse

from tests.support.graph_server import Tenant, error, person, serving
from tests.support.reading import Clock, read
from trueup.connectors.entra.prefetch import glimpsed

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

PAGES = 8


def tenant_of(number: int = PAGES * 25) -> Tenant:
    return Tenant(users=[person(n) for n in range(number)], page=25)


def pages_asked(tenant: Tenant) -> list[str]:
    return [line for line in tenant.log if line.startswith("GET users?")]


def test_every_page_is_asked_for_once(tmp_path: Path) -> None:
    tenant = tenant_of()
    outcome = read(tenant, tmp_path)
    assert outcome.snapshot.users == len(outcome.by_id) == PAGES * 25
    assert len(pages_asked(tenant)) == len(set(pages_asked(tenant))) == PAGES
    assert outcome.snapshot.completeness["pages"] == PAGES


def test_a_link_among_the_data_leads_nowhere(tmp_path: Path) -> None:
    tenant = tenant_of()
    elsewhere = tenant_of(50)
    with serving(elsewhere) as foreign, serving(tenant) as address:
        inside = f"{address}/v1.0/users?$select=id&$skiptoken=75"
        tenant.users[0]["employeeOrgData"] = {"division": "North", "@odata.nextLink": inside}
        tenant.users[25]["employeeOrgData"] = {"division": "North", "@odata.nextLink": f"{foreign}/v1.0/users"}
        outcome = read(tenant, tmp_path, url=address)
    assert sorted(outcome.by_id) == sorted(user["id"] for user in tenant.users)
    assert all(row["userPrincipalName"] for row in outcome.rows)
    assert not elsewhere.log


@pytest.mark.parametrize("status", [429, 503, 401, 200])
def test_what_goes_wrong_ahead_is_borne_like_anything_else(tmp_path: Path, status: int) -> None:
    tenant, clock, seen = tenant_of(), Clock(), [0]

    def before(path: str, _query: dict[str, str], _request: Request) -> Response | None:
        seen[0] += path == "users"
        if path != "users" or seen[0] != 4:
            return None
        return error(status, "code", Retry_After="7") if status != 200 else HTMLResponse("<html>")

    tenant.before = before
    outcome = read(tenant, tmp_path, clock=clock)
    assert sorted(outcome.by_id) == sorted(user["id"] for user in tenant.users)
    assert len(pages_asked(tenant)) == PAGES + 1
    assert outcome.snapshot.completeness["pages"] == PAGES
    assert (sum(clock.slept) >= 6.9) == (status in {429, 503})


@pytest.mark.parametrize(
    ("body", "link"),
    [
        (b'{"@odata.nextLink":"https://x/y","value":[]}', "https://x/y"),
        (b'{"value":[],"@odata.nextLink" : "https:\\/\\/x\\/y\\u0026z"}', "https://x/y&z"),
        (b'{"value":["' + b"x" * 9_000 + b'"],"@odata.nextLink":"http://x"}', "http://x"),
        (b'{"value":["' + b"x" * 9_000 + b'","@odata.nextLink":"http://x"' + b" " * 9_000 + b"}", ""),
        (b'{"value":["\\"@odata.nextLink\\":\\"http://x\\""]}', ""),
        (b'{"@odata.nextLink":"users?$skiptoken=1"}', ""),
        (b'{"@odata.nextLink":"https://x\\q"}', ""),
        (b'{"@odata.nextLink":null}', ""),
        (b"\xff\xfe", ""),
    ],
)
def test_a_link_is_glimpsed_at_the_ends_of_a_page(body: bytes, link: str) -> None:
    assert glimpsed(body) == link
