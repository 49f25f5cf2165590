"""Over nights that follow one another: looking at changed rows only finds what looking at all of them finds."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.support.check_world import ATTRIBUTES, World, person, profile_of, settings
from trueup.connectors.archive.held_to_hashes import held_to_hashes
from trueup.expectations import carried
from trueup.expectations.carried import Occasion
from trueup.expectations.gates import CheckResult, check_people
from trueup.expectations.people import judge
from trueup.expectations.records import read_rows
from trueup.transforms.attributes import CHECKED, TargetSchema
from trueup.transforms.errors import Refused
from trueup.transforms.history import History, PriorRun
from trueup.transforms.manifest import FileRecord, Manifest
from trueup.transforms.planning.plan import make_plan
from trueup.transforms.planning.request import PlanRequest
from trueup.transforms.run_files import RunFiles
from trueup.transforms.vocabulary import Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BEGUN = datetime(2026, 11, 1, 1, tzinfo=UTC)
GIVEN = settings(limits=dict.fromkeys(("create", "update", "deactivate", "hold", "changed", "emptied"), "100%"))
WEEK = timedelta(days=7)
COLUMNS = tuple(dict.fromkeys((*CHECKED, "lastSignInDateTime")))
EDITS: tuple[dict[str, Any], ...] = (
    {"givenName": ""},
    {"surname": None},
    {"givenName": "", "surname": "\u00a0"},
    {"givenName": "N/A"},
    {"surname": "M?ller"},
    {"surname": "Mller"},
    {"surname": "Müller"},
    {"givenName": "Zo\u200be "},
    {"jobTitle": "Head of Sales?"},
    {"jobTitle": "Caf?teria"},
    {"jobTitle": "System.Object[]"},
    {"department": "#NAME?"},
    {"department": "Zürich"},
    {"department": "Zrich"},
    {"mail": "nobody at all"},
    {"mail": None, "userPrincipalName": "two words@contoso.example"},
    {"mail": "shared@contoso.example"},
    {"employeeId": "E00003"},
    {"employeeId": "n/a"},
    {"accountEnabled": False},
    {"accountEnabled": None},
    {"displayName": "Svc Backup", "givenName": None, "surname": None, "employeeId": None, "manager": None},
    {"displayName": "Cher", "givenName": "Cher", "surname": None},
    {"givenName": "Omar", "surname": "Omar"},
    {"manager": "id-00001"},
    {"manager": "nobody"},
    {"userType": "Guest"},
    {"jobTitle": "Engineer"},
    {"lastSignInDateTime": "2026-11-02T00:00:00Z"},
)


@pytest.fixture(autouse=True, scope="module")
def _however_few() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(carried, "WORTH_IT", 0)
        yield


class _Nights:
    """One archive's nights over accounts that others change."""

    def __init__(self, path: Path, *, digest: str = "same") -> None:
        self.path = path
        self.digest = digest
        self.given = GIVEN
        self.runs: list[PriorRun] = []
        self.profiles: list[dict[str, Any]] = []
        self.mended: dict[str, dict[str, Any]] = {}
        """What the mapping makes of somebody's row, key → attribute → value."""
        self.reads: frozenset[str] = frozenset()
        """Columns that mapping, scope and filters read."""

    def night(self, accounts: list[dict[str, Any]], away: set[str], at: datetime, *, full: bool) -> CheckResult:
        """One night, checked, planned and applied."""
        files = RunFiles(self.path / f"{at:%Y%m%dT%H%M%SZ}-0001")
        files.path.mkdir(parents=True)
        ordered = sorted(accounts, key=lambda one: one["id"])
        World(files, ordered, COLUMNS, away, self.profiles, desired_changes=self.mended).write()
        files.mapping_sql.write_text("")
        history = History(tuple(reversed(self.runs)))
        judge(files, self.given, history)
        occasion = None if full else Occasion(self.digest, at, WEEK, self.reads)
        found = check_people(files, self.given, ATTRIBUTES, held_to_hashes(history), occasion=occasion)
        make_plan(PlanRequest(files, ATTRIBUTES, TargetSchema(), self.given, history, at))
        manifest = Manifest(
            run_id=files.run_id,
            kind=Kind.RECONCILE,
            outcome=Outcome.NOTHING_TO_DO,
            started=at,
            sealed=at,
            configuration_digest=self.digest,
            files={path.name: _record(path) for path in files.path.iterdir() if path.is_file()},
        )
        self.runs.append(PriorRun(files, manifest, (), "nothing_to_do"))
        self.profiles = [profile_of(one) for one in ordered]
        shutil.rmtree(files.work)
        return found

    @property
    def looked_at(self) -> dict[str, Any]:
        return read_rows(self.runs[-1].files.checks)

    def rows(self, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = pq.read_table(getattr(self.runs[-1].files, name)).to_pylist()
        return rows


def _record(path: Path) -> FileRecord:
    content = path.read_bytes()
    return FileRecord(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


def _people(number: int) -> list[dict[str, Any]]:
    return [person(one) for one in range(number)]


def _edited(accounts: list[dict[str, Any]], random: Random) -> list[dict[str, Any]]:
    changed = [dict(one) for one in accounts if random.random() > 0.02]
    for one in random.sample(changed, random.randint(0, 6)):
        one.update(random.choice(EDITS))
    fresh = max(int(one["id"][3:]) for one in accounts) + 1
    return [*changed, *(person(fresh + one) for one in range(random.randint(0, 2)))]


@given(seed=st.integers(0, 2**32))
@hypothesis_settings(max_examples=2, deadline=None)
def test_looking_at_changed_rows_finds_what_looking_at_everybody_finds(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    _hold_against_each_other(seed, tmp_path_factory)


@pytest.mark.soak
@given(seed=st.integers(0, 2**32))
@hypothesis_settings(max_examples=60, deadline=None)
def test_so_it_is_in_many_worlds(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    _hold_against_each_other(seed, tmp_path_factory)


def _hold_against_each_other(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    random = Random(seed)  # noqa: S311 - a world to try things on, not a secret
    whole, quick = (_Nights(tmp_path_factory.mktemp(name)) for name in ("whole", "quick"))
    accounts = _people(60)
    for number in range(3):
        accounts = _edited(accounts, random)
        away = {one["id"] for one in accounts if random.random() < 0.03}
        at = BEGUN + timedelta(days=number)
        found = [nights.night(accounts, away, at, full=nights is whole) for nights in (whole, quick)]
        assert found[0].refusals == found[1].refusals
        assert found[0].findings == found[1].findings
        for name in ("findings", "decisions", "changes"):
            assert whole.rows(name) == quick.rows(name), (seed, number, name)


def test_the_second_night_looks_at_changed_rows_and_says_so(tmp_path: Path) -> None:
    nights, accounts = _Nights(tmp_path), _people(60)
    accounts[59]["surname"] = "M?ller"
    nights.night(accounts, set(), BEGUN, full=False)
    assert nights.looked_at["looked_at"] == 60
    accounts[9]["jobTitle"] = "Baker"
    found = nights.night(accounts, set(), BEGUN + timedelta(days=1), full=False)
    assert nights.looked_at["looked_at"] == 2
    assert nights.looked_at["since"] == nights.runs[0].run_id
    assert any("looked at 2 of 60 people" in note for note in found.notes)
    assert [one["key"] for one in nights.rows("findings")] == ["id-00059"]


@pytest.mark.parametrize("why", ["configuration", "rules", "a week", "a column", "not all told", "somebody in between"])
def test_everybody_is_looked_at_where_the_rows_alone_do_not_say_it(
    why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights, accounts = _Nights(tmp_path), _people(60)
    if why == "not all told":
        nights.given = settings(limits={"hold": "1%"})
        for one in accounts[:20]:
            one["surname"] += " "
    nights.night(accounts, set(), BEGUN, full=False)
    at = BEGUN + timedelta(days=7 if why == "a week" else 1)
    if why == "configuration":
        nights.digest = "another"
    elif why == "rules":
        monkeypatch.setattr(carried, "rules", lambda: {"checks": "other"})
    elif why == "a column":
        first = nights.runs[0].files.desired
        pq.write_table(pq.read_table(first).drop_columns(["title"]), first)
        run = nights.runs[0]
        sealed = {**run.manifest.files, first.name: _record(first)}
        nights.runs[0] = replace(run, manifest=run.manifest.model_copy(update={"files": sealed}))
    elif why == "somebody in between":
        run = nights.runs[0]
        nights.runs[0] = replace(run, manifest=run.manifest.model_copy(update={"only": ("id-00003",)}))
    nights.night(accounts, set(), at, full=False)
    assert nights.looked_at["looked_at"] == nights.looked_at["people"]
    assert nights.looked_at["since"] == ""


def test_a_filter_over_the_last_sign_in_brings_nobody_back_unseen(tmp_path: Path) -> None:
    """Out of scope nobody was looked at; what brought them in is the one column that changes every night."""
    nights, accounts = _Nights(tmp_path), _people(60)
    nights.reads = frozenset({"lastSignInDateTime"})
    accounts[59] |= {"surname": "", "lastSignInDateTime": "2020-01-01T00:00:00Z"}
    nights.profiles = [profile_of(one, active=one["id"] != "id-00059") for one in accounts]
    nights.night(accounts, {"id-00059"}, BEGUN, full=False)
    assert {one["key"]: one["decision"] for one in nights.rows("decisions")}["id-00059"] == "unchanged"
    accounts[59]["lastSignInDateTime"] = "2026-11-01T12:00:00Z"
    nights.night(accounts, set(), BEGUN + timedelta(days=1), full=False)
    assert [(one["key"], one["check"]) for one in nights.rows("findings")] == [("id-00059", "last_name_missing")]


def test_damage_that_is_nobodys_finding_still_counts_the_next_night(tmp_path: Path) -> None:
    """The mapping mends it for each; that more than half have it says all the same that the source is wrong."""
    nights, accounts = _Nights(tmp_path), _people(60)
    for number in range(1, 36):
        nights.mended[f"id-{number:05d}"] = {"name.givenName": "Anna"}
    for one in accounts[1:21]:
        one["givenName"] = "Ann\ufffd"
    assert nights.night(accounts, set(), BEGUN, full=False).refusals == ()
    for one in accounts[21:36]:
        one["givenName"] = "Ann\ufffd"
    found = nights.night(accounts, set(), BEGUN + timedelta(days=1), full=False)
    assert [one.code for one in found.refusals] == ["check_broken_encoding"]


@pytest.mark.parametrize("name", ["findings", "decisions", "source", "desired", "checks"])
def test_an_earlier_night_that_is_not_what_was_sealed_is_refused_by_name(name: str, tmp_path: Path) -> None:
    nights, accounts = _Nights(tmp_path), _people(60)
    accounts[59]["surname"] = "M?ller"
    nights.night(accounts, set(), BEGUN, full=False)
    path: Path = getattr(nights.runs[0].files, name)
    if path.suffix == ".json":
        path.write_text(path.read_text().replace('"since": ""', '"since": "x"'))
    else:
        table = pq.read_table(path)
        pq.write_table(table.slice(0, table.num_rows - 1), path)
    with pytest.raises(Refused, match=f"{path.name} is not what was written"):
        nights.night(accounts, set(), BEGUN + timedelta(days=1), full=False)


def test_a_night_on_which_nobody_changed_looks_at_nobody(tmp_path: Path) -> None:
    nights, accounts = _Nights(tmp_path), _people(60)
    nights.night(accounts, set(), BEGUN, full=False)
    found = nights.night(accounts, set(), BEGUN + timedelta(days=1), full=False)
    assert nights.looked_at["looked_at"] == 0
    assert (found.refusals, nights.rows("findings")) == ((), [])


def test_damage_that_a_check_turned_off_would_tell_makes_no_night_a_full_one(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("[override.spreadsheet_damage]\nenabled = false\n", encoding="utf-8")
    nights, accounts = _Nights(tmp_path), _people(60)
    nights.given = settings(limits=GIVEN.limits.model_dump(mode="json"), checks={"file": str(tmp_path / "own.toml")})
    accounts[59]["department"] = "#NAME?"
    for day in range(2):
        nights.night(accounts, set(), BEGUN + timedelta(days=day), full=False)
        assert nights.rows("findings") == []
    assert nights.looked_at["looked_at"] == 0
