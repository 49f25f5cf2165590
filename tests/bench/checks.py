"""All suites over a million people: seconds and megabytes, as they are and with every last name blank."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.check_world import ATTRIBUTES, DEPARTMENT, MANAGER, NO_HISTORY, NUMBER, WORK_EMAIL, settings
from trueup.transforms.attributes import TargetSchema
from trueup.transforms.run_files import RunFiles

_FIRST = np.array(["Anna", "Bob", "Carla", "Dmitri", "Eva", "José", "Lin", "Omar", "Zoë", "Mia"], dtype=object)


def run(people: int = 1_000_000) -> list[tuple[str, str]]:
    """Rows of ``make bench``: what was measured, and the figure."""
    rows = []
    for label, broken in (("as they are", False), ("every last name blank", True)):
        with tempfile.TemporaryDirectory() as folder:
            write_run(RunFiles(Path(folder)), people, blank_last_names=broken)
            child = subprocess.run(
                [sys.executable, "-m", "tests.bench.checks", folder], check=True, capture_output=True, text=True
            )
            rows += [(f"checks, {people:,} people, {label}: {name}", figure) for name, figure in _parsed(child.stdout)]
    return rows


def _parsed(text: str) -> list[tuple[str, str]]:
    return [(name, figure) for name, _, figure in (line.partition("\t") for line in text.splitlines()) if figure]


def write_run(files: RunFiles, people: int, *, blank_last_names: bool) -> None:
    """The files that earlier stages leave, for ``people`` users."""
    files.work.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(7)
    number = np.arange(people)
    texts = number.astype(str).astype(object)
    first = _FIRST[random.integers(0, 10, people)]
    last = np.array([f"Name{n}" for n in range(5000)], dtype=object)[random.integers(0, 5000, people)]
    ids = pa.array("u-" + texts)
    address = pa.array("p" + texts + "@contoso.example")
    departments = pa.array(np.array([f"Department {n}" for n in range(60)], dtype=object)[number % 60])
    titles = pa.array(np.array([f"Title {n}" for n in range(300)], dtype=object)[number % 300])
    managers = ids.take(pa.array(number // 10))
    lasts = pa.nulls(people, pa.string()) if blank_last_names else pa.array(last)
    said = {
        "id": ids,
        "userPrincipalName": address,
        "displayName": pa.array(first + " " + last),
        "givenName": pa.array(first),
        "surname": lasts,
        "mail": address,
        "mailNickname": pa.array("p" + texts),
        "accountEnabled": pa.array(number % 50 != 0),
        "userType": pa.array(["Member"] * people),
        "employeeId": pa.array("E" + texts),
        "jobTitle": titles,
        "department": departments,
        "manager": managers,
        "assignedLicensesCount": pa.array(np.ones(people, dtype=np.int64)),
    }
    pq.write_table(pa.table(said), files.source, row_group_size=100_000)
    wanted = {
        "key": ids,
        "userName": address,
        "active": said["accountEnabled"],
        "name.givenName": said["givenName"],
        "name.familyName": lasts,
        WORK_EMAIL: address,
        "title": titles,
        DEPARTMENT: departments,
        NUMBER: said["employeeId"],
        MANAGER: managers,
        "left_alone": pa.array([[]] * people, pa.list_(pa.string())),
    }
    pq.write_table(pa.table(wanted), files.desired, row_group_size=100_000)
    duckdb.execute(
        f"COPY (SELECT id AS key, TRUE AS in_scope, NULL::VARCHAR AS reason_code, NULL::VARCHAR AS excluded_by "
        f"FROM read_parquet('{files.source}')) TO '{files.work_scope}' (FORMAT parquet)"
    )
    profiles = {
        "id": pa.array("p-" + texts),
        "version": pa.nulls(people, pa.string()),
        "resource": pa.array(["{}"] * people),
        "externalId": ids,
        **{name: wanted[name] for name in ("userName", "active", "name.givenName", WORK_EMAIL, "title")},
        "name.familyName": pa.array(last),
        DEPARTMENT: departments,
        NUMBER: said["employeeId"],
        MANAGER: pa.array("p-" + texts).take(pa.array(number // 10)),
    }
    pq.write_table(pa.table(profiles), files.target, row_group_size=100_000)


def measure(folder: str) -> None:
    """In a process of its own: import first, then every suite; one line per figure."""
    from trueup.expectations import check_relations, frames, plan_checks
    from trueup.expectations.gates import check_people, check_plan
    from trueup.expectations.people import judge
    from trueup.expectations.telemetry import quiet_context
    from trueup.transforms.planning.plan import make_plan
    from trueup.transforms.planning.request import PlanRequest

    quiet_context()
    from trueup.expectations import suites

    assert all((frames, check_relations, plan_checks, suites))
    files, given = RunFiles(Path(folder)), settings()
    before = _megabytes()
    start, begun = time.perf_counter(), time.process_time()
    judge(files, given)
    judged = time.perf_counter()
    found = check_people(files, given, ATTRIBUTES, NO_HISTORY)
    checked = time.perf_counter()
    used = _megabytes() - before
    cpu = time.process_time() - begun
    _say("processor time of verdicts and these suites", f"{cpu:.1f} s")
    _say("verdicts", f"{judged - start:.1f} s")
    _say("suites source, desired, history", f"{checked - judged:.1f} s, {len(found.refusals)} refusals")
    planning = PlanRequest(files, ATTRIBUTES, TargetSchema(), given, NO_HISTORY, datetime.now(UTC))
    make_plan(planning)
    planned = time.perf_counter()
    before_plan = _megabytes()
    check_plan(files)
    done = time.perf_counter()
    _say("suite plan", f"{done - planned:.1f} s, {_megabytes() - before_plan:,.0f} MB beyond planning")
    _say(
        "all suites",
        f"{checked - judged + done - planned:.1f} s (with verdicts {checked - start + done - planned:.1f} s)",
    )
    _say("memory beyond imports", f"{used:,.0f} MB")


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _say(name: str, figure: str) -> None:
    sys.stdout.write(f"{name}\t{figure}\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        for name, figure in run():
            _say(name, figure)
