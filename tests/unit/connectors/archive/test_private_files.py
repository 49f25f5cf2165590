"""Files under a key of the process: whatever reads and writes Parquet finds what was written, and the disk nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.connectors.archive import private_files
from trueup.transforms import private
from trueup.transforms.duck.database import connect
from trueup.transforms.duck.parquet import (
    create_file,
    open_file,
    read_table,
    rows_in,
    rows_of,
    schema_of,
    write_rows,
    write_table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = pa.table({"key": [f"Ann {i % 3}" for i in range(9000)], "n": list(range(9000)), "l": [["x", "y"]] * 9000})


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "open"
    place.mkdir()
    private_files.make_private(place)
    yield place
    private_files.forget(place)


def test_arrow_and_duckdb_read_what_the_other_wrote_with_conditions_and_lists(folder: Path) -> None:
    write_table(ROWS, folder / "a.parquet", compression="zstd")
    assert read_table(folder / "a.parquet").equals(ROWS)
    assert (schema_of(folder / "a.parquet").names, rows_in(folder / "a.parquet")) == (["key", "n", "l"], 9000)
    with connect(spill=folder / "spill") as engine:
        query = f"SELECT key, l FROM {rows_of(folder / 'a.parquet')} WHERE n < 3 AND l[1] = 'x'"
        assert engine.execute(query).fetchall() == [(f"Ann {n}", ["x", "y"]) for n in range(3)]
        last = f"FROM {rows_of(folder / 'a.parquet')} WHERE n >= $1"
        assert write_rows(engine, last, folder / "b.parquet", parameters=[8990]) == 10
        both = rows_of(folder / "a.parquet", folder / "b.parquet", options="filename = true")
        assert engine.execute(f"SELECT count(DISTINCT filename), count(*) FROM {both}").fetchall() == [(2, 9010)]
    with open_file(folder / "b.parquet") as file:
        assert sum(batch.num_rows for batch in file.iter_batches()) == 10
    assert not [one for one in folder.iterdir() if b"Ann" in one.read_bytes() or b"PAR1" in one.read_bytes()]


def test_a_file_written_by_turns_by_several_threads_is_whole(folder: Path) -> None:
    with (
        create_file(folder / "a.parquet", ROWS.schema, compression="zstd") as writer,
        ThreadPoolExecutor(1) as elsewhere,
    ):
        writer.write_table(ROWS.slice(0, 3000))
        elsewhere.submit(writer.write_table, ROWS.slice(3000, 3000)).result()
        writer.write_table(ROWS.slice(6000))
    assert read_table(folder / "a.parquet").equals(ROWS)


def test_only_private_folders_are_reached_through_duckdb(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "else.txt").write_text("not private", encoding="utf-8")
    assert not private.is_private(tmp_path / "else.txt")
    with connect() as engine:
        for path in (tmp_path / "else.txt", folder / ".." / "else.txt"):
            with pytest.raises(Exception, match="else.txt"):
                engine.execute(f"SELECT content FROM read_text('private://{path}')").fetchall()


def test_a_file_that_was_changed_or_is_another_process_is_not_read(folder: Path) -> None:
    private.write_text(folder / "a.json", "what Ann said")
    content = bytearray((folder / "a.json").read_bytes())
    content[-1] ^= 1
    (folder / "a.json").write_bytes(content)
    with pytest.raises(OSError, match="changed"):
        private.read_text(folder / "a.json")
    (folder / "b.json").write_text("what somebody else wrote", encoding="utf-8")
    with pytest.raises(OSError, match="not a file of this process"):
        private.read_text(folder / "b.json")


@given(
    st.binary(max_size=300_000),
    st.lists(st.tuples(st.integers(0, 310_000), st.integers(0, 140_000)), max_size=6),
)
@settings(max_examples=25, deadline=None)
def test_any_part_of_any_content_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, parts: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("open")
    private_files.make_private(folder)
    try:
        path = folder / "one"
        private.write_bytes(path, content)
        assert (private.size_of(path), private.read_bytes(path)) == (len(content), content)
        with private.open_binary(path) as file:
            for at, size in parts:
                file.seek(at)
                assert file.read(size) == content[at : at + size]
    finally:
        private_files.forget(folder)
