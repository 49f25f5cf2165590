"""The plan stage at a million people, beside the floor: hashing every value of both Parquet files."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING

from trueup.transforms.attributes import ManagedAttribute, TargetSchema
from trueup.transforms.duck.database import connect
from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.fingerprint import fingerprint
from trueup.transforms.history import History, PriorRun
from trueup.transforms.manifest import ActRecord, Manifest
from trueup.transforms.run_files import RunFiles
from trueup.transforms.settings import Settings
from trueup.transforms.vocabulary import Act, Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

PEOPLE = int(os.environ.get("TRUEUP_BENCH_PEOPLE", "1000000"))
TURNS = 3
MAIL = 'emails[type eq "work"].value'
_TEXTS = [
    "name.givenName", "name.familyName", "title",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    *(f'phoneNumbers[type eq "{kind}"].value' for kind in ("work", "mobile", "fax")),
    *(f'addresses[type eq "work"].{part}' for part in ("formatted", "locality", "region", "country", "postalCode")),
    "nickName", "preferredLanguage", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter",
]  # fmt: skip
ATTRIBUTES = (
    ManagedAttribute("userName", source_columns=("userPrincipalName",), required=True),
    ManagedAttribute(MAIL, source_columns=("mail",)),
    ManagedAttribute("externalId", source_columns=("id",)),
    ManagedAttribute("active", kind="boolean", source_columns=("accountEnabled",)),
    ManagedAttribute("manager", kind="reference", source_columns=("manager",)),
    *(ManagedAttribute(path, source_columns=("displayName",)) for path in _TEXTS),
)
_LOOSE = {
    "limits": dict.fromkeys(("create", "update", "deactivate", "reactivate", "hold", "changed", "emptied"), "100%")
}


def run() -> Iterator[tuple[str, str]]:
    """Seconds and MB of each part, the best of some turns, as for the floor; of memory, the most.

    The plan stage runs in a process of its own, so that its memory can be told.
    """
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        hashing = min(floor(Path(folder)) for _ in range(TURNS))
        yield f"floor: hashing every value of desired and actual, {PEOPLE:,} x {len(ATTRIBUTES)}", f"{hashing:.2f} s"
        for way in ("linked", "by externalId"):
            turns = [_alone(folder, way) for _ in range(TURNS)]
            stage, actual = (min(figure) for figure in list(zip(*turns, strict=True))[:2])
            peak = max(turn[2] for turn in turns)
            yield f"match, decide, diff, write decisions and changes ({way}, 1 % changed)", f"{stage:.2f} s"
            yield "   beside the floor (at most 8)", f"{stage / hashing:.1f} x"
            yield "   writing actual.parquet and links.parquet, not counted above", f"{actual:.2f} s"
            yield "   peak memory (at most 2,000)", f"{peak:.0f} MB"
        begun = time.perf_counter()
        fingerprint(now(Path(folder)), "0" * 64)
        yield "fingerprint of the run", f"{time.perf_counter() - begun:.2f} s"


def _alone(folder: str, way: str) -> tuple[float, ...]:
    with Popen([sys.executable, "-m", "tests.bench.plan", folder, way], stdout=PIPE, text=True) as child:
        return tuple(float(word) for word in child.communicate()[0].split())


def now(folder: Path) -> RunFiles:
    """The run under construction in ``folder``."""
    return RunFiles(folder / "20261123T010000Z-0002")


def floor(folder: Path) -> float:
    """Seconds to hash every value of both sides: nothing that looks at them can be faster."""
    files, connection = now(folder), connect()
    begun = time.perf_counter()
    for path in (files.desired, folder / "actual.parquet"):
        columns = [a.path for a in ATTRIBUTES]
        hashed = ", ".join(f"bit_xor(hash({identifier(name)}))" for name in ("key", *columns))
        connection.execute(f"SELECT {hashed} FROM read_parquet({literal(str(path))})").fetchall()
    return time.perf_counter() - begun


def build(folder: Path) -> None:
    """A tenant and a directory that differ in 1 % of the people, and an applied run that linked them."""
    files, before = now(folder), RunFiles(folder / "20261122T010000Z-0001")
    for one in (files, before):
        one.work.mkdir(parents=True)
    files.mapping_sql.write_text("SELECT 1\n", encoding="utf-8")
    connection = connect(spill=folder)
    key = "format('{:08x}-aaaa-4bbb-8ccc-{:012x}', (i * 2654435761) % 4294967296, i)"
    texts = ", ".join(
        f"'{path.split('.')[-1]} ' || (i * {number + 7} % {10 ** (number % 5 + 1)}) AS {identifier(path)}"
        for number, path in enumerate(_TEXTS)
    )
    connection.execute(
        f"CREATE TABLE people AS SELECT i, {key} AS key, 'user.' || i || '@bench.example' AS \"userName\", "
        f"'user.' || i || '@bench.example' AS {identifier(MAIL)}, {key} AS \"externalId\", TRUE AS active, "
        f"{key.replace('i ', '(i // 10) ').replace(', i)', ', i // 10)')} AS manager, {texts} "
        f"FROM range({PEOPLE}) r(i) ORDER BY key"
    )
    columns = ", ".join(identifier(a.path) for a in ATTRIBUTES)
    _copy(connection, f"SELECT key, {columns}, []::VARCHAR[] AS left_alone FROM people ORDER BY key", files.desired)
    _copy(
        connection,
        'SELECT key AS id, "userName" AS "userPrincipalName", "userName" AS mail, \'Name \' || i AS "displayName", '
        'TRUE AS "accountEnabled", i::VARCHAR AS "employeeId", manager FROM people ORDER BY key',
        files.source,
    )
    moved = columns.replace('"title"', "CASE WHEN i % 100 = 7 THEN 'Someone else' ELSE title END AS title")
    reference = "'p' || (i // 10) AS manager"
    _copy(
        connection,
        "SELECT 'p' || i AS id, NULL::VARCHAR AS version, '{}' AS resource, "
        f"{moved.replace(identifier('manager'), reference)} FROM people ORDER BY id",
        files.target,
    )
    _copy(
        connection,
        f"SELECT key, {moved}, []::VARCHAR[] AS left_alone FROM people ORDER BY key",
        folder / "actual.parquet",
    )
    _copy(connection, "SELECT key, TRUE AS in_scope, NULL::VARCHAR AS reason_code, NULL::VARCHAR AS excluded_by "
          "FROM people", files.work_scope)  # fmt: skip
    _copy(connection, "SELECT key, 'person' AS verdict FROM people", files.work_verdicts)
    _copy(connection, "SELECT key AS source_id, 'p' || i AS profile_id, 'externalId' AS matched_by, 'r' AS since "
          "FROM people ORDER BY key", before.links)  # fmt: skip
    for name in ("desired", "source"):
        (before.path / f"{name}.parquet").symlink_to(files.path / f"{name}.parquet")
    before.actual.symlink_to(folder / "actual.parquet")
    _copy(connection, "SELECT key, key AS source_id, 'p' || i AS profile_id, 'unchanged' AS decision, "
          "'same' AS reason_code FROM people ORDER BY key", before.decisions)  # fmt: skip
    _copy(
        connection,
        "SELECT ''AS key, '' AS attribute, '' AS before, '' AS after, '' AS cause WHERE FALSE",
        before.changes,
    )
    connection.close()


def _copy(connection: object, query: str, path: Path) -> None:
    connection.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)")  # type: ignore[attr-defined]


def _measure(folder: Path, way: str) -> None:
    """Print seconds of the stage, seconds of writing actual and links, and peak MB of this process."""
    import resource

    from trueup.transforms.planning import outputs, plan
    from trueup.transforms.planning.request import PlanRequest

    runs: tuple[PriorRun, ...] = ()
    if way == "linked":
        before = RunFiles(folder / "20261122T010000Z-0001")
        at = datetime(2026, 11, 22, 1, tzinfo=UTC)
        manifest = Manifest(
            run_id=before.run_id, kind=Kind.RECONCILE, outcome=Outcome.READY, started=at, sealed=at, users=PEOPLE
        )
        act = ActRecord(act=Act.APPLIED, number=1, at=at, who="bench", previous_sha256="")
        runs = (PriorRun(before, manifest, (act,), "applied"),)
    writing = 0.0
    wrapped = outputs.write_sides

    def timed(*arguments: object, **named: object) -> None:
        nonlocal writing
        begun = time.perf_counter()
        wrapped(*arguments, **named)  # type: ignore[arg-type]
        writing += time.perf_counter() - begun

    outputs.write_sides = timed
    begun = time.perf_counter()
    plan.make_plan(
        PlanRequest(
            now(folder), ATTRIBUTES, TargetSchema(), Settings.model_validate(_LOOSE), History(runs), datetime.now(UTC)
        )
    )
    whole = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{whole - writing} {writing} {peak}\n")


if __name__ == "__main__":
    _measure(Path(sys.argv[1]), sys.argv[2])
