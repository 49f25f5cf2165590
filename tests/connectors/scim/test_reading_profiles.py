"""Reading every profile of a directory: complete, or refused."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from tests.support.listening import handling
from tests.support.scim_directory import ENTERPRISE, Directory, Manners, serving
from tests.support.scim_runs import DEPARTMENT, MANAGER, WORK_MAIL, settings_for
from trueup.connectors.scim import examine, snapshot
from trueup.transforms.attributes import ManagedAttribute
from trueup.transforms.errors import Failed, Misused, Refused
from trueup.transforms.run_files import RunFiles
from trueup.transforms.settings import Settings, TargetSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trueup.connectors.scim.profiles import TargetSnapshot

PATHS = (
    ManagedAttribute("userName"),
    ManagedAttribute("name.givenName"),
    ManagedAttribute(WORK_MAIL),
    ManagedAttribute(DEPARTMENT),
    ManagedAttribute(MANAGER, "reference"),
    ManagedAttribute("active", "boolean"),
    ManagedAttribute("addresses", "complex"),
)


@pytest.fixture
def directory() -> Iterator[Directory]:
    with serving(Directory()) as running:
        yield running


def fill(directory: Directory, count: int) -> None:
    for number in range(count):
        directory.add({"id": f"p{number:05}", "userName": f"u{number}@x.example"})


def taken(directory: Directory, folder: Path, known: Path | None = None) -> tuple[TargetSnapshot, list[dict[str, Any]]]:
    folder.mkdir(exist_ok=True)
    files = RunFiles(folder)
    found = snapshot(settings_for(directory), PATHS, ["userName", "nickName"], files, known=known)
    return found, pq.read_table(files.target).to_pylist()


@pytest.mark.parametrize(
    "manners",
    [
        Manners(page=7),
        Manners(page=7, past_end="first"),
        Manners(page=7, past_end="error"),
        Manners(page=7, total=3),
        Manners(page=7, total=7),
        Manners(page=7, total=4000),
        Manners(text_booleans=True),
    ],
)
def test_every_profile_is_read_once_from_any_server(tmp_path: Path, directory: Directory, manners: Manners) -> None:
    directory.manners = manners
    fill(directory, 30)
    found, rows = taken(directory, tmp_path)
    assert [row["id"] for row in rows] == sorted(directory.users)
    assert found.profiles == 30
    assert all(row["active"] is True for row in rows)
    assert found.completeness["proof"] == ("counts_agree" if manners.total is None else "two_readings_agree")


def test_an_empty_directory_is_a_snapshot_of_nobody(tmp_path: Path, directory: Directory) -> None:
    found, rows = taken(directory, tmp_path)
    assert (found.profiles, rows) == (0, [])


def test_values_are_flattened_and_the_whole_resource_is_kept(tmp_path: Path, directory: Directory) -> None:
    resource = {
        "id": "ä/ö?#%41",
        "userName": "<script>'\"\u202e",
        "name": {"givenName": ""},
        "emails": [{"type": "home", "value": "h"}, {"type": "Work", "value": "w\u0000"}],
        ENTERPRISE: {"department": "Déjà", "manager": {"value": "m", "displayName": "M"}},
        "addresses": [{"type": "work", "country": "FR"}],
        "unmanaged": {"deep": [1, {"x": None}]},
    }
    directory.add(dict(resource))
    _, rows = taken(directory, tmp_path)
    assert json.loads(rows[0]["resource"]) == resource | {"active": True}
    assert rows[0]["userName"] == resource["userName"]
    assert rows[0]["name.givenName"] == ""
    assert rows[0][WORK_MAIL] == "w\u0000"
    assert rows[0][DEPARTMENT] == "Déjà"
    assert rows[0][MANAGER] == "m"
    assert rows[0]["addresses"] == '[{"country":"FR","type":"work"}]'
    assert rows[0]["nickName"] is None
    assert list(rows[0])[:6] == ["id", "version", "resource", "externalId", "userName", "active"]


def test_a_list_that_shifts_while_it_is_read_is_read_again(tmp_path: Path, directory: Directory) -> None:
    fill(directory, 30)
    moved: list[int] = []

    def shift(directory: Directory, start: int) -> None:
        if start == 15 and not moved:
            moved.append(start)
            directory.users.pop("p00002")

    directory.manners = Manners(page=7, shift=shift)
    found, rows = taken(directory, tmp_path)
    assert [row["id"] for row in rows] == sorted(directory.users)
    assert found.completeness["readings"] > 1


@pytest.mark.parametrize("fault", ["503", "500", "reset", "429", "a page of HTML", "half a document", "nothing"])
def test_a_fault_at_the_last_page_repeats_that_request_and_no_other(tmp_path: Path, fault: str) -> None:
    rows = [{"id": f"p{number}", "userName": f"u{number}@x.example"} for number in range(30)]
    asked: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            if not address.path.endswith("/Users"):
                return self._send(404, b"{}")
            start = int(parse_qs(address.query).get("startIndex", ["1"])[0])
            page = rows[start - 1 : start + 9]
            asked.append(start)
            document = {"totalResults": len(rows), "startIndex": start, "itemsPerPage": 10, "Resources": page}
            body = json.dumps(document).encode()
            if start != 21 or asked.count(21) > 1:
                return self._send(200, body)
            if fault == "reset":
                self.close_connection = True
                return None
            bodies = {"a page of HTML": b"<html>busy</html>", "half a document": body[:40], "nothing": b""}
            return self._send(200, bodies[fault]) if fault in bodies else self._send(int(fault), b"")

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    files = RunFiles(tmp_path)
    with handling(Handler) as url:
        settings = settings_for(Directory(url=url))
        found = snapshot(settings, (ManagedAttribute("userName"),), ["userName"], files, known=None)
    assert pq.read_table(files.target).column("id").to_pylist() == sorted(row["id"] for row in rows)
    assert found.profiles == 30
    assert asked == [1, 11, 21, 21, 31]  # 31: whether the list really ends there


def test_a_list_that_never_settles_is_refused(tmp_path: Path, directory: Directory) -> None:
    fill(directory, 30)
    fresh = iter(range(10_000))

    def shift(directory: Directory, start: int) -> None:
        if start == 15:
            directory.users.pop(next(iter(directory.users)))
            directory.add({"id": f"new{next(fresh)}"})

    directory.manners = Manners(page=7, shift=shift, total=999)
    with pytest.raises(Refused) as refused:
        taken(directory, tmp_path)
    assert [refusal.code for refusal in refused.value.refusals] == ["target_incomplete"]


def test_somebody_known_who_is_missing_from_the_list_but_there_is_refused(tmp_path: Path, directory: Directory) -> None:
    fill(directory, 10)
    known = tmp_path / "known.parquet"
    pq.write_table(pa.table({"profile_id": ["p00001", "hidden", "gone"]}), known)
    taken(directory, tmp_path / "first", known)
    hidden = directory.users | {"hidden": {"id": "hidden", "userName": "hidden"}}
    directory.users = _Hiding(hidden)
    with pytest.raises(Refused, match="1 profiles known from the last run"):
        taken(directory, tmp_path / "second", known)


class _Hiding(dict[str, Any]):
    """Lists everybody but one."""

    def values(self) -> Any:
        return [value for key, value in self.items() if key != "hidden"]


def test_a_server_that_gives_up_in_the_middle_is_a_failure(tmp_path: Path, directory: Directory) -> None:
    fill(directory, 30)
    directory.manners = Manners(page=7)
    directory.fault = lambda _, path, number: "refuse" if path == "/Users" and number > 6 else None
    with pytest.raises(Failed, match="stopped in the middle"):
        taken(directory, tmp_path)


def test_slowing_down_is_heeded(tmp_path: Path, directory: Directory) -> None:
    fill(directory, 30)
    directory.manners = Manners(page=7)
    directory.fault = lambda _, __, number: "429 0" if number % 2 else None
    found, rows = taken(directory, tmp_path)
    assert len(rows) == 30
    assert found.completeness["retries"] > 0


def test_a_wrong_token_is_said(tmp_path: Path, directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_for(directory)
    monkeypatch.setenv("TRUEUP_TEST_SCIM_TOKEN", "wrong-token")
    with pytest.raises(Failed, match="token") as failed:
        snapshot(settings, PATHS, [], RunFiles(tmp_path), known=None)
    assert "wrong-token" not in str(failed.value)
    assert [line.status for line in examine(settings)][-1] == "fix"


def test_a_target_that_is_not_scim_is_said(tmp_path: Path, directory: Directory) -> None:
    settings = settings_for(directory)
    settings = settings.model_copy(update={"target": settings.target.model_copy(update={"url": f"{directory.url}/x"})})
    with pytest.raises(Failed, match="does not answer like a SCIM server"):
        snapshot(settings, PATHS, [], RunFiles(tmp_path), known=None)
    assert "fix" in {line.status for line in examine(settings)}


def test_a_target_that_cannot_be_reached_is_said_within_half_a_minute(tmp_path: Path) -> None:
    started = time.monotonic()
    settings = settings_for(Directory(url="http://127.0.0.1:9/scim"))
    with pytest.raises(Failed, match="cannot be reached"):
        snapshot(settings, PATHS, [], RunFiles(tmp_path), known=None)
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("url", ["", "ftp://x", "http://directory.example/scim", "https://u:p@x.example"])
def test_an_unusable_address_is_a_mistake_of_the_configuration(tmp_path: Path, url: str) -> None:
    target = TargetSettings.model_construct(url=url, token="env:TRUEUP_TEST_SCIM_TOKEN")
    settings = Settings().model_copy(update={"target": target})
    with pytest.raises(Misused, match=r"target\.url"):
        snapshot(settings, PATHS, [], RunFiles(tmp_path), known=None)
    assert [line.status for line in examine(settings)] == ["fix"]


def test_attributes_that_differ_only_by_case_are_refused(tmp_path: Path, directory: Directory) -> None:
    with pytest.raises(Refused, match="differ only by case"):
        snapshot(settings_for(directory), [ManagedAttribute("username")], [], RunFiles(tmp_path), known=None)


@pytest.mark.parametrize(
    ("manners", "status"),
    [(Manners(), "ok"), (Manners(filters="ignored"), "warning"), (Manners(filters="error"), "warning")],
)
def test_doctor_says_what_filters_do(directory: Directory, manners: Manners, status: str) -> None:
    directory.manners = manners
    fill(directory, 3)
    lines = {line.subject: line for line in examine(settings_for(directory))}
    assert lines["SCIM filter"].status == status
    assert lines["SCIM list"].status == "ok"
    assert not any(line.status == "fix" for line in lines.values())


def test_a_missing_setting_is_said_without_asking_anybody() -> None:
    assert [line.status for line in examine(Settings())] == ["fix"]


@rules(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(0, 40), page=st.integers(1, 45), past_end=st.sampled_from(["empty", "first", "error"]))
def test_any_page_size_gives_everybody_once(
    tmp_path: Path, directory: Directory, count: int, page: int, past_end: str
) -> None:
    directory.users.clear()
    directory.manners = Manners(page=page, past_end=past_end)
    fill(directory, count)
    _, rows = taken(directory, tmp_path)
    assert [row["id"] for row in rows] == sorted(directory.users)
