from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.plan_world import user
from trueup.transforms import fingerprint as module
from trueup.transforms.errors import Refused
from trueup.transforms.fingerprint import configuration_digest, content_digest, fingerprint
from trueup.transforms.run_files import RunFiles
from trueup.transforms.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.plan_world import World

ROWS: list[dict[str, Any]] = [
    {"key": f"k{n:03}", "text": None if n % 3 == 0 else "é" * (n % 4), "list": ["a"] * (n % 3), "flag": n % 2 == 0,
     "n": n, "deep": [{"id": str(n), "value": None}]}
    for n in range(50)
]  # fmt: skip


def digest(path: Path, rows: list[dict[str, Any]], **options: Any) -> bytes:
    pq.write_table(pa.Table.from_pylist(rows), path, **options)
    return content_digest(path, ("key",))


def test_row_order_row_groups_compression_and_column_order_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS", 7)
    path = tmp_path / "x.parquet"
    plain = digest(path, ROWS)
    assert digest(path, ROWS, row_group_size=3, compression="zstd", use_dictionary=False) == plain
    assert digest(path, sorted(ROWS, key=lambda row: (row["n"] * 7) % 50)) == plain
    assert digest(path, [dict(reversed(row.items())) for row in ROWS]) == plain
    wide = pa.Table.from_pylist(ROWS)
    wide = wide.set_column(1, "text", wide["text"].cast(pa.large_string()).dictionary_encode())
    pq.write_table(wide, path)
    assert content_digest(path, ("key",)) == plain


@pytest.mark.parametrize("pieces", [1, 3, 7, 8, 50])
def test_the_pieces_it_is_read_in_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: int) -> None:
    monkeypatch.setattr(module, "ROWS", 7)
    plain = digest(tmp_path / "x.parquet", ROWS)
    monkeypatch.setattr(module, "_READ", pieces)
    assert digest(tmp_path / "y.parquet", ROWS, row_group_size=4) == plain


@pytest.mark.parametrize(
    ("column", "value"),
    [("text", ""), ("text", None), ("text", "x"), ("list", []), ("list", ["a", ""]), ("flag", None), ("n", -1),
     ("deep", None), ("deep", []), ("key", "k9")],
)  # fmt: skip
def test_any_other_value_gives_another_digest(tmp_path: Path, column: str, value: Any) -> None:
    path = tmp_path / "x.parquet"
    plain = digest(path, ROWS)
    rows = [dict(row) for row in ROWS]
    at = next(n for n, row in enumerate(rows) if row[column] != value and n > 3)
    rows[at][column] = value
    assert digest(path, rows) != plain


def test_the_same_values_under_another_name_give_another_digest(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    renamed = [{"text!" if name == "text" else name: value for name, value in row.items()} for row in ROWS]
    assert sorted(renamed[0]) == [{"text": "text!"}.get(name, name) for name in sorted(ROWS[0])], "in the same order"
    assert digest(path, renamed) != digest(path, ROWS)


def test_text_never_slides_from_one_row_into_the_next(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    rows: list[dict[str, Any]] = [{"key": "a", "text": "xy"}, {"key": "b", "text": "z"}]
    assert digest(path, rows) != digest(path, [{"key": "a", "text": "x"}, {"key": "b", "text": "yz"}])
    assert digest(path, rows) != digest(path, rows[:1])


def test_keys_that_repeat_or_are_null_have_one_order_too(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    rows: list[dict[str, Any]] = [{"key": "a", "text": "1"}, {"key": "a", "text": "2"}, {"key": None, "text": "3"}]
    assert digest(path, rows) == digest(path, rows[::-1])
    schema = pa.schema([("key", pa.string()), ("nothing", pa.null())])
    pq.write_table(pa.Table.from_pylist([], schema), path)
    empty = content_digest(path, ("key",))
    pq.write_table(pa.Table.from_pylist([{"key": "a", "nothing": None}], schema), path)
    assert content_digest(path, ("key",)) != empty


def test_a_run_s_fingerprint_covers_plan_mapping_and_configuration(world: World) -> None:
    world.users = [user("ann"), user("bob", manager="ann")]
    files = world.plan().files
    plain = fingerprint(files, "c")
    assert len(plain) == 64
    assert fingerprint(files, "d") != plain
    for path, keys in ((files.decisions, ["key"]), (files.changes, ["key", "attribute"]), (files.source, ["id"])):
        table = pq.read_table(path)
        pq.write_table(table.sort_by([(key, "descending") for key in keys]), path)
        assert fingerprint(files, "c") == plain
        pq.write_table(table.slice(1), path)
        assert fingerprint(files, "c") != plain
        pq.write_table(table, path)
    files.mapping_sql.write_text("SELECT 2\n")
    assert fingerprint(files, "c") != plain


def test_rule_1_never_changes(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    parts = {"source": "id", "target": "id", "decisions": "key", "changes": "key"}
    for name, key in parts.items():
        rows = [{key: "a", "attribute": "title", "n": 1, "list": ["é", None]}, {key: "b", "attribute": None, "n": None}]
        pq.write_table(pa.Table.from_pylist(rows), getattr(files, name))
    files.mapping_sql.write_text("SELECT 1\n")
    assert fingerprint(files, "c", version=1) == "fd15aea04144bcc5dfd78273300c5bba36269d42275af3ff079141b88396ffae"


def test_a_run_sealed_by_a_newer_rule_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="newer Trueup") as refused:
        fingerprint(RunFiles(tmp_path), "c", version=module.VERSION + 1)
    assert [refusal.code for refusal in refused.value.refusals] == ["newer_version"]


def test_planning_twice_gives_the_same_fingerprint(world: World) -> None:
    world.users = [user(f"u{n}", manager="u1") for n in range(30)]
    assert fingerprint(world.plan().files, "c") == fingerprint(world.plan().files, "c")


def test_the_configuration_s_digest_covers_what_matters_and_nothing_else() -> None:
    plain = configuration_digest(Settings(), {})
    assert configuration_digest(Settings.model_validate({"schedule": {"cron": "1 1 * * *"}}), {}) == plain
    assert configuration_digest(Settings.model_validate({"limits": {"create": 1}}), {}) != plain
    assert configuration_digest(Settings(), {"checks.file": "abc"}) != plain


def test_order_is_seen_across_batches_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", 1)
    path = tmp_path / "x.parquet"
    rows: list[dict[str, Any]] = [{"key": "b", "text": ""}, {"key": "a", "text": None}]
    assert digest(path, rows) == digest(path, rows[::-1])
