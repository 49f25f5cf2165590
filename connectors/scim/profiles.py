"""Every profile of the target into ``target.parquet``: complete, or refused."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa

from trueup.connectors.scim.discovery import discover
from trueup.connectors.scim.paging import Reading, list_of, read_pages
from trueup.connectors.scim.responses import sentence
from trueup.connectors.scim.session import Session, open_session
from trueup.connectors.scim.shape import Shape, missing
from trueup.transforms.duck.database import connect
from trueup.transforms.duck.parquet import create_file, open_file, read_table, rows_of, schema_of, write_rows
from trueup.transforms.errors import Failed, Refusal, Refused
from trueup.transforms.progress import silent
from trueup.transforms.values.columns import flattened
from trueup.transforms.values.equality import as_boolean, canonical, is_same_text
from trueup.transforms.values.paths import get, member, parse
from trueup.transforms.values.spelling import Spelling

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from trueup.connectors.scim.discovery import Discovered
    from trueup.transforms.attributes import ManagedAttribute, TargetSchema
    from trueup.transforms.progress import Progress
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings

_READINGS = 4
_MOST_ASKED_FOR = 2000
_MOST_SOUGHT = 200
_ALWAYS = ("externalId", "userName", "active")
_STAGE = "reading profiles"
_GONE = (404, 410)
ASKED_BY_ID = "asked_by_id"
"""How it was proven who is there where only some were read."""


@dataclass(frozen=True, slots=True)
class TargetSnapshot:
    """What one complete reading of the target came to."""

    profiles: int
    schema: TargetSchema
    completeness: dict[str, Any]
    """Pages, rows, stated totals, readings, how completeness was proven (``counts_agree``, ``two_readings_agree``)."""
    state: dict[str, Any]
    """For ``manifest.target_state``: capabilities, schema digest, page size."""


def columns_of(paths: Iterable[str]) -> tuple[str, ...]:
    """Flattened columns of ``target.parquet`` in order: the three fixed ones, then ``paths``, each once.

    Raises:
        Refused: two paths differ by case only, which Parquet readers would take for one.
    """
    columns = list(dict.fromkeys([*_ALWAYS, *paths]))
    folded: dict[str, str] = {}
    for column in columns:
        other = folded.setdefault(column.lower(), column)
        if other != column:
            raise Refused(
                Refusal(
                    code="attribute_names",
                    message=f"The target attributes {other} and {column} differ only by case.",
                    remedy="Spell the attribute one way in mapping and matching.",
                )
            )
    return tuple(column for column in columns if column.lower() not in {"id", "version", "resource"})


def take_snapshot(
    settings: Settings,
    paths: Sequence[ManagedAttribute],
    extra_paths: Sequence[str],
    files: RunFiles,
    *,
    known: Path | None,
    sought: Sequence[str] = (),
    named: Sequence[str] | None = None,
    progress: Progress = silent,
) -> TargetSnapshot:
    """``files.target`` holds every profile, sorted by id; see :func:`trueup.connectors.scim.snapshot`.

    With ``named`` it holds the profiles of these ids that are there, and nobody else is read.
    """
    kinds: dict[str, str] = dict.fromkeys(extra_paths, "text") | {path.path: path.kind for path in paths}
    kinds = {path: kinds.get(path, "text") for path in columns_of([p.path for p in paths] + list(extra_paths))}
    files.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    spool = files.work / "profiles.parquet"
    with open_session(settings) as session:
        discovered = discover(session)
        reader = _Reader(session, discovered, spool, kinds, progress)
        if named is None:
            reading, proof, readings = reader.prove(_known_ids(known))
            reader.add_unlisted(sought, reading)
        else:
            reading, proof, readings = reader.by_id(named), ASKED_BY_ID, 1
    shape = Shape(discovered.attributes)
    try:
        profiles = _flatten(spool, kinds, files)
    finally:
        spool.unlink(missing_ok=True)
    if profiles != reading.unique:
        raise Failed(f"Of {reading.unique} profiles read, {profiles} were written.", remedy="Run again.")
    return TargetSnapshot(
        profiles=profiles,
        schema=replace(
            discovered.schema_of(kinds),
            bare=reader.bare,
            demands=missing(shape, [path.path for path in paths]),
            forbids={p.path: why for p in paths if (why := shape.bars(parse(p.path), creating=False))},
        ),
        completeness={
            "proof": proof,
            "readings": readings,
            "pages": reading.pages,
            "rows": reading.rows,
            "repeats": reading.repeats,
            "stated": sorted(reading.totals),
            "profiles": profiles,
            "requests": session.requests,
            "retries": session.retries,
        },
        state={
            "digest": discovered.digest,
            "capabilities": discovered.capabilities.as_json(),
            "missing_documents": list(discovered.missing),
            "paging": reading.mode,
            "page_size": reading.page_size,
        },
    )


class _Reader:
    """Reads the list as often as it takes to believe it."""

    def __init__(
        self, session: Session, discovered: Discovered, spool: Path, kinds: Mapping[str, str], progress: Progress
    ) -> None:
        self._session = session
        self._discovered = discovered
        self._spool = spool
        self._complex = [path for path, kind in kinds.items() if kind == "complex"]
        self._spelling = Spelling(kinds)
        self._progress = progress

    @property
    def bare(self) -> frozenset[str]:
        """Attributes, in lower case, of which elements were read without ``type``."""
        return frozenset(self._spelling.bare)

    def prove(self, known: set[str]) -> tuple[Reading, str, int]:
        """A reading that is proven complete, by what, and how many readings that took.

        Raises:
            Refused: ``target_incomplete``.
        """
        earlier: Reading | None = None
        for number in range(1, _READINGS + 1):
            sort = number > 1 and self._discovered.capabilities.sort is True
            reading = self._read(sort=sort, beside=number == 1)
            lost, unlisted = self._lost(known, reading)
            agree = earlier is not None and reading.reached_end and earlier.ids == reading.ids
            proof = "counts_agree" if reading.counts_agree else "two_readings_agree" if agree else ""
            if not lost and proof and (reading.counts_agree or not reading.has_gaps):
                self._append(unlisted, reading)
                return reading, proof, number
            earlier = reading if reading.reached_end and not lost else None
        stated = ", ".join(str(total) for total in sorted(reading.totals)) or "no total"
        why = (
            f"{lost} profiles known from the last run are missing from the list but still there when asked for by id"
            if lost
            else f"its pages overlap and hold {reading.unique} profiles, while the target states {stated}"
            if reading.has_gaps
            else f"{_READINGS} readings disagree; the last gave {reading.unique} profiles, the target states {stated}"
        )
        raise Refused(
            Refusal(
                code="target_incomplete",
                message=f"The target's profiles could not be read completely: {why}.",
                remedy="Nothing was changed. Run again when the directory is quiet.",
            )
        )

    def by_id(self, named: Sequence[str]) -> Reading:
        """The profiles of these ids that are there; of the others the target says that they are not.

        Raises:
            Refused: ``target_incomplete``: it gives no clear answer about one of them.
        """
        reading, found = Reading(mode="id", reached_end=True), []
        for profile in dict.fromkeys(named):
            answer = self._session.profile(profile)
            resource = answer.resource if answer.is_ok else None
            if resource is not None and str(resource["id"]) == profile:
                found.append(resource)
            elif answer.status not in _GONE:
                raise Refused(
                    Refusal(
                        code="target_incomplete",
                        message=f"The target gives no clear answer about a profile asked by id: {sentence(answer)}.",
                        remedy="Nothing was changed. Run again.",
                    )
                )
        with self._spooled() as writer:
            writer.write_table(self._table(found, writer.schema))
        reading.ids.update(hash(str(one["id"])) for one in found)
        return reading

    def add_unlisted(self, sought: Sequence[str], reading: Reading) -> None:
        """Add who has one of these user names, is inactive and not listed, as far as a filter finds them."""
        found: dict[str, dict[str, Any]] = {}
        for name in sought[:_MOST_SOUGHT]:
            words = {"filter": f"userName eq {json.dumps(name, ensure_ascii=False)}", "startIndex": "1"}
            rows = member(list_of(self._session.get("/Users", words)), "Resources")
            for row in rows if isinstance(rows, list) else ():
                known = not isinstance(row, dict) or row.get("id") in (None, "") or hash(str(row["id"])) in reading.ids
                if known or not is_same_text(member(row, "userName"), name, case_exact=False):
                    continue
                profile = self._session.profile(str(row["id"])).resource
                if profile and str(profile["id"]) == str(row["id"]) and as_boolean(member(profile, "active")) is False:
                    found[str(profile["id"])] = profile
        self._append(list(found.values()), reading)

    def _spooled(self) -> Any:
        """The file profiles are read into, begun anew."""
        self._spelling.bare.clear()
        fields = [(name, pa.string()) for name in ("id", "version", "resource", "spelt")]
        schema = pa.schema([*fields, *((f"complex {path}", pa.string()) for path in self._complex)])
        return create_file(self._spool, schema, compression="zstd")

    def _read(self, *, sort: bool, beside: bool) -> Reading:
        reading = Reading()
        with self._spooled() as writer:
            schema = writer.schema
            batch: list[dict[str, Any]] = []
            for page in read_pages(self._session, self._discovered.capabilities, reading, sort=sort, beside=beside):
                batch.extend(page)
                total = max(reading.totals, default=0)
                self._progress(_STAGE, reading.unique, total if total >= reading.unique else None)
                if len(batch) >= 10_000:
                    writer.write_table(self._table(batch, schema))
                    batch = []
            writer.write_table(self._table(batch, schema))
        return reading

    def _table(self, rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
        columns: list[list[str | None]] = [
            [str(row["id"]) for row in rows],
            [version_of(row) for row in rows],
            [orjson.dumps(row).decode() for row in rows],
            [None if (said := self._spelling.of(row)) is row else orjson.dumps(said).decode() for row in rows],
        ]
        columns += [[_canonical(get(row, parse(path))) for row in rows] for path in self._complex]
        return pa.table([pa.array(column, pa.string()) for column in columns], schema=schema)

    def _append(self, unlisted: list[dict[str, Any]], reading: Reading) -> None:
        """Add profiles the list leaves out to those read."""
        if not unlisted:
            return
        part = self._spool.with_suffix(".part")
        read = open_file(self._spool)
        with create_file(part, read.schema_arrow, compression="zstd") as writer:
            for group in range(read.num_row_groups):
                writer.write_table(read.read_row_group(group))
            writer.write_table(self._table(unlisted, read.schema_arrow))
        read.close()
        part.replace(self._spool)
        reading.ids.update(hash(str(one["id"])) for one in unlisted)

    def _lost(self, known: set[str], reading: Reading) -> tuple[int, list[dict[str, Any]]]:
        """How many profiles known from the last run the list misses though they are there by id, and the inactive ones.

        Some servers do not list who is inactive: those are not a gap in the list.
        """
        missing = sorted(profile for profile in known if hash(profile) not in reading.ids)
        if len(missing) > _MOST_ASKED_FOR:
            raise Refused(
                Refusal(
                    code="target_incomplete",
                    message=f"{len(missing)} of {len(known)} profiles known from the last run are missing from the "
                    f"target's list; more than {_MOST_ASKED_FOR} cannot be explained one by one.",
                    remedy="If the directory was emptied on purpose, plan against a new archive; else run again.",
                )
            )
        lost = 0
        unlisted: list[dict[str, Any]] = []
        for profile in missing:
            answer = self._session.profile(profile)
            found = answer.resource if answer.is_ok else None
            is_there = found is not None and str(found["id"]) == profile
            if found is not None and is_there and as_boolean(member(found, "active")) is False:
                unlisted.append(found)
            elif is_there or (not answer.is_ok and answer.status not in _GONE):
                lost += 1
        return lost, unlisted


def version_of(resource: dict[str, Any]) -> str | None:
    """``meta.version`` (the ETag) as text, else none."""
    version = member(member(resource, "meta"), "version")
    return str(version) if version not in (None, "") else None


def _canonical(value: Any) -> str | None:
    return None if value is None else canonical(value)


def _known_ids(known: Path | None) -> set[str]:
    """Profile ids of an earlier run: column ``profile_id`` (links) or ``id`` (target) of a Parquet file."""
    if known is None or not known.exists():
        return set()
    names = schema_of(known).names
    column = "profile_id" if "profile_id" in names else "id"
    return {str(value) for value in read_table(known, columns=[column])[column].to_pylist() if value is not None}


def _flatten(spool: Path, kinds: Mapping[str, str], files: RunFiles) -> int:
    with connect(spill=files.work) as engine:
        profiles = f"(SELECT *, coalesce(spelt, resource) AS said FROM {rows_of(spool)})"
        query = f"{flattened(kinds, profiles, beside=('id', 'version', 'resource'))} ORDER BY id"
        return write_rows(engine, query, files.target, options="COMPRESSION zstd, ROW_GROUP_SIZE 20480")
