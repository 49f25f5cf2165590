from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from trueup.connectors.entra import assembly
from trueup.connectors.entra import id_ranges as under_test
from trueup.connectors.entra.assembly import Joined, write_source
from trueup.connectors.entra.id_ranges import slices
from trueup.connectors.entra.queries import opened, unique_users
from trueup.connectors.entra.scope import Scope
from trueup.connectors.entra.users import UserWriter
from trueup.transforms.errors import Failed
from trueup.transforms.run_files import RunFiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA = pa.schema([("id", pa.string()), ("name", pa.string())])
IDS = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), max_size=40)


def written(folder: Path, ids: list[str], page: int = 3) -> Path:
    """A read of ``ids`` in this order; everybody's name says where in it they came."""
    path = folder / "users.parquet"
    writer = UserWriter(path, SCHEMA)
    for at in range(0, len(ids), page):
        here = ids[at : at + page]
        writer.add(pa.table([here, [f"{at + n}" for n in range(len(here))]], schema=SCHEMA))
    writer.close()
    return path


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trueup.connectors.entra.users.BUFFERED", 10)
    monkeypatch.setattr("trueup.connectors.entra.users.ROW_GROUP", 4)
    monkeypatch.setattr(under_test, "_EVERY", 1)


def the_source(folder: Path, ids: list[str], monkeypatch: pytest.MonkeyPatch, besides: Joined) -> list[dict[str, Any]]:
    files = RunFiles(folder)
    files.work.mkdir(parents=True)
    monkeypatch.setattr(under_test.slices, "__defaults__", (7,))
    with opened(files) as engine:
        columns = ("id", "name", "assigned", "assigned_by", "groups")
        write_source(engine, files, written(folder, ids), columns, besides, users=len(set(ids)))
    return list(parquet.read_table(files.source).to_pylist())


@settings(max_examples=60, deadline=None)
@given(ids=IDS, size=st.integers(1, 50))
def test_every_user_is_in_one_slice_with_all_repeats(
    tmp_path_factory: pytest.TempPathFactory, ids: list[str], size: int
) -> None:
    folder = tmp_path_factory.mktemp("read")
    (folder / ".work").mkdir()
    path = written(folder, [*ids, *ids[: len(ids) // 2]])
    with opened(RunFiles(folder)) as engine:
        found = [
            sorted({str(row[0]) for row in engine.execute("SELECT id FROM users_read WHERE within(id)").fetchall()})
            for _ in slices(engine, path, size)
        ]
        assert unique_users(engine, path) == len(set(ids))
    assert [one for part in found for one in part] == sorted(set(ids))


def test_the_last_repeat_counts_and_rows_are_in_order_whatever_slices_they_lie_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"{n * 37 % 100:03}" for n in range(100)]
    rows = the_source(tmp_path / "run", [*ids, *ids[::3]], monkeypatch, Joined("all"))
    last = {one: str(place) for place, one in enumerate([*ids, *ids[::3]])}
    assert [(row["id"], row["name"]) for row in rows] == sorted(last.items())


def test_everybody_keeps_groups_and_ways_in_whatever_slice_they_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"{n * 37 % 100:03}" for n in range(100)]
    scope = Scope()
    scope.assignments = pa.table(
        {"principalId": [*ids[:50], "g"], "principalType": ["User"] * 50 + ["Group"], "appRoleId": ["r"] * 51}
    )
    scope.memberships = pa.table({"group_id": ["g"] * 30, "id": ids[40:70]})
    scope.group_names = pa.table({"group_id": ["g"], "name": ["Staff"]})
    rows = the_source(tmp_path / "run", ids, monkeypatch, Joined("assigned", scope))
    direct, through = set(ids[:50]), set(ids[40:70])
    for row in rows:
        ways = ["direct"] * (row["id"] in direct) + ["group:g"] * (row["id"] in through)
        assert row["assigned_by"] == ways
        assert row["assigned"] is bool(ways)
        assert row["groups"] == ["Staff"] * (row["id"] in through)


def test_a_read_of_nobody_is_written_with_its_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert the_source(tmp_path / "run", [], monkeypatch, Joined("all")) == []
    assert parquet.read_schema(tmp_path / "run" / "source.parquet").names[:2] == ["id", "name"]


def test_a_source_that_could_not_be_written_to_its_end_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slices_left = iter([None, None])

    def cut_short(*_args: Any, **_named: Any) -> Iterator[None]:
        for _ in slices(*_args, **_named):
            if next(slices_left, 0) == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            yield

    monkeypatch.setattr(assembly, "slices", cut_short)
    with pytest.raises(OSError, match="No space"):
        the_source(tmp_path / "run", [f"{n:03}" for n in range(100)], monkeypatch, Joined("all"))
    assert not (tmp_path / "run" / "source.parquet").exists()


def test_a_source_with_fewer_rows_than_users_were_read_is_refused(tmp_path: Path) -> None:
    files = RunFiles(tmp_path / "run")
    files.work.mkdir(parents=True)
    with opened(files) as engine, pytest.raises(Failed, match="as many users"):
        write_source(engine, files, written(files.path, ["a", "b"]), ("id", "assigned"), Joined("all"), users=3)
    assert not files.source.exists()
