"""The review answers this machine's own page and nobody else; what it is told goes on unchanged."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.report_cases import CASES
from tests.support.report_runs import DEPARTMENT, key_of, write_run
from tests.support.review_server import reviewing
from trueup.flows.commands.review import ReviewActions, serve_review
from trueup.flows.listening import listen
from trueup.reports import view_of
from trueup.transforms.errors import Failed, Refusal, Refused
from trueup.transforms.history import History, PriorRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.review_server import Office
    from trueup.flows.commands.review import Session


def _run(tmp_path: Path, name: str, state: str = "") -> tuple[PriorRun, History]:
    case = CASES[name]()
    files, manifest = write_run(tmp_path, case)
    return PriorRun(files, manifest, (), state or str(manifest.outcome)), History()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Session, Office]]:
    """An ordinary night under review."""
    with reviewing(*_run(tmp_path_factory.mktemp("review"), "ordinary")) as started:
        yield started


@pytest.fixture
def review(served: tuple[Session, Office]) -> tuple[Session, Office]:
    """The same for each test, with nothing wished yet."""
    served[1].forget()
    return served


def _ask(session: Session, method: str, path: str, body: Any = None, **headers: str | None) -> tuple[int, Any, str]:
    """Status, headers and body; a header given as None is left away."""
    own: dict[str, str | None] = {"Host": f"127.0.0.1:{session.port}"}
    if method == "POST":
        own |= {
            "Origin": f"http://127.0.0.1:{session.port}",
            "Content-Type": "application/json",
            "X-Trueup-Review": session.secret,
        }
    own |= {name.replace("_", "-"): value for name, value in headers.items()}
    content = b"" if body is None else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", session.port, timeout=120)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in own.items():
            if value is not None:
                connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(content)))
        connection.endheaders(content)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def _row(session: Session, number: int) -> int:
    return int(session.view.people["key"].to_pylist().index(key_of(number)))


def test_the_page_is_served_below_its_token_and_kept_nowhere(review: tuple[Session, Office]) -> None:
    session, _ = review
    status, headers, page = _ask(session, "GET", f"/{session.token}/")
    assert status == 200
    assert 'id="review"' in page
    assert 'value="Ada"' in page
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/x/", "/approve", "/x/approve", "//"])
def test_without_the_token_there_is_nothing(path: str, review: tuple[Session, Office]) -> None:
    session, _ = review
    status, _, content = _ask(session, "GET", path)
    assert status in (404, 405)
    assert session.token not in content
    assert session.secret not in content


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "[::1]", ""])
def test_another_host_is_not_answered(host: str, review: tuple[Session, Office]) -> None:
    session, _ = review
    assert _ask(session, "GET", f"/{session.token}/", Host=host)[0] in (400, 421)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": None},
        {"X_Trueup_Review": "wrong"},
        {"X_Trueup_Review": None},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Host": "evil.example"},
    ],
)
def test_a_write_from_elsewhere_changes_nothing(headers: dict[str, str | None], review: tuple[Session, Office]) -> None:
    session, office = review
    for action in ("approve", "reject"):
        body = {"name": "Eve", "reason": "x", "people": [], "attributes": []}
        status, _, _ = _ask(session, "POST", f"/{session.token}/{action}", body, **headers)
        assert status in (403, 415, 421)
    assert (office.wishes, office.rejections) == ([], [])


def test_a_page_elsewhere_cannot_even_read_it(review: tuple[Session, Office]) -> None:
    session, _ = review
    assert _ask(session, "GET", f"/{session.token}/", Sec_Fetch_Site="cross-site")[0] == 403


def test_accepting_says_exactly_what_was_left_out(review: tuple[Session, Office]) -> None:
    session, office = review
    body = {
        "name": " Maja Novak ",
        "people": [_row(session, 4), _row(session, 10)],
        "attributes": [DEPARTMENT],
        "allow": {},
    }
    status, _, content = _ask(session, "POST", f"/{session.token}/approve", body)
    assert (status, json.loads(content)["ok"]) == (200, True)
    assert office.ended.wait(60)
    (wish,) = office.wishes
    assert wish.who == "Maja Novak"
    assert set(wish.exclude) == {key_of(4), key_of(10), DEPARTMENT}
    assert (wish.only, dict(wish.allow), wish.fingerprint) == ((), {}, session.view.fingerprint)
    assert "Left out, with what depends on it: 3 rows" in json.loads(content)["message"]


def _changes(session: Session, number: int) -> list[int]:
    keys = session.view.changes["key"].to_pylist()
    return [place for place, key in enumerate(keys) if key == key_of(number)]


def test_single_changes_and_notes_go_on_with_the_approval(review: tuple[Session, Office]) -> None:
    session, office = review
    one, *_ = _changes(session, 4)
    whole, *_ = _changes(session, 10)
    attribute = session.view.changes["attribute"][one].as_py()
    body = {
        "name": "Maja",
        "people": [_row(session, 10)],
        "attributes": [],
        "changes": [one, whole],
        "note": " Asked Bo. ",
        "notes": {str(_row(session, 4)): " not before May ", str(_row(session, 10)): " "},
    }
    assert _ask(session, "POST", f"/{session.token}/approve", body)[0] == 200
    assert office.ended.wait(60)
    (wish,) = office.wishes
    assert wish.exclude == (key_of(10), f"{key_of(4)}/{attribute}")
    assert (wish.note, dict(wish.notes)) == ("Asked Bo.", {key_of(4): "not before May"})


def test_where_the_reviewer_is_comes_back_with_the_page(review: tuple[Session, Office]) -> None:
    session, office = review
    rows = [_row(session, 4), _row(session, 10)]
    state = {"looked": rows, "notes": {str(rows[0]): "ask"}, "note": "so far"}
    assert _ask(session, "POST", f"/{session.token}/state", state)[0] == 200
    assert not office.ended.is_set()
    assert office.states[-1].looked == (key_of(4), key_of(10))
    page = _ask(session, "GET", f"/{session.token}/")[2]
    assert f'"looked":[{rows[0]},{rows[1]}]' in page
    assert '"note":"so far"' in page
    for wrong in ({"looked": [10_000]}, {"looked": ["0"]}, {"notes": {"x": "y"}}, {"note": "x" * 2_001}, {"looked": 3}):
        assert _ask(session, "POST", f"/{session.token}/state", wrong)[0] == 409
    assert len(office.states) == 1


def test_overrides_go_on_with_their_reasons(tmp_path: Path) -> None:
    with reviewing(*_run(tmp_path, "refused")) as (session, office):
        assert session.may_approve
        said = {"create": "a new plant", "deactivate": "the old plant closes"}
        body = {"name": "Ada", "people": [], "attributes": [], "allow": said}
        assert _ask(session, "POST", f"/{session.token}/approve", body)[0] == 200
        assert office.wishes[0].allow == said


def test_rejecting_needs_a_name_and_a_reason(review: tuple[Session, Office]) -> None:
    session, office = review
    for body in ({"name": "", "reason": "x"}, {"name": "Ada", "reason": " "}, {"name": 1, "reason": None}):
        status, _, content = _ask(session, "POST", f"/{session.token}/reject", body)
        assert status == 409
        assert "name and a reason" in json.loads(content)["message"]
    assert _ask(session, "POST", f"/{session.token}/reject", {"name": "Ada", "reason": "odd"})[0] == 200
    assert office.rejections == [("Ada", "odd")]
    assert office.ended.wait(60)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "x",
        None,
        {"name": ""},
        {"name": "Ada", "people": [10_000]},
        {"name": "Ada", "people": [-1]},
        {"name": "Ada", "people": [True]},
        {"name": "Ada", "people": ["0"]},
        {"name": "Ada", "people": {"0": 1}},
        {"name": "Ada", "attributes": ["nowhere"]},
        {"name": "Ada", "attributes": [{}]},
        {"name": "Ada", "attributes": "title"},
        {"name": "Ada", "changes": [-1]},
        {"name": "Ada", "changes": [1_000_000]},
        {"name": "Ada", "changes": ["0"]},
        {"name": "Ada", "changes": 0},
        {"name": "Ada", "notes": {"10000": "x"}},
        {"name": "Ada", "allow": ["deactivate"]},
        {"name": "Ada", "allow": {"deactivate": 1}},
    ],
)
def test_what_is_no_decision_is_refused_and_the_review_goes_on(body: Any, review: tuple[Session, Office]) -> None:
    session, office = review
    status, _, content = _ask(session, "POST", f"/{session.token}/approve", body)
    assert status == 409
    assert json.loads(content)["ok"] is False
    assert office.wishes == []
    assert not office.ended.is_set()


def test_nobody_who_is_not_written_can_be_left_out(review: tuple[Session, Office]) -> None:
    session, office = review
    body = {"name": "Ada", "people": [_row(session, 60)]}
    assert _ask(session, "POST", f"/{session.token}/approve", body)[0] == 409
    assert office.wishes == []


def test_a_refusal_is_told_and_the_review_goes_on(review: tuple[Session, Office]) -> None:
    session, office = review
    office.trouble = Refused(Refusal("superseded", "A newer plan stands.", remedy="Review that one."))
    status, _, content = _ask(session, "POST", f"/{session.token}/approve", {"name": "Ada"})
    assert status == 409
    assert json.loads(content)["message"] == "A newer plan stands.\nReview that one."
    assert not office.ended.is_set()


def test_what_nobody_foresaw_is_told_without_its_text(review: tuple[Session, Office]) -> None:
    session, office = review
    office.trouble = RuntimeError("ada@contoso.example")
    status, _, content = _ask(session, "POST", f"/{session.token}/approve", {"name": "Ada"})
    assert status == 500
    assert "RuntimeError" in content
    assert "contoso" not in content


def test_a_body_without_end_is_not_read(review: tuple[Session, Office]) -> None:
    session, _ = review
    head = (
        f"POST /{session.token}/approve HTTP/1.1\r\nHost: 127.0.0.1:{session.port}\r\n"
        f"Origin: http://127.0.0.1:{session.port}\r\nX-Trueup-Review: {session.secret}\r\n"
        "Content-Type: application/json\r\nContent-Length: 999999999\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", session.port), timeout=120) as connection:
        connection.sendall(head.encode())
        assert b" 413 " in connection.recv(200)


@pytest.mark.parametrize(
    ("name", "state", "may"),
    [
        ("ordinary", "ready", True),
        ("ordinary", "approved", True),
        ("ordinary", "expired", True),
        ("ordinary", "superseded", False),
        ("ordinary", "applied", False),
        ("ordinary", "rejected", False),
        ("refused", "refused", True),
        ("refused", "superseded", False),
        ("empty", "nothing_to_do", False),
    ],
)
def test_only_a_run_that_may_be_approved_offers_it(name: str, state: str, *, may: bool, tmp_path: Path) -> None:
    with reviewing(*_run(tmp_path, name, state)) as (session, _):
        assert session.may_approve is may
        page = _ask(session, "GET", f"/{session.token}/")[2]
        assert ('id="accept"' in page) is may
        assert re.search(r'"may_approve":(true|false)', page)


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    run, history = _run(tmp_path, "empty")
    taken = listen("127.0.0.1", 0, remedy="")
    try:
        actions = ReviewActions(lambda _: run, lambda _name, _reason: run)
        with pytest.raises(Failed, match="cannot be listened on"):
            serve_review(view_of(run, history), actions, port=taken.getsockname()[1])
    finally:
        taken.close()


def test_ctrl_c_ends_the_review_without_a_decision(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from trueup.flows.commands.review import ReviewActions, serve_review\n"
        "from tests.support.report_cases import CASES\n"
        "from tests.support.report_runs import write_run\n"
        "from trueup.reports import view_of\n"
        "from trueup.transforms.history import History, PriorRun\n"
        f"files, manifest = write_run(Path({str(tmp_path)!r}), CASES['empty']())\n"
        "run = PriorRun(files, manifest, (), 'nothing_to_do')\n"
        "serve_review(view_of(run, History()), ReviewActions(lambda _: run, lambda _name, _reason: run))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            with httpx.Client(trust_env=False, timeout=120) as client:
                assert client.get(address).status_code == 200
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "ended without a decision" in said
    assert "Traceback" not in said
