"""The side files of manifests and acts: what they say of people, in Parquet, hashed by the record it belongs to.

``people.parquet`` belongs to a run's manifest, ``acts/NNN.people.parquet`` to its act of that number. They go when the
run is pruned, and a person's rows go when the person is erased; the records stay as they are.
"""

from __future__ import annotations

import hashlib
import io
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from trueup.connectors.archive.places import SideFile, vault_of
from trueup.connectors.archive.vault import fits_bytes
from trueup.transforms.duck.parquet import rows_of, schema_of
from trueup.transforms.manifest import ActRecord, Content, FileRecord, Manifest
from trueup.transforms.people_apart import Row, joined, manifest_apart, phrases, sentences, without_people
from trueup.transforms.private import write_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from trueup.transforms.run_files import RunFiles

OF_MANIFEST = "people.parquet"
OF_ACT = re.compile(r"acts/\d{3,}\.people\.parquet")
_IDENTITIES = ("key", "source_id", "profile_id", "user_name")
_COLUMNS = ("place", "key", "value")


def manifest_without(files: RunFiles, manifest: Manifest) -> Manifest:
    """The manifest as it is to be sealed; the people it names stand in ``people.parquet`` of the run's directory."""
    document = manifest.model_dump(mode="json")
    named = _named(files, phrases(sentences(document)))
    said, rows = manifest_apart(document, partial(without_people, named=named))
    if rows:
        write_bytes(files.place / OF_MANIFEST, packed(rows))
    return Manifest.model_validate(said)


def side_file(run: RunFiles, number: int, rows: Sequence[Row]) -> SideFile:
    """The side file of act ``number``."""
    said, name = packed(rows), f"{run.acts.name}/{number:03d}.people.parquet"
    kept = vault_of(run.path.parent).close(f"{run.run_id}/{name}", said)
    content = None if kept == said else Content(sha256=hashlib.sha256(said).hexdigest(), bytes=len(said))
    record = FileRecord(sha256=hashlib.sha256(kept).hexdigest(), bytes=len(kept), rows=len(rows), content=content)
    return SideFile(name, kept, record)


def whole(
    files: RunFiles, manifest: Manifest, acts: tuple[ActRecord, ...], damaged: Callable[[str, str], Exception]
) -> tuple[Manifest, tuple[ActRecord, ...]]:
    """Manifest and acts with what their side files say; side files that were pruned say nothing any more.

    Raises:
        Exception: what ``damaged`` makes of a run id and a sentence, where a side file is missing or changed.
    """
    names = [name for act in acts for name in act.files if OF_ACT.fullmatch(name)]
    if OF_MANIFEST not in manifest.files and not names:
        return manifest, acts
    accepted = accepted_records(manifest, acts)
    gone = {str(name) for act in acts for name in act.details.get("files", ()) if act.act == "pruned"}

    def rows_of(name: str) -> list[Row]:
        content = _content(files, name)
        if content is None and name in gone:
            return []
        if content is None or not any(fits_bytes(*content, one) for one in accepted[name]):
            raise damaged(files.run_id, f"{name} is missing or was changed")
        return unpacked(content[1])

    if OF_MANIFEST in manifest.files:
        manifest = Manifest.model_validate(joined(manifest.model_dump(mode="json"), rows_of(OF_MANIFEST)))
    return manifest, tuple(_whole_act(act, rows_of) for act in acts)


def accepted_records(manifest: Manifest, acts: Iterable[ActRecord]) -> dict[str, list[FileRecord]]:
    """Each file's records, the newest last: what is there must fit the last, or one before while an erasure goes on."""
    found = {name: [record] for name, record in manifest.files.items()}
    for act in acts:
        for name, record in act.files.items():
            found.setdefault(name, []).append(record)
    return found


def packed(rows: Iterable[Row]) -> bytes:
    """The rows as a Parquet file; the same rows give the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    listed = [{"place": row.place, "key": row.key, "value": row.value} for row in rows]
    into = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(listed, schema=pa.schema([(name, pa.string()) for name in _COLUMNS])), into)
    return into.getvalue()


def unpacked(content: bytes) -> list[Row]:
    """The rows of a side file."""
    import pyarrow.parquet as pq

    # A fifth of the time read_table takes, and every command reads one for each act of each run.
    with pq.ParquetFile(io.BytesIO(content)) as file:
        return [Row(**row) for row in file.read(use_threads=False).to_pylist()]


def _whole_act(act: ActRecord, rows_of: Callable[[str], list[Row]]) -> ActRecord:
    name = f"acts/{act.number:03d}.people.parquet"
    if name not in act.files:
        return act
    return ActRecord.model_validate(joined(act.model_dump(mode="json"), rows_of(name)))


def _content(files: RunFiles, name: str) -> tuple[bytes, bytes] | None:
    """As it is kept, and what it says."""
    vault = vault_of(files.path.parent)
    for one in (name, name.removesuffix(".parquet") + ".part"):
        try:
            kept = vault.files.read(f"{files.run_id}/{one}")
        except FileNotFoundError:
            continue
        return kept, vault.open(f"{files.run_id}/{name}", kept)
    return None


def _named(files: RunFiles, words: list[str]) -> list[str]:
    """Which of ``words`` are a key, an id, a user name, an address or a name of somebody in the run."""
    from trueup.transforms.duck.database import connect
    from trueup.transforms.duck.quoting import identifier

    columns = _identities(files)
    if not words or not columns:
        return []
    called = " UNION ".join(
        f"SELECT {identifier(name)} AS word FROM {rows_of(path)}" for path, names in columns.items() for name in names
    )
    with connect() as connection:
        connection.execute("CREATE TABLE said AS SELECT unnest($1::VARCHAR[]) AS word", [words])
        return [str(row[0]) for row in connection.execute(f"FROM ({called}) SEMI JOIN said USING (word)").fetchall()]


def _identities(files: RunFiles) -> Mapping[Path, list[str]]:
    found: dict[Path, list[str]] = {}
    for path in (files.decisions, files.desired, files.actual):
        if path.exists():
            schema: Any = schema_of(path)
            texts = [field.name for field in schema if str(field.type) == "string"]
            found[path] = [name for name in texts if name in _IDENTITIES or is_identity(name)]
    return found


def is_identity(column: str) -> bool:
    """Whether a column holds what a person is called or reached by, so that the value may be taken for the person."""
    name = column.lower().rpartition(":")[2]
    known = ("username", "displayname", "name.formatted", "externalid", "mail", "userprincipalname")
    return name in known or (name.startswith("emails") and name.endswith("value"))
