"""Playing with a running sandbox over HTTP, and what ``trueup sandbox`` says."""

from __future__ import annotations

import json
import os
import socket
import threading
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sandbox import Caller, calling, small_company, uid
from trueup.flows.commands.sandbox import serve, switches
from trueup.sandbox import Weaknesses, running, sample
from trueup.transforms.errors import Failed, Misused

if TYPE_CHECKING:
    import httpx


def _post(caller: Caller, path: str, document: Any, **headers: str) -> httpx.Response:
    return caller.client.post(f"{caller.sandbox.graph_url}/sandbox{path}", json=document, headers=headers)


def test_edits_are_played_and_counted(own: Caller) -> None:
    edits = [
        {"edit": "disable", "user": uid(1)},
        {"edit": "enable", "user": uid(5)},
        {"edit": "delete", "user": "person2@contoso.example"},
        {"edit": "set", "user": uid(3), "properties": {"department": "Elsewhere"}},
        {"edit": "add", "user": {"id": uid(50), "userPrincipalName": "fifty@contoso.example"}},
        {"edit": "add_member", "group": "Inner", "user": uid(50)},
        {"edit": "remove_member", "group": "Inner", "user": uid(3)},
        {"edit": "assign", "application": "App", "user": uid(50)},
        {"edit": "unassign", "application": "App", "user": uid(4)},
        {"edit": "purge", "user": uid(7)},
        {"edit": "lose", "users": [uid(8)]},
    ]
    answer = _post(own, "/edits", edits)
    assert answer.status_code == 200
    assert (answer.json()["users"], answer.json()["deleted"]) == (11, 1)
    assert own.sandbox.tenant.user(uid(1))["accountEnabled"] is False
    assert own.sandbox.tenant.user(uid(3))["department"] == "Elsewhere"
    assert _post(own, "/edits", [{"edit": "restore", "user": uid(2)}]).json()["deleted"] == 0
    assert _post(own, "/edits", [{"edit": "set_for_all", "properties": {"department": None}}]).status_code == 200
    assert {user["department"] for user in own.sandbox.tenant.users() if "department" in user} == {None}


def test_a_scenario_is_played_by_name() -> None:
    with calling(tenant=sample.tenant()) as caller:
        assert _post(caller, "/edits", {"scenario": "second_day"}).status_code == 200
        assert _post(caller, "/edits", {"scenario": "../../etc/passwd"}).status_code == 400


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/edits", [{"edit": "explode"}]),
        ("/edits", [{"edit": "disable", "user": "nobody"}]),
        ("/edits", 5),
        ("/faults", [{"kind": "earthquake"}]),
        ("/weaknesses", {"earthquake": True}),
    ],
)
def test_what_makes_no_sense_is_400(own: Caller, path: str, document: Any) -> None:
    answer = _post(own, path, document)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_faults_are_armed_and_disarmed(own: Caller) -> None:
    armed = _post(own, "/faults", [{"kind": "status", "path": "/users", "status": 503, "times": -1}])
    assert len(armed.json()["faults"]) == 1
    assert [own.get("users").status_code for _ in range(2)] == [503, 503]
    own.client.delete(f"{own.sandbox.graph_url}/sandbox/faults")
    assert own.get("users").status_code == 200


def test_weaknesses_are_switched(own: Caller) -> None:
    answer = _post(own, "/weaknesses", {"patch": "none", "drops": ["nickName"]})
    assert answer.json()["weaknesses"] == ["patch", "drops"]
    assert own.sandbox.directory.weaknesses == Weaknesses(patch="none", drops=("nickName",))
    assert own.client.get(f"{own.sandbox.graph_url}/sandbox").json()["weaknesses"] == ["patch", "drops"]


def test_a_web_page_cannot_play_with_it(own: Caller) -> None:
    url = f"{own.sandbox.graph_url}/sandbox/edits"
    assert own.client.post(url, content=b"[]", headers={"Content-Type": "text/plain"}).status_code == 415
    assert _post(own, "/edits", [], Host="evil.example:80").status_code == 403
    broken = own.client.post(url, content=b"{", headers={"Content-Type": "application/json"})
    assert broken.status_code == 400


def test_the_configuration_is_one_the_product_reads_and_holds_no_secret(tmp_path: Any) -> None:
    from trueup.transforms.settings import Settings

    with running(tenant=small_company()) as sandbox:
        text = sandbox.configuration(tmp_path / 'a "quoted" \\ folder', more="[approval]\nrequired = false\n")
        settings = Settings.model_validate(tomllib.loads(text))
        assert settings.archive.path == str(tmp_path / 'a "quoted" \\ folder')
        assert settings.source.graph_url == sandbox.graph_url
        assert not settings.approval.required
        for name, value in sandbox.environment.items():
            assert value not in text
            assert f"env:{name}" in text
        before = dict(os.environ)
        with sandbox.in_environment():
            assert all(os.environ[name] == value for name, value in sandbox.environment.items())
        assert dict(os.environ) == before


def _served(**options: Any) -> list[str]:
    said: list[str] = []
    stop = threading.Event()

    def say(text: str) -> None:
        said.append(text)
        stop.set()

    serve(stop, say, port=0, **options)
    return said


def test_the_command_says_where_and_how_and_ends_when_told() -> None:
    (text,) = _served(users=5)
    assert "A tenant of 5 accounts answers at http://127.0.0.1:" in text
    assert "trueup plan" in text
    assert "export TRUEUP_CLIENT_SECRET=" in text


def test_the_command_speaks_json() -> None:
    (text,) = _served(users=5, as_json=True, weaknesses=["trims", "largest_page=50", "drops=nickName, externalId"])
    document = json.loads(text)
    assert document["users"] == 5
    assert tomllib.loads(document["configuration"])["target"]["url"] == document["scim_url"]


def test_the_command_ends_quietly_when_interrupted() -> None:
    class Interrupted(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            del timeout
            raise KeyboardInterrupt

    said: list[str] = []
    serve(Interrupted(), said.append, users=3, port=0)
    assert len(said) == 1


def test_switches_are_read_from_the_command_line() -> None:
    assert switches(["trims", "patch=none", "latency_seconds=0.5", "largest_page=50", "drops=a,b"]) == Weaknesses(
        trims=True, patch="none", latency_seconds=0.5, largest_page=50, drops=("a", "b")
    )
    assert switches(["trims=false"]) == Weaknesses()


@pytest.mark.parametrize("written", ["earthquake", "patch=sometimes", "trims=maybe", "largest_page=many"])
def test_a_switch_that_does_not_exist_is_refused_with_what_does(written: str) -> None:
    with pytest.raises(Misused) as refused:
        switches([written])
    assert refused.value.remedy


@pytest.mark.parametrize("users", [0, -1, 5_000_001])
def test_a_number_of_users_out_of_range_is_refused(users: int) -> None:
    with pytest.raises(Misused, match="out of range"):
        _served(users=users)


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Failed, match=str(port)) as failed:
            serve(threading.Event(), print, users=3, port=port)
        assert "--port" in failed.value.remedy
