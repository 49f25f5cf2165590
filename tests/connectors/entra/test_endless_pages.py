"""Pages whose links are always new and never end: said and refused; endless changes are read in full instead."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import JSONResponse

from tests.support.graph_server import Tenant, person
from tests.support.prior import prior_run
from tests.support.reading import COLUMNS, links, read
from trueup.connectors.entra import loop_detection
from trueup.connectors.entra.loop_detection import Endless, LoopGuard
from trueup.connectors.source_request import SourceRequest
from trueup.transforms.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

GROUP = "77777777-aaaa-4bbb-8ccc-dddddddddddd"


def tenant_of(users: int = 20) -> Tenant:
    tenant = Tenant(users=[person(n, manager_id=None) for n in range(users)])
    tenant.apps = [{"id": "app-1", "appId": "a", "displayName": "Pingboard", "appRoles": []}]
    tenant.assign(person(1)["id"])
    tenant.group(GROUP, "All", [person(n)["id"] for n in range(5)])
    tenant.assign(GROUP, kind="Group")
    tenant.deleted = [person(900)]
    return tenant


def without_end(path: str, rows: Callable[[int], list[dict[str, Any]]]) -> Callable[..., Response | None]:
    """Every page of ``path`` is ``rows`` of its number and leads to a new link."""
    pages = count(1)

    def before(asked: str, query: dict[str, str], request: Request) -> Response | None:
        if asked != path or query.get("$deltatoken") == "latest":
            return None
        number = next(pages)
        base = str(request.url).split("?", 1)[0]
        return JSONResponse({"value": rows(number), "@odata.nextLink": f"{base}?$skiptoken={number}"})

    return before


LISTS = {
    "users": "users",
    "members": f"groups/{GROUP}/members",
    "assignments": "servicePrincipals/app-1/appRoleAssignedTo",
    "deleted users": "directory/deletedItems/microsoft.graph.user",
    "applications": "servicePrincipals",
}
ENDLESS: dict[str, Callable[[int], list[dict[str, Any]]]] = {
    "empty": lambda _number: [],
    "the same": lambda _number: [person(n, principalId=person(n)["id"]) for n in range(3)],
    "in turns": lambda number: [person(number % 7)],
}


@pytest.mark.parametrize(
    ("name", "kind"), [*((name, kind) for name in LISTS for kind in ("empty", "in turns")), ("users", "the same")]
)
def test_a_list_without_end_is_refused_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    monkeypatch.setattr(loop_detection, "EMPTY", 20)
    tenant = tenant_of()
    tenant.before = without_end(LISTS[name], ENDLESS[kind])
    request = SourceRequest(COLUMNS, known=links(tmp_path, [person(900)["id"]]))
    with pytest.raises(Refused, match="has no end") as refused:
        read(tenant, tmp_path, request=request, scope="assigned", enterprise_app="Pingboard")
    assert refused.value.refusals[0].code == "source_incomplete"
    assert len(tenant.log) < 150


@pytest.mark.parametrize("kind", ["empty", "in turns"])
def test_changes_without_end_are_a_full_read_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(loop_detection, "EMPTY", 20)
    tenant = tenant_of()
    before = read(tenant, tmp_path, read="incremental")
    tenant.edit(2, jobTitle="New")
    tenant.before = without_end("users/delta", ENDLESS[kind])
    request = SourceRequest(COLUMNS, previous=prior_run(before))
    after = read(tenant, tmp_path, name="after", request=request, read="incremental")
    assert after.snapshot.completeness["why_full"] == "the list of changes has no end"
    assert after.by_id[person(2)["id"]]["jobTitle"] == "New"


def watched(pages: list[list[int]], *, ends: bool) -> int:
    """How many rows a watch lets pass."""
    watch, rows = LoopGuard("first"), 0
    for number, page in enumerate(pages, start=1):
        rows += len(page)
        last = ends and number == len(pages)
        watch.page(pa.array([str(key) for key in page], pa.string()), None if last else f"link-{number}")
    return rows


@settings(max_examples=25, deadline=None)
@given(start=st.integers(0, 1_500), circle=st.integers(1, 500), size=st.integers(20, 999))
def test_whatever_circle_the_pages_run_into_is_noticed_within_some_rounds(start: int, circle: int, size: int) -> None:
    most = 4 * (start + 1_024) + (loop_detection.REPEATS + 6) * circle + 2 * size
    keys = [n if n < start else start + (n - start) % circle for n in range(most)]
    with pytest.raises(Endless, match="again and again"):
        watched([keys[at : at + size] for at in range(0, most, size)], ends=False)


@settings(max_examples=25, deadline=None)
@given(users=st.integers(0, 2_000), size=st.integers(20, 999), times=st.integers(1, loop_detection.REPEATS))
def test_people_repeated_now_and_then_are_no_circle(users: int, size: int, times: int) -> None:
    keys = [n for n in range(users) for _ in range(times)]
    pages = [keys[at : at + size] for at in range(0, len(keys), size)]
    assert watched(pages, ends=True) == users * times


def test_empty_pages_are_borne_for_long_but_not_for_ever() -> None:
    watched([[]] * loop_detection.EMPTY, ends=True)
    watched([*[[]] * loop_detection.EMPTY, [1], *[[]] * loop_detection.EMPTY], ends=True)
    with pytest.raises(Endless, match="held nothing"):
        watched([[]] * (loop_detection.EMPTY + 2), ends=False)
