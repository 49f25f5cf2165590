"""Accounts labelled by hand against the verdicts, with everything readable and with much of it missing."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from tests.support.check_world import settings, table
from tests.support.labelled_accounts import accounts
from trueup.expectations.people import judge
from trueup.transforms.attributes import CHECKED
from trueup.transforms.run_files import RunFiles
from trueup.transforms.vocabulary import Verdict

if TYPE_CHECKING:
    from pathlib import Path

EVERYTHING = (*CHECKED, "userPurpose", "isResourceAccount")
WITHOUT_PURPOSE = tuple(c for c in EVERYTHING if c not in {"userPurpose", "isResourceAccount"})
WITHOUT_HR = tuple(c for c in WITHOUT_PURPOSE if c not in {"employeeId", "employeeType", "manager"})
AS_THE_PORTAL_EXPORTS = (
    "id",
    "userPrincipalName",
    "displayName",
    "givenName",
    "surname",
    "mail",
    "accountEnabled",
    "userType",
    "jobTitle",
    "department",
)
NAMES_ONLY = ("id", "userPrincipalName", "displayName", "givenName", "surname", "mail", "accountEnabled", "userType")
TENANTS = {
    "everything readable": EVERYTHING,
    "without mailbox purpose": WITHOUT_PURPOSE,
    "without HR data": WITHOUT_HR,
    "the portal's export": AS_THE_PORTAL_EXPORTS,
}


def verdicts(tmp_path: Path, columns: tuple[str, ...]) -> list[tuple[str, str]]:
    files = RunFiles(tmp_path / "run")
    files.path.mkdir()
    labelled = accounts()
    pq.write_table(table([account for _, account in labelled], columns), files.source)
    judge(files, settings())
    given = {row["key"]: row["verdict"] for row in pq.read_table(files.work_verdicts).to_pylist()}
    assert len(given) == len(labelled)
    return [(label, given[account["id"]]) for label, account in labelled]


def matrix(pairs: list[tuple[str, str]]) -> str:
    kinds = [str(kind) for kind in Verdict]
    counted = Counter(pairs)
    head = " ".join(f"{kind[:9]:>9}" for kind in kinds)
    rows = (
        f"{label[:20]:20} " + " ".join(f"{counted[label, kind] or '.':>9}" for kind in kinds)
        for label in kinds
        if any(pair[0] == label for pair in pairs)
    )
    return f"{'label / verdict':20} {head}\n" + "\n".join(rows)


def test_the_set_is_large_and_every_kind_is_in_it() -> None:
    labels = Counter(label for label, _ in accounts())
    assert sum(labels.values()) >= 400
    assert set(labels) == {str(kind) for kind in Verdict} - {"unsure"}
    assert len({account["id"] for _, account in accounts()}) == sum(labels.values())


@pytest.mark.parametrize("tenant", TENANTS)
def test_people_are_told_from_things(tenant: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = verdicts(tmp_path, TENANTS[tenant])
    with capsys.disabled():
        sys.stdout.write(f"\n{tenant}: {len(pairs)} accounts\n{matrix(pairs)}\n")
    people = [verdict for label, verdict in pairs if label == "person"]
    things = [verdict for label, verdict in pairs if label != "person"]
    assert set(people) <= {"person", "unsure"}, "a person was silently excluded"
    assert people.count("person") >= 0.98 * len(people)
    assert sum(verdict == "unsure" for _, verdict in pairs) <= 0.03 * len(pairs)
    assert things.count("person") <= 0.03 * len(things)


def test_with_names_alone_nobody_is_excluded(tmp_path: Path) -> None:
    pairs = verdicts(tmp_path, NAMES_ONLY)
    assert {verdict for label, verdict in pairs if label == "person"} <= {"person", "unsure"}
    assert sum(verdict == "person" for label, verdict in pairs if label != "person") <= 0.03 * len(pairs)
