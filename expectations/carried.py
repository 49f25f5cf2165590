"""Who need not be looked at again: people whose own row is what it was when it was last found in order.

From one night to the next few rows differ. A check that looks at nothing but one person's row says of the same row
what it said before, as long as its rules, its versions and the configuration are the same. What looks at several
people, at the tenant as a whole or at the clock always sees everybody, and so does every check of somebody's own. Rows
are compared with those of the applied run before, value by value; every ``[source] full_every_days`` all are looked at
again.
"""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from importlib.resources import files as resources
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trueup.expectations.people import PACKAGE
from trueup.expectations.records import read_rows
from trueup.expectations.relations import first, view_file
from trueup.expectations.row_comparison import changed_keys
from trueup.transforms.duck.database import statement
from trueup.transforms.errors import Failed
from trueup.transforms.vocabulary import Kind

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.run_files import RunFiles

WORTH_IT = 20_000
"""Fewer people are looked at sooner than compared."""
_SEEN_DAILY = ("lastSignInDateTime", "lastNonInteractiveSignInDateTime")
"""Columns that no check of a single row looks at, and that are new for nearly everybody each night."""
_VERSIONS = ("trueup", "duckdb", "great-expectations", "pyarrow", "pandas", "numpy")


@dataclass(frozen=True, slots=True)
class Occasion:
    """What must be as it was for a row to be known."""

    digest: str
    """Of the configuration that matters, with the files it names."""
    at: datetime
    """When the run began."""
    full_every: timedelta
    """After so long everybody is looked at again."""
    reads: frozenset[str]
    """Source columns that mapping, scope and filters read."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows the checks of single rows looked at; stands in ``checks.json``."""

    people: int
    looked_at: int
    since: str = ""
    """The run whose result stands for the others; empty where everybody was looked at."""
    full_at: str = ""
    """When everybody was last looked at; empty where that is not known."""

    @property
    def is_full(self) -> bool:
        """Whether everybody was looked at."""
        return not self.since

    def note(self) -> str:
        """A line for the reviewer."""
        return (
            f"Checks of single rows looked at {self.looked_at:,} of {self.people:,} people; the others are unchanged "
            f"since {self.since}, which found nothing wrong with them. All were last looked at {self.full_at[:10]}."
        )


def lay_looked_at(connection: DuckDBPyConnection, files: RunFiles, history: History, occasion: Occasion | None) -> Rows:
    """Make ``looked_at``: the rows of ``people`` that checks of single rows are to see.

    Args:
        connection: with ``people``, ``shared`` and ``rehired``.
        files: the run.
        history: the runs before.
        occasion: what must be as it was; none looks at everybody.
    """
    people = int((first(connection, "SELECT count(*) FROM people") or (0,))[0])
    before = changed = None
    if occasion is not None and people >= WORTH_IT and (before := _known(history, occasion)) is not None:
        changed = _changed(before, files, occasion.reads)
    if before is None or changed is None:
        connection.execute("CREATE OR REPLACE TEMP VIEW looked_at AS FROM people")
        return Rows(people, people, full_at=occasion.at.isoformat() if occasion is not None else "")
    connection.register("changed_rows", pa.table({"key": changed}))
    view_file(
        connection,
        "decided_then",
        before.files.decisions,
        dict.fromkeys(("key", "verdict", "decision", "reason_code"), "VARCHAR"),
    )
    view_file(connection, "found_then", before.files.findings, {"key": "VARCHAR"})
    connection.execute(statement("looked_at", PACKAGE))
    connection.unregister("changed_rows")
    looked_at = int((first(connection, "SELECT count(*) FROM looked_at") or (0,))[0])
    return Rows(people, looked_at, since=before.run_id, full_at=str(read_rows(before.files.checks)["full_at"]))


def record_of(rows: Rows, occasion: Occasion | None, *, all_told: bool) -> dict[str, Any]:
    """What ``checks.json`` says of the rows. ``all_told``: whether ``findings`` has everybody who failed something."""
    return {
        "people": rows.people,
        "looked_at": rows.looked_at,
        "since": rows.since,
        "full_at": rows.full_at,
        "all_told": all_told,
        "rules": rules() if occasion is not None else {},
    }


def rules() -> dict[str, str]:
    """Versions of what the checks rest on, and the SHA-256 of the checks themselves."""
    digest = hashlib.sha256()
    for place in sorted(_texts(), key=lambda one: str(one.name)):
        digest.update(place.name.encode() + b"\0" + hashlib.sha256(place.read_bytes()).digest())
    found = {name: version(name) for name in _VERSIONS}
    return {**found, "python": platform.python_version(), "checks": digest.hexdigest()}


def _texts() -> list[Any]:
    package = resources("trueup.expectations")
    places = [
        *package.iterdir(),
        *package.joinpath("sql").iterdir(),
        resources("trueup.transforms").joinpath("damage.py"),
    ]
    return [place for place in places if place.is_file()]


def _known(history: History, occasion: Occasion) -> PriorRun | None:
    """The applied run before, where what it found still holds for rows that are the same."""
    before = history.baseline
    if before is None or before.kind is not Kind.RECONCILE or before.is_for_some or history.amending:
        return None
    if before.manifest.configuration_digest != occasion.digest or not occasion.digest:
        return None
    files = before.files
    if not all(path.exists() for path in (files.source, files.desired, files.decisions, files.findings)):
        return None
    try:
        said = read_rows(files.checks)
        full_at = datetime.fromisoformat(str(said.get("full_at", "")))
    except (Failed, ValueError):
        return None
    still = said.get("all_told") is True and said.get("rules") == rules()
    return before if still and timedelta(0) <= occasion.at - full_at < occasion.full_every else None


def _changed(before: PriorRun, files: RunFiles, reads: frozenset[str]) -> pa.Array | None:
    """Keys of people who are new or have another row on either side of the mapping; None where it cannot be told."""
    unseen = frozenset(_SEEN_DAILY) - reads
    source = changed_keys(before.files.source, files.source, "id", without=unseen)
    desired = changed_keys(before.files.desired, files.desired, "key") if source is not None else None
    return None if source is None or desired is None else pa.concat_arrays([source, desired])
