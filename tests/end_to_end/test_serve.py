"""The nightly service: a missed night made up once, applied only where allowed, and gone when it is told to go."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.end_to_end.conftest import TRUEUP
from tests.support.allowed import BY_ITSELF
from tests.support.cutting import cutting
from tests.support.mailbox import webhook
from trueup.connectors.archive import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.end_to_end.conftest import Office
    from tests.support.first_nights import Night

pytestmark = [pytest.mark.nights, pytest.mark.xdist_group("serve"), pytest.mark.timeout(400)]

NOISE = re.compile(r"Traceback|RuntimeWarning|never awaited|Exception in callback|Error")


def with_notify(folder: Path, more: str = "") -> str:
    script = folder / "told.py"
    # Reads its input to the end: a command that is not given one must not wait for somebody's terminal.
    script.write_text(
        "import os, sys\nsys.stdin.read()\n"
        f"open({str(folder / 'told')!r}, 'a').write(os.environ['TRUEUP_MESSAGE'] + chr(10))\n",
        encoding="utf-8",
    )
    return f"[notify]\ncommand = {json.dumps(f'{sys.executable} {script}')}\n{more}"


def until(condition: Callable[[], Any], what: str, seconds: float = 150) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.2)
    return found


class Service:
    """``trueup serve``, running, with what it says going to a file."""

    before: tuple[str, ...] = ()

    def __init__(self, office: Office, number: int, **environment: str) -> None:
        self.log = office.folder / f"serve-{number}.log"
        own = {**os.environ, **office.sandbox.environment, **office.environment, **environment}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*self.before, TRUEUP, "serve"],
                cwd=office.folder,
                env={key: value for key, value in own.items() if value},
                stdin=subprocess.PIPE,  # open and silent, as of a service manager
                stdout=log,
                stderr=log,
            )

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def is_starting(self) -> bool:
        return bool(self.descendants()) or self.process.poll() is not None

    def is_planning(self) -> bool:
        return "Planning at" in self.said or self.process.poll() is not None

    def descendants(self) -> list[int]:
        parents: dict[int, int] = {}
        for entry in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                after = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                parents[int(entry.parent.name)] = int(after[1])
        found = [self.process.pid]
        for one in found:
            found += [pid for pid, parent in parents.items() if parent == one]
        return found[1:]

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(120)


class BackgroundService(Service):
    """The same, as a script's shell starts what is followed by an ampersand: with Ctrl-C ignored."""

    before = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")


@pytest.fixture
def started() -> Iterator[list[Service]]:
    services: list[Service] = []
    yield services
    for service in services:
        if service.process.stdin is not None:
            service.process.stdin.close()
        if service.process.poll() is None:
            service.process.kill()
            service.process.wait()


def none_alive(pids: list[int]) -> bool:
    return not any(map(is_alive, pids))


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    return False


def names_of(office: Office) -> set[str]:
    """What people are called, at either end."""
    told = {str(user.get(key) or "") for user in office.sandbox.tenant.users() for key in ("displayName", "mail")}
    told |= {str(user["userPrincipalName"]) for user in office.sandbox.tenant.users()}
    told |= {str(profile["userName"]) for profile in office.everything().values()}
    return {name for name in told if len(name) > 7}


def artifacts(office: Office) -> list[dict[str, Any]]:
    with httpx.Client(trust_env=False) as client:
        answer = client.post(f"{office.environment['PREFECT_API_URL']}/artifacts/filter", json={"limit": 200})
    return list(answer.json())


def test_a_missed_night_is_planned_once_applied_as_allowed_and_told_without_names(
    office: Office, started: list[Service]
) -> None:
    office.configure(with_notify(office.folder, f'{BY_ITSELF}[metrics]\ntextfile = "trueup.prom"\n'))
    names = names_of(office)
    assert office.trueup("health").code == 1
    first = Service(office, 1)
    started.append(first)
    until(lambda: [*office.archive.glob("*/acts/*-applied.json")] or first.process.poll() is not None, "an apply")
    told_of = office.folder / "told"  # the last that a night does
    until(lambda: told_of.exists() or first.process.poll() is not None, "the end of the night")
    assert first.end(signal.SIGTERM) == 0, first.said
    assert not NOISE.search(first.said), first.said
    [folder] = [path.parent for path in office.archive.glob("*/manifest.json")]
    acts = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / "acts").glob("*.json"))]
    assert [act["act"] for act in acts] == ["approved", "applied"]
    assert "auto" in json.dumps(acts[0]), "who approved must say that nobody did"

    told = told_of.read_text(encoding="utf-8")
    assert re.search(r"\d+ create", told)
    shown = [one for one in artifacts(office) if folder.name in json.dumps(one)]
    assert {one["key"] for one in shown} == {"trueup-run", "trueup-apply"}
    assert any("| create | " in one["data"] for one in shown)
    figures = (office.folder / "trueup.prom").read_text(encoding="utf-8")
    assert re.search(r'^trueup_outcome\{.*outcome="ready".*\} 1\.0$', figures, re.MULTILINE)
    assert re.search(r"^trueup_awaiting_approval\{.*\} 0\.0$", figures, re.MULTILINE)
    for text in (told, figures, first.said, json.dumps(shown, ensure_ascii=False)):
        assert not [name for name in names if name in text], "somebody is named"

    second = Service(office, 2)
    started.append(second)
    until(second.is_planning, "the second service")
    time.sleep(15)  # its first look comes after ten seconds
    assert second.process.poll() is None, second.said
    assert office.trueup("health", "--json").json["alive"] is True
    assert [path.name for path in office.archive.glob("2*")] == [folder.name], "planned a second time"
    assert second.end(signal.SIGINT) == 0
    assert office.trueup("health").code == 1
    assert not NOISE.search(second.said), second.said


def test_no_server_outlives_the_service_however_it_ends(
    office: Office, started: list[Service], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = {"PREFECT_HOME": str(tmp_path_factory.mktemp("own")), "PREFECT_API_URL": ""}
    for turn, number in enumerate((signal.SIGTERM, signal.SIGKILL)):
        service = Service(office, turn, **home)
        started.append(service)
        early = number is signal.SIGTERM  # while its server is starting
        until(service.is_starting if early else service.is_planning, "a server")
        left = service.descendants()
        assert left, service.said
        code = service.end(number)
        assert code == (0 if early else -signal.SIGKILL), service.said
        assert not NOISE.search(service.said), service.said
        until(partial(none_alive, left), "the end of its processes", 120)


@pytest.mark.parametrize("words", [2, 3])
def test_a_prefect_server_that_goes_away_while_the_service_connects_to_it_is_waited_for(
    office: Office, started: list[Service], words: int
) -> None:
    port = int(office.environment["PREFECT_API_URL"].rpartition(":")[2].removesuffix("/api"))
    with cutting(port, cuts=2, words=words) as door:
        service = Service(office, words, PREFECT_API_URL=f"http://127.0.0.1:{door.port}/api")
        started.append(service)
        asks = b"POST /api/deployments/get_scheduled_flow_runs"
        until(lambda: door.has_asked(asks) or service.process.poll() is not None, "it to ask what is due")
        assert not door.cuts_left
        assert service.end(signal.SIGTERM) == 0, service.said
    assert not NOISE.search(service.said), service.said


def test_the_deployed_apply_wants_a_reviewer_and_the_fingerprint_that_was_reviewed(planned: Night) -> None:
    from trueup.flows.apply import approve_and_apply

    wanted = inspect.signature(approve_and_apply.fn).parameters
    assert all(wanted[name].default is inspect.Parameter.empty for name in ("reviewer", "fingerprint"))
    office, plan, before = planned.office, planned.plan, planned.before
    config = str(office.config)

    def ask(plan: Any, reviewer: str = "A", fingerprint: str = "", **more: Any) -> tuple[str, str]:
        state = approve_and_apply.fn(config, plan["run_id"], reviewer, fingerprint or plan["fingerprint"], **more)
        return state.type.value, state.message

    office.configure('[notify]\nurls = ["env:HOOK"]\n')
    with pytest.MonkeyPatch.context() as patch, webhook() as hook:
        for name, value in {**office.sandbox.environment, "HOOK": hook.url.replace("http", "json")}.items():
            patch.setenv(name, value)
        for words, why in (
            ({"reviewer": ""}, "a reviewer"),
            ({"reviewer": "  "}, "a reviewer"),
            ({"fingerprint": " "}, "a reviewer"),
            ({"fingerprint": "123"}, "a reviewer"),
            ({"fingerprint": "0" * 12}, "fingerprint"),
            ({"fingerprint": "0" * 12, "rejection": "not these"}, "another fingerprint"),
            ({"leave_out": ["somebody@contoso.example"]}, "neither an attribute of the mapping nor a decision"),
            ({"allow": {"update": " "}}, "needs a reason"),
        ):
            kind, message = ask(plan, **words)
            assert kind == "FAILED"
            assert why in message
        acts = office.run_folder(plan) / "acts"
        assert not acts.exists() or not [*acts.iterdir()]
        assert ask(plan, rejection="not these") == ("COMPLETED", "Rejected")
        assert office.everything() == before

        plan = office.plan()
        allow = {refusal["code"].removeprefix("limit_"): "a test" for refusal in plan["refusals"]}
        ended = ask(plan, allow=allow, leave_out=["create", "deactivate", "reactivate", "title"])
        told = [body["title"] for _, body in hook.posts]
    assert ended == ("COMPLETED", "Applied")
    assert [title.rpartition(": ")[2] for title in told if title.endswith("applied")] == ["applied"], told
    kept = reading.load(office.archive, plan["run_id"]).acts
    assert [act.act for act in kept] == ["approved", "applied"]
    assert (kept[0].details["allowed"], kept[0].via) == (allow, "orchestrator")
    after = office.everything()
    assert before.keys() == after.keys()
    assert before != after
    assert {key: one.get("title") for key, one in before.items()} == {
        key: one.get("title") for key, one in after.items()
    }
