"""An archive in an object store, opened as data: by a configuration, by its address, and with a damaged object."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

import trueup
from tests.support.archive_runs import TARGET
from tests.unit.connectors.archive.test_archive_in_a_store import store_of_bucket
from tests.unit.connectors.archive.test_erasing import FORMATS
from tests.unit.connectors.archive.test_erasing_in_a_store import in_a_store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.object_stores import Bucket

VIEWS = ("people", "moves", "holds", "nights", "headcount", "runs")


def said_of(archive: trueup.Archive) -> dict[str, list[tuple[Any, ...]]]:
    return {view: archive.connection().sql(f"FROM {view} ORDER BY ALL").fetchall() for view in VIEWS}


def configuration(folder: Path, bucket: Bucket) -> Path:
    options = {key: str(value) for key, value in bucket.section()["options"].items()}
    listed = "\n".join(f'{key} = "{value}"' for key, value in options.items())
    text = '[source]\nkind = "file"\npath = "none.json"\nscope = "all"\n'
    text += f'[target]\nurl = "{TARGET}"\ntoken = "env:T"\n'
    text += f'[archive]\npath = "{bucket.address}"\ncache = "{folder / "cache"}"\n[archive.options]\n{listed}\n'
    (folder / "trueup.toml").write_text(text, encoding="utf-8")
    return folder / "trueup.toml"


@pytest.mark.parametrize("name", FORMATS)
def test_an_archive_in_a_store_says_what_it_says_in_a_folder_and_a_damaged_object_is_left_out(
    name: str, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    in_a_store(bucket, tmp_path, name)
    with trueup.open(tmp_path / "kept") as archive:
        expected = said_of(archive)
    config = configuration(tmp_path, bucket)
    with trueup.open(config) as archive:
        assert said_of(archive) == expected
        assert archive.left_out == ()

    options = {"ENDPOINT_URL": bucket.endpoint, "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "REGION": "us-east-1"}
    for key, value in options.items():
        monkeypatch.setenv(f"AWS_{key}", value)
    with trueup.open(bucket.address) as archive:
        assert said_of(archive) == expected
    assert (tmp_path / ".cache" / "trueup").stat().st_mode & 0o777 == 0o700

    store = store_of_bucket(bucket, tmp_path)
    [place] = [one for one in store.every() if one.endswith("actual.parquet") and one.startswith("20261123")]
    store.replace_if_match(place, b"PAR1 something else PAR1", store.version(place))
    with trueup.open(config) as archive:
        nights = {row[1] for row in archive.connection().sql("FROM people").fetchall()}
        assert nights == {date(2026, 11, 24)}
        assert {(one.kind, one.run_id) for one in archive.left_out} == {("damaged", place.partition("/")[0])}
