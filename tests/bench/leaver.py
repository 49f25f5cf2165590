"""From the command to the deactivated profile for one leaver, in a tenant and a directory of 100,000 people.

The installed commands, each started anew with a Prefect server of its own, as somebody in a hurry would type them.
The whole plan before it is timed beside them. ``python -m tests.bench leaver`` prints; it asserts no time.
``TRUEUP_BENCH_PEOPLE`` says how many people.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.scim_directory import TOKEN, Directory, Manners, serving
from trueup.sandbox import Application, Assignment, Group, TenantData, running
from trueup.sandbox.profiles import profile_of
from trueup.sandbox.scaled import added
from trueup.sandbox.tenant.data import object_id
from trueup.sandbox.tenant.users import ColumnRows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

PEOPLE = int(os.environ.get("TRUEUP_BENCH_PEOPLE", "100000"))
TRUEUP = str(Path(sys.executable).parent / "trueup")
_LOOSE = "".join(f'{name} = "100%"\n' for name in ("create", "update", "deactivate", "reactivate", "hold", "changed"))


def _serve(people: int, theirs: Connection) -> None:
    """Tenant and directory, both with everybody, until the other side hangs up; it may ask who was asked what."""
    table = added(people)
    everybody = Group(object_id("group", "everybody"), "Everybody", tuple(table.column("id").to_pylist()))
    app = Application(
        object_id("sp", "bench"),
        object_id("app", "bench"),
        "Pingboard",
        assignments=(Assignment(everybody.id, "Group"),),
    )
    tenant = TenantData(users=ColumnRows(table), groups=(everybody,), applications=(app,))
    directory = Directory(Manners(page=1000))
    managers = (
        frozenset(table.column("manager").to_pylist()) - {None} if "manager" in table.column_names else frozenset()
    )
    for row in table.to_pylist():
        directory.add(profile_of({name: value for name, value in row.items() if value is not None}, managers))
    with running(tenant=tenant) as sandbox, serving(directory) as served:
        theirs.send((sandbox.configuration("runs"), sandbox.environment, sandbox.scim_url, served.url))
        while True:
            try:
                word, key = theirs.recv()
            except EOFError:
                return
            if word == "disable":
                sandbox.tenant.disable(key)
                sandbox.tenant.requests.clear()
                directory.log.clear()
            reads = Counter("source" for _ in sandbox.tenant.requests)
            reads.update("writes" if method != "GET" else "target" for method, _ in directory.log)
            of_key = next(one for one in directory.users.values() if one["externalId"] == key)
            theirs.send((dict(reads), bool(of_key["active"])))


@contextmanager
def _company(people: int) -> Iterator[tuple[Connection, tuple[str, dict[str, str], str, str]]]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(people, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours, ours.recv()
    finally:
        ours.close()
        process.kill()
        process.join()


@dataclass(frozen=True, slots=True)
class Took:
    """How long a command took, and how much of a processor it and its Prefect server used: that holds under load."""

    seconds: float
    busy: float

    def __add__(self, other: Took) -> Took:
        return Took(self.seconds + other.seconds, self.busy + other.busy)

    def __str__(self) -> str:
        return f"{self.seconds:6.1f} s ({self.busy:5.1f} s of processor)"


def _busy() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _command(folder: Path, environment: dict[str, str], *words: str) -> tuple[Took, Any]:
    begun, busy = time.perf_counter(), _busy()
    done = subprocess.run(
        [TRUEUP, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=3600, check=False
    )
    took = Took(time.perf_counter() - begun, _busy() - busy)
    if done.returncode:
        raise RuntimeError(f"{words}: {done.returncode}\n{done.stderr[-2000:]}")
    return took, json.loads(done.stdout) if "--json" in words else done.stdout


def run() -> Iterator[tuple[str, str]]:
    """Rows for ``make bench``."""
    with tempfile.TemporaryDirectory() as name, _company(PEOPLE) as (servers, (text, secrets, theirs, ours)):
        folder = Path(name)
        (folder / "trueup.toml").write_text(f"{text.replace(theirs, ours)}\n[limits]\n{_LOOSE}", encoding="utf-8")
        environment = {**os.environ, **secrets, "PREFECT_HOME": str(folder / "prefect")}
        environment |= dict.fromkeys((name for name in secrets if "SCIM" in name), TOKEN)
        environment.pop("PREFECT_API_URL", None)
        took, plan = _command(folder, environment, "plan", "--json")
        yield f"the plan for everybody before it ({PEOPLE:,} people): {plan['outcome']}", str(took)
        if plan["outcome"] == "ready":
            _command(folder, environment, "approve", plan["run_id"], "--as", "Bench")
            took, _ = _command(folder, environment, "apply", plan["run_id"], "--json")
            yield f"its apply, {plan['changes']:,} changes", str(took)
        leaver = added(PEOPLE).column("id")[PEOPLE // 2].as_py()
        servers.send(("disable", leaver))
        servers.recv()
        steps = []
        took, plan = _command(folder, environment, "plan", "--only", leaver, "--json")
        steps.append(("plan --only", took))
        steps.append(("approve", _command(folder, environment, "approve", plan["run_id"], "--as", "Bench")[0]))
        steps.append(("apply", _command(folder, environment, "apply", plan["run_id"], "--json")[0]))
        servers.send(("look", leaver))
        asked, is_active = servers.recv()
        if is_active or plan["counts"]["deactivate"] != 1:
            raise RuntimeError("the profile is still active")
        yield from ((f"one leaver: {what}", str(took)) for what, took in steps)
        requests = f"{asked.get('source', 0)} requests to the source, {asked.get('target', 0)} reads and "
        requests += f"{asked.get('writes', 0)} writes at the target"
        total = sum((took for _, took in steps), Took(0.0, 0.0))
        yield "one leaver: from the command to the deactivated profile", f"{total}; {requests}"
