"""What holds for any two sides: everybody decided once, the plan leads to the desired state, and back again."""

from __future__ import annotations

import copy
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.plan_world import DEPARTMENT, LOOSE, MANAGER, Planned, World, profile, user
from trueup.transforms.history import History
from trueup.transforms.planning.request import RollbackRequest
from trueup.transforms.rollback.plan import make_rollback_plan
from trueup.transforms.run_files import RunFiles
from trueup.transforms.values.equality import canonical
from trueup.transforms.vocabulary import Decision, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

KEYS = ["ann", "bob", "cy", "dee"]
TEXTS = st.one_of(
    st.none(),
    st.sampled_from(
        ["", "Clerk", "clerk", "Boss", "<script>", "'; DROP TABLE x", '"', "\u202e", "=1+1", "null", "[]", "\\"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)


@st.composite
def users(draw: st.DrawFn) -> list[dict[str, Any]]:
    return [
        user(
            key,
            jobTitle=draw(TEXTS),
            department=draw(TEXTS),
            manager=draw(st.sampled_from([None, "stranger", *KEYS])),
            accountEnabled=draw(st.sampled_from([True, True, True, False])),
            assigned=draw(st.sampled_from([True, True, True, False])),
            verdict=draw(st.sampled_from(["person"] * 6 + ["unsure", "guest", None])),
            givenName=draw(st.sampled_from(["Name", "Name", "Name", None])),
        )
        for key in KEYS
        if draw(st.booleans())
    ]


@st.composite
def profiles(draw: st.DrawFn, *, names_are_unique: bool = False) -> list[dict[str, Any]]:
    numbers = draw(st.lists(st.sampled_from(["p1", "p2", "p3", "p4"]), unique=True))
    names = st.lists(
        st.sampled_from([*KEYS, "stray"]), min_size=len(numbers), max_size=len(numbers), unique=names_are_unique
    )
    return [
        profile(
            number,
            name,
            externalId=draw(st.sampled_from([None, "", "ann", "bob", "cy", "unknown"])),
            title=draw(TEXTS),
            active=draw(st.sampled_from([True, True, False, None])),
            **{DEPARTMENT: draw(TEXTS), MANAGER: draw(st.sampled_from([None, "", "gone", *numbers]))},
        )
        for number, name in zip(numbers, draw(names), strict=True)
    ]


class _Folder:
    def __enter__(self) -> World:
        self._held: AbstractContextManager[str] = tempfile.TemporaryDirectory()
        return World(Path(self._held.__enter__())).set(limits=LOOSE)

    def __exit__(self, *error: object) -> None:
        self._held.__exit__(None, None, None)


def rows(planned: Planned, name: str) -> Iterator[dict[str, Any]]:
    yield from planned.rows(name)


def people_of(world: World) -> dict[str, dict[str, Any]]:
    """Every profile by its id, with all ways of saying nothing as one."""
    return {p["id"]: {k: v for k, v in p.items() if v not in (None, "")} for p in copy.deepcopy(world.profiles)}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(users(), profiles())
def test_everybody_is_decided_once_and_the_second_night_is_quiet(
    tenant: list[dict[str, Any]], directory: list[dict[str, Any]]
) -> None:
    with _Folder() as world:
        world.users, world.profiles = tenant, directory
        plan = world.plan()
        decided = plan.rows("decisions")
        owned = [row["profile_id"] for row in decided if row["profile_id"]]
        assert sorted(owned) == sorted(p["id"] for p in directory)
        assert sorted(row["source_id"] for row in decided if row["source_id"]) == sorted(u["id"] for u in tenant)
        assert len({row["key"] for row in decided}) == len(decided) == sum(plan.result.counts.values())
        assert set(plan.result.counts) == {d.value for d in Decision}
        assert all(row["reason"] for row in decided)
        untouched = {k for k, d in plan.decisions.items() if d not in {"create", "update", "reactivate", "deactivate"}}
        assert not untouched & {key for key, _ in plan.changes}
        texts = [row[side] for row in plan.rows("changes") for side in ("before", "after") if row[side] is not None]
        assert all(text == canonical(json.loads(text)) for text in texts)
        before = people_of(world)
        world.apply(plan)
        mine = {
            row["profile_id"] for row in decided if row["decision"] in {"unmanaged", "conflict", "hold", "unchanged"}
        }
        after = people_of(world)
        assert all(after[number] == before[number] for number in mine if number)
        again = world.plan()
        # Whoever was in conflict may be free of it now, since the other one got a user name of their own.
        disputed = {key for key, decision in plan.decisions.items() if decision == "conflict"}
        # Then those who report to them get their manager, who had no profile the night before.
        late = {(user["id"], MANAGER) for user in tenant if user["manager"] in disputed}
        assert not {change for change in again.changes if change[0] not in disputed} - late
        for row in again.rows("decisions"):
            written = row["decision"] in {"create", "update", "reactivate", "deactivate", "delete"}
            assert not written or row["key"] in disputed | {key for key, _ in late}


NIGHTS = (users(), profiles(names_are_unique=True), users())
QUICK = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(*NIGHTS)
def test_applying_a_night_and_taking_it_back_restores_every_managed_value(
    tenant: list[dict[str, Any]], directory: list[dict[str, Any]], next_tenant: list[dict[str, Any]]
) -> None:
    there_and_back(tenant, directory, next_tenant)


@pytest.mark.soak
@settings(QUICK, max_examples=300)
@given(*NIGHTS)
def test_applying_many_a_night_and_taking_it_back_restores_every_managed_value(
    tenant: list[dict[str, Any]], directory: list[dict[str, Any]], next_tenant: list[dict[str, Any]]
) -> None:
    there_and_back(tenant, directory, next_tenant)


def there_and_back(
    tenant: list[dict[str, Any]], directory: list[dict[str, Any]], next_tenant: list[dict[str, Any]]
) -> None:
    with _Folder() as world:
        world.users, world.profiles = tenant, directory
        world.apply(world.plan())
        before = people_of(world)
        known = {u["id"] for u in next_tenant}
        world.absent = [(u["id"], "deleted") for u in tenant if u["id"] not in known]
        world.users = next_tenant
        plan = world.plan()
        run = world.apply(plan)
        files = RunFiles(world.folder / "back")
        files.work.mkdir(parents=True)
        world.write_target(files.target)
        request = RollbackRequest(
            files, world.attributes, world.schema, world.settings, History(tuple(world.runs)), world.at, undo=run,
            delete_created=True,
        )  # fmt: skip
        world.apply(Planned(files, make_rollback_plan(request)), kind=Kind.ROLLBACK)
        assert people_of(world) == before
        assert pq.read_table(files.desired).num_rows == len(
            [r for r in pq.read_table(files.decisions).to_pylist() if r["source_id"] and r["profile_id"]
             and r["decision"] != "delete"]
        )  # fmt: skip
