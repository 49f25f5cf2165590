"""Switches of the sandbox directory for discovery and lists do what they say, and nothing while they are off."""

from __future__ import annotations

import pytest

from tests.support.sandbox import ids, patch, weak
from trueup.sandbox import Weaknesses

# Discovery


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("plain_lists", list), ("right", dict)],
)
def test_schemas_can_be_a_plain_list_with_strange_members(kind: str, expected: type) -> None:
    with weak(discovery=kind) as caller:
        document = caller.scim("GET", "/Schemas").json()
        assert isinstance(document, expected)
        if isinstance(document, list):
            assert all("vendorNote" in row for row in document)


def test_discovery_can_be_missing_or_a_web_page() -> None:
    with weak(discovery="missing") as caller:
        assert caller.scim("GET", "/ServiceProviderConfig").status_code == 404
        caller.sandbox.directory.weaknesses = Weaknesses(discovery="html")
        assert caller.scim("GET", "/ServiceProviderConfig").headers["content-type"] == "text/html"


def test_the_configuration_can_be_wrong_either_way() -> None:
    with weak(discovery="denies") as caller:
        assert caller.scim("GET", "/ServiceProviderConfig").json()["filter"]["supported"] is False
        caller.sandbox.directory.weaknesses = Weaknesses(discovery="boasts", patch="none")
        assert caller.scim("GET", "/ServiceProviderConfig").json()["patch"]["supported"] is True
        caller.sandbox.directory.weaknesses = Weaknesses(patch="none", largest_page=5)
        told = caller.scim("GET", "/ServiceProviderConfig").json()
        assert (told["patch"]["supported"], told["filter"]["maxResults"]) == (False, 5)


# Reading


def test_a_page_can_be_cut_silently_or_refused() -> None:
    with weak(largest_page=2) as caller:
        assert ids(caller, "startIndex=1&count=5") == ["p0", "p1"]
        assert ids(caller, "") == ["p0", "p1"]
    with weak(largest_page=2, large_page_refused=True) as caller:
        assert caller.scim("GET", "/Users?count=3").status_code == 400


def test_the_default_page_can_be_small() -> None:
    with weak(default_page=4) as caller:
        assert len(ids(caller, "")) == 4
        assert len(ids(caller, "count=6")) == 6


def test_rows_can_need_explicit_paging() -> None:
    with weak(explicit_paging_only=True) as caller:
        assert ids(caller, "") == []
        assert ids(caller, "startIndex=1") == []
        assert len(ids(caller, "startIndex=1&count=10")) == 6


def test_count_can_be_beyond_the_server() -> None:
    with weak(count_fails=True) as caller:
        assert caller.scim("GET", "/Users?startIndex=1&count=10").status_code == 500
        assert len(ids(caller, "startIndex=1")) == 6


def test_a_start_of_nought_or_a_negative_count_can_be_refused() -> None:
    with weak(strict_start=True) as caller:
        assert caller.scim("GET", "/Users?startIndex=0").status_code == 400
        assert caller.scim("GET", "/Users?count=-1").status_code == 400
        assert caller.scim("GET", "/Users?startIndex=1&count=1").status_code == 200


def test_past_the_end_comes_the_first_page_again_or_the_last() -> None:
    with weak(past_the_end="first_page") as caller:
        assert ids(caller, "startIndex=7&count=4") == ["p0", "p1", "p2", "p3"]
        assert ids(caller, "startIndex=5&count=4") == ["p4", "p5"]
    with weak(past_the_end="last_page") as caller:
        assert ids(caller, "startIndex=7&count=4") == ["p2", "p3", "p4", "p5"]


def test_the_total_can_disagree_with_the_rows() -> None:
    with weak(total_off_by=3) as caller:
        assert caller.scim("GET", "/Users").json()["totalResults"] == 9


def test_rows_can_repeat_between_pages_and_so_be_missed() -> None:
    with weak(rows_repeat=True) as caller:
        assert ids(caller, "startIndex=1&count=3") == ["p0", "p1", "p2"]
        assert ids(caller, "startIndex=4&count=3") == ["p2", "p3", "p4"]


def test_rows_can_be_missing_without_a_word() -> None:
    with weak(rows_missing=2) as caller:
        assert ids(caller, "startIndex=1&count=3") == ["p2"]
        assert caller.scim("GET", "/Users?startIndex=1&count=3").json()["totalResults"] == 6


def test_the_order_can_be_unsteady_unless_sorted_by_id() -> None:
    with weak(unsteady_order=True) as caller:
        assert len({tuple(ids(caller, "")) for _ in range(6)}) > 1
        assert {tuple(ids(caller, "sortBy=id")) for _ in range(6)} == {tuple(f"p{n}" for n in range(6))}


def test_sorting_can_be_refused() -> None:
    with weak(sort_refused=True) as caller:
        assert caller.scim("GET", "/Users?sortBy=id").status_code == 400


def test_a_filter_can_be_ignored_and_give_everybody() -> None:
    with weak(filter_ignored=True) as caller:
        assert len(ids(caller, 'filter=userName eq "person3@contoso.example"')) == 6
        assert len(ids(caller, 'filter=userName eq "nobody"')) == 6


def test_a_filter_can_be_refused() -> None:
    with weak(filter_refused=True) as caller:
        assert caller.scim("GET", '/Users?filter=userName eq "x"').status_code == 400


def test_and_can_find_nothing() -> None:
    with weak(and_finds_nothing=True) as caller:
        assert ids(caller, 'filter=userName eq "person3@contoso.example" and active eq true') == []
        assert ids(caller, 'filter=userName eq "person3@contoso.example"') == ["p3"]


def test_external_id_can_be_beyond_the_filter() -> None:
    with weak(external_id_filter="nothing") as caller:
        assert ids(caller, 'filter=externalId eq "e3"') == []
        caller.sandbox.directory.weaknesses = Weaknesses(external_id_filter="fails")
        assert caller.scim("GET", '/Users?filter=externalId eq "e3"').status_code == 500


def test_user_names_can_be_compared_with_case() -> None:
    with weak(user_name_case_exact=True) as caller:
        assert ids(caller, 'filter=userName eq "person3@contoso.example"') == []
        assert ids(caller, 'filter=userName eq "Person3@contoso.example"') == ["p3"]


def test_a_filter_can_bring_a_stranger_first() -> None:
    with weak(filter_doubles=True) as caller:
        assert ids(caller, 'filter=userName eq "person3@contoso.example"') == ["p0", "p3"]


def test_deactivated_profiles_can_be_unlisted_though_still_there() -> None:
    with weak(inactive_unlisted=True) as caller:
        caller.scim("PATCH", "/Users/p2", patch("active", value=False))
        assert "p2" not in ids(caller, "")
        assert caller.scim("GET", "/Users").json()["totalResults"] == 5
        assert ids(caller, 'filter=externalId eq "e2"') == []
        assert caller.scim("GET", "/Users/p2").json()["active"] is False


def test_active_can_be_missing_or_text() -> None:
    with weak(active_missing=True) as caller:
        assert "active" not in caller.scim("GET", "/Users/p0").json()
        caller.scim("PATCH", "/Users/p0", patch("active", value=False))
        assert caller.scim("GET", "/Users/p0").json()["active"] is False
    with weak(active_as_text=True) as caller:
        assert caller.scim("GET", "/Users").json()["Resources"][0]["active"] == "True"


@pytest.mark.parametrize("kind", ["offered", "only"])
def test_profiles_can_be_paged_by_cursor(kind: str) -> None:
    with weak(cursors=kind) as caller:
        seen: list[str] = []
        query = "/Users?count=4&cursor="
        while True:
            page = caller.scim("GET", query).json()
            seen += [row["id"] for row in page["Resources"]]
            if "nextCursor" not in page:
                break
            query = f"/Users?count=4&cursor={page['nextCursor']}"
        assert sorted(seen) == [f"p{n}" for n in range(6)]
        assert (caller.scim("GET", "/Users?startIndex=1&count=4").status_code == 200) is (kind == "offered")


def test_cursors_can_be_switched_on_while_the_server_runs() -> None:
    with weak() as caller:
        assert caller.scim("GET", "/Users?cursor=").status_code == 501
        caller.sandbox.directory.weaknesses = Weaknesses(cursors="offered")
        assert caller.scim("GET", "/Users?cursor=").status_code == 200
