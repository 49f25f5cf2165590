"""Two nights, a change day and the way back on SCIM servers other people wrote, through the command line.

Each run writes its row of the table in docs/scim.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.conftest import Office
from tests.support.foreign_company import (
    HERE_BEFORE,
    RawDirectory,
    before,
    change_day,
    doubled,
    everybody,
    shown,
    stranger,
    unmanaged,
    unordered,
    wanted,
    write_source,
)
from tests.support.foreign_servers import SERVERS, Place, of_pytest
from tests.support.servers_table import Row, write_row
from trueup.sandbox import DirectoryData, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.warm_commands import Warm

pytestmark = [pytest.mark.soak, pytest.mark.xdist_group("foreign servers")]
PYTEST = "pytest-scim2-server"
CONFIGURATION = """\
[source]
kind = "file"
path = "users.json"
absent = "null"
scope = "all"

[target]
url = "{url}"
token = "env:FOREIGN_TOKEN"
requests_per_second = 400

[mapping]
preset = "pingboard"
when_empty = "clear"

[archive]
path = "runs"
"""


@dataclass
class Year:
    """One server, one tenant, and what is known of both."""

    office: Office
    raw: RawDirectory
    users: dict[int, dict[str, Any]] = field(default_factory=everybody)
    strangers: dict[str, dict[str, Any]] = field(default_factory=dict)
    beside: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Profile id → what nobody manages of whoever was there before the first night."""
    requests: int = 0
    named: dict[tuple[str, str], str] = field(default_factory=dict)
    """(key, attribute) → class of all that ``verify`` named so far."""

    def plan(self) -> Any:
        write_source(self.office.folder / "users.json", self.users)
        return self.office.plan()

    def is_quiet(self) -> bool:
        """Whether the next night has nothing to do."""
        plan = self.plan()
        assert plan["outcome"] == "nothing_to_do", (plan["refusals"], plan["counts"])
        return True

    def carry_out(self, plan: Any) -> dict[tuple[str, str], str]:
        """Approve, apply, verify: (key, attribute) → class of what is not as planned."""
        self.office.accept(plan)
        done = self.office.trueup("apply", plan["run_id"], "--json")
        assert done.code in {0, 4}, (done.code, done.err, done.out)
        fell_short = [row for row in done.json["records"] if row["result"] in {"failed", "skipped"}]
        assert fell_short == []
        checked = self.office.trueup("verify", plan["run_id"], "--json")
        assert checked.code in {0, 4}, checked.err
        records = {(row["key"], row["attribute"]): row["class"] for row in checked.json["records"]}
        self.named |= records
        return records

    def see(self) -> None:
        """Strangers are as they were, nothing is doubled, and all that is managed as the tenant says, or named."""
        held = self.raw.everything()
        self.is_untouched(held)
        ids = self.ids()
        wrong = {}
        for user in self.users.values():
            if user["id"] not in ids:
                continue
            wish = wanted(user, ids)
            now = shown(held[ids[user["id"]]], wish)
            if not user["accountEnabled"]:  # a leaver's profile is made inactive and left as it is
                now, wish = {"active": now["active"]}, {"active": False}
            for path, value in wish.items():
                if now[path] != value and (user["id"], path) not in self.named:
                    wrong[user["id"], path] = (value, now[path])
        assert wrong == {}

    def is_untouched(self, held: dict[str, dict[str, Any]]) -> None:
        """What nobody asked us to write is as it was: strangers, and what no mapping names of the others."""
        assert {one: held.get(one) for one in self.strangers} == self.strangers
        assert {one: unmanaged(held[one]) for one in self.beside} == self.beside
        assert doubled(held) == []

    def ids(self) -> dict[str, str]:
        """Source id → profile id, as the newest applied run has it."""
        done = self.office.trueup("sql", "SELECT source_id, profile_id FROM links", "--format", "json")
        assert done.code == 0, done.err
        return {row["source_id"]: row["profile_id"] for row in done.json}

    def learnt(self) -> dict[str, Any]:
        """What the last apply noted of the server."""
        acts = sorted(self.office.archive.glob("*/acts/*applied*.json"))
        details = json.loads(acts[-1].read_text(encoding="utf-8"))["details"]
        self.requests = sum(details["requests"].values())
        return dict(details["dialect"])


@pytest.fixture(params=[*SERVERS, PYTEST])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Place]]:
    start = (
        SERVERS[request.param] if request.param != PYTEST else of_pytest(request.getfixturevalue("scim2_server_app"))
    )
    (tmp_path / "server").mkdir()
    with start(tmp_path / "server") as place:
        yield request.param, place


@pytest.fixture
def year(place: tuple[str, Place], tmp_path: Path, prefect: dict[str, str], warm: Warm) -> Iterator[Year]:
    with running(users=1, directory=DirectoryData()) as sandbox:
        office = Office(tmp_path, sandbox, {**prefect, "FOREIGN_TOKEN": place[1].token}, warm)
        office.config.write_text(CONFIGURATION.format(url=place[1].url), encoding="utf-8")
        raw = RawDirectory(place[1])
        yield Year(office, raw)
        raw.client.close()


def test_two_nights_a_change_day_and_the_way_back(year: Year, place: tuple[str, Place]) -> None:
    for number in range(HERE_BEFORE):
        year.raw.add(before(number))
    strange = [year.raw.add(stranger(number)) for number in range(3)]
    held = year.raw.everything()
    year.strangers = {one: held[one] for one in strange}
    year.beside = {one: unmanaged(profile) for one, profile in held.items()}

    first = year.plan()
    assert (first["counts"].get("hold", 0), first["counts"].get("conflict", 0)) == (0, 0), first
    year.carry_out(first)
    year.see()
    assert year.is_quiet()

    year.users = {number: dict(user) for number, user in year.users.items()}
    change_day(year.users)
    before_it = year.raw.everything()
    changed = year.plan()
    year.carry_out(changed)
    year.see()
    dialect = year.learnt()
    write_row(Row.of(place[0], place[1].version, dialect, year.named))
    assert year.is_quiet()

    back = year.office.trueup("rollback", changed["run_id"], "--json")
    assert back.code in {0, 3}, back.err
    records = year.carry_out(back.json)
    after = year.raw.everything()
    year.is_untouched(after)
    keys = {profile: key for key, profile in year.ids().items()}
    lost = {
        (one, name): (value, after[one].get(name))
        for one, profile in before_it.items()
        for name, value in profile.items()
        if unordered(after[one].get(name)) != unordered(value) and not any(key == keys.get(one) for key, _ in records)
    }
    assert lost == {}
