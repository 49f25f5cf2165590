"""Switches of the sandbox directory for answers and failures do what they say; all switches are told and tested."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import httpx
import pytest

from tests.support.sandbox import patch, profile, stored, weak
from trueup.sandbox import Weaknesses
from trueup.sandbox.directory.weaknesses import PINGBOARD_LIKE

# Answering


def test_a_created_profile_can_come_without_location() -> None:
    with weak(0, no_location=True) as caller:
        answer = caller.scim("POST", "/Users", profile(0))
        assert "Location" not in answer.headers
        assert "location" not in answer.json()["meta"]


def test_versions_can_be_ignored_or_absent() -> None:
    with weak(1, etags="ignored") as caller:
        assert "ETag" in caller.scim("GET", "/Users/p0").headers
        answer = caller.scim("PATCH", "/Users/p0", patch("title", "x"), **{"If-Match": 'W/"old"'})
        assert answer.status_code == 204
    with weak(1, etags="absent") as caller:
        answer = caller.scim("GET", "/Users/p0")
        assert "ETag" not in answer.headers
        assert "version" not in answer.json()["meta"]
        assert "version" not in caller.scim("GET", "/Users").json()["Resources"][0]["meta"]


@pytest.mark.parametrize(("kind", "content"), [("html", "<html>"), ("text", "something"), ("empty", "")])
def test_errors_can_have_any_body(kind: str, content: str) -> None:
    with weak(1, errors=kind) as caller:
        answer = caller.scim("GET", "/Users/nobody")
        assert answer.status_code == 404
        assert content in answer.text
        assert "schemas" not in answer.text
        url = f"{caller.sandbox.scim_url}/Users"
        refused = caller.client.get(url, headers={"Authorization": "Bearer wrong"})
        assert refused.status_code == 401
        assert "schemas" not in refused.text


def test_the_content_type_can_be_plain_json() -> None:
    with weak(1, plain_json=True) as caller:
        assert caller.scim("GET", "/Users/p0").headers["content-type"] == "application/json"


def test_names_can_be_cut_at_the_first_blank() -> None:
    with weak(0, names_cut=True) as caller:
        made = caller.scim(
            "POST", "/Users", profile(0) | {"name": {"givenName": "Ann Marie", "familyName": "Lee"}}
        ).json()
        assert made["name"] == {"givenName": "Ann", "familyName": "Lee"}


# Failing


def test_a_write_can_take_place_and_answer_500() -> None:
    with weak(1, every_write_fails_after=2) as caller:
        answers = [caller.scim("PATCH", "/Users/p0", patch("title", f"T{n}")).status_code for n in range(4)]
        assert answers == [204, 500, 204, 500]
        assert stored(caller)["title"] == "T3"


def test_a_write_can_take_place_and_its_answer_be_lost() -> None:
    with weak(0, every_write_lost=1) as caller:
        with pytest.raises(httpx.RemoteProtocolError):
            caller.scim("POST", "/Users", profile(0))
        assert len(caller.sandbox.directory.profiles()) == 1
        assert not caller.sandbox.directory.requests[-1].answered
        assert caller.scim("GET", "/Users").status_code == 200


def test_a_write_can_fail_before_and_a_read_too() -> None:
    with weak(1, every_write_fails_before=1, every_read_fails=2) as caller:
        assert caller.scim("PATCH", "/Users/p0", patch("title", "x")).status_code == 503
        assert stored(caller).get("title") != "x"
        assert [caller.scim("GET", "/Users").status_code for _ in range(2)] == [200, 503]


def test_a_body_can_end_half_way() -> None:
    with weak(1, every_body_cut=1) as caller, pytest.raises(httpx.RemoteProtocolError):
        caller.scim("GET", "/Users")


@pytest.mark.parametrize("kind", ["seconds", "date", "none"])
def test_too_many_requests_are_turned_away(kind: str) -> None:
    with weak(1, requests_per_second=1, retry_after=kind) as caller:
        answers = (caller.scim("GET", "/Users") for _ in range(100))  # one second may end between two of them
        refused = next(answer for answer in answers if answer.status_code == 429)
        said = refused.headers.get("Retry-After")
        assert (said is None) is (kind == "none")
        assert (said == "1") is (kind == "seconds")


def test_answers_can_take_their_time() -> None:
    with weak(1, latency_seconds=0.05) as caller:
        answer = caller.scim("GET", "/Users")
        assert answer.elapsed.total_seconds() >= 0.05


def test_switches_are_told_and_can_be_read_from_json() -> None:
    made = Weaknesses.from_json({"drops": ["nickName"], "trims": True})
    assert made == Weaknesses(drops=("nickName",), trims=True)
    assert made.switched_on == ("drops", "trims")
    assert made.but(trims=False).switched_on == ("drops",)
    assert Weaknesses().switched_on == ()
    assert "etags" in PINGBOARD_LIKE.switched_on
    with pytest.raises(TypeError):
        Weaknesses.from_json({"earthquake": True})


def test_every_switch_has_a_place_in_the_docs() -> None:
    text = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    assert [each.name for each in fields(Weaknesses) if f"`{each.name}`" not in text] == []


def test_every_switch_has_a_test_here_or_beside() -> None:
    tests = Path(__file__).parents[1]
    beside = [*Path(__file__).parent.glob("test_sandbox_weaknesses_of_*.py"), *tests.glob("scim_writer/test_*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in beside)
    assert [each.name for each in fields(Weaknesses) if f"{each.name}=" not in text] == []
