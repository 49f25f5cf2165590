"""What a run wrote against what is there now."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trueup.connectors.scim.responses import Answer, sentence
from trueup.connectors.scim.session import open_session
from trueup.connectors.scim.sql import statement
from trueup.transforms.duck.database import connect
from trueup.transforms.duck.parquet import create_file, rows_of, schema_of
from trueup.transforms.duck.quoting import identifier
from trueup.transforms.errors import Failed
from trueup.transforms.progress import silent
from trueup.transforms.values.equality import as_boolean, canonical, classify, is_nothing, same, seen
from trueup.transforms.values.paths import get, member, parse
from trueup.transforms.vocabulary import Decision, Kept, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.connectors.scim.session import Session
    from trueup.transforms.progress import Progress
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings

SCHEMA = pa.schema([(name, pa.string()) for name in ("key", "attribute", "expected", "found", "class")])
_GONE = (404, 410)
_STAGE = "verifying"
_BATCH = 500
_PROFILE = "profile:"
_Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """Whether the target is as the run wanted it."""

    converged: bool
    residual: int
    """Attributes that are not as planned."""
    records: list[dict[str, Any]] = field(repr=False)
    """``{key, attribute, expected, found, class}`` of each residual difference, by key: ``normalised`` or ``not_kept``
    by the target, ``moved`` since (or never written because it had moved before)."""
    details: dict[str, Any]
    """Counts for the act."""


def verify(
    settings: Settings,
    files: RunFiles,
    *,
    into: Path,
    left_out: Path | None = None,
    progress: Progress = silent,
) -> VerifyResult:
    """Everything the applied run touched is read again and compared; ``into`` holds every attribute looked at.

    Of a person touched, every managed attribute is looked at: what the run wrote must be as written, and what it did
    not write must be as it was, so that a value lost beside a write shows.

    Args:
        settings: ``[target]``.
        files: of the applied run.
        into: Parquet file to write.
        left_out: what the approval left out (``key``, ``attribute``; null: the whole person). It was never promised,
            and is not compared.
        progress: told how many profiles were read.

    Raises:
        Failed: the target cannot be reached, refuses the token, or does not answer for a profile.
    """
    records: list[dict[str, Any]] = []
    looked_at = profiles = gone = 0
    part = into.with_suffix(".part")
    with connect() as engine, open_session(settings) as session, create_file(part, SCHEMA) as writer:
        people = _People(engine, files, left_out)
        total = people.total
        for batch in _batches(people):
            answers = _look(session, list(batch), settings.target.concurrency)
            before = people.before(list(batch))
            people.learn(_referred_to(people, (*before.values(), *(answer.resource for answer in answers.values()))))
            rows = []
            for profile_id, promises in batch.items():
                rows += _judged(people, promises, answers[profile_id])
                rows += _siblings(people, promises, before.get(profile_id), answers[profile_id])
                gone += answers[profile_id].status in _GONE
            profiles += len(batch)
            looked_at += len(rows)
            writer.write_table(pa.Table.from_pylist(rows, SCHEMA))
            records += [row for row in rows if row["class"] != Kept.KEPT]
            progress(_STAGE, profiles, total)
    part.chmod(0o600 if not files.manifest.exists() else files.manifest.stat().st_mode & 0o777)
    part.replace(into)
    records.sort(key=lambda row: (row["key"], row["attribute"] or ""))
    details = {"profiles": profiles, "attributes": looked_at, "gone": gone}
    return VerifyResult(not records, len(records), records, details)


class _People:
    """What was promised, by profile, and who is who."""

    def __init__(self, engine: DuckDBPyConnection, files: RunFiles, left_out: Path | None) -> None:
        self._engine = engine
        self.managed = _managed(files)
        for name in ("decisions", "changes", "outcome", "links"):
            engine.execute(f"CREATE VIEW {name} AS SELECT * FROM {rows_of(getattr(files, name))}")
        columns = set(schema_of(files.target).names)
        referring = ", ".join(identifier(a) for a in self.managed if parse(a).is_reference and a in columns)
        engine.execute(
            f"CREATE VIEW target AS SELECT id, resource, [{referring}] AS refers_to FROM {rows_of(files.target)}"
        )
        nobody = "(SELECT NULL::VARCHAR AS key, NULL::VARCHAR AS attribute WHERE FALSE)"
        rows = nobody if left_out is None else f"{rows_of(left_out)}"
        engine.execute(f"CREATE VIEW left_out AS SELECT key, attribute::VARCHAR AS attribute FROM {rows}")
        engine.execute(f"CREATE TABLE expected AS {statement('verify_expected')}")
        engine.execute(f"CREATE TABLE before AS {statement('verify_before')}")
        row = engine.execute("SELECT count(DISTINCT profile_id) FROM expected").fetchone()
        self.total = int(row[0]) if row else 0
        self._keys: dict[str, str] = {}
        self._keys_then: dict[str, str | None] = {}
        # Nearly everybody the profiles refer to now they referred to then: one pass for all of them.
        then = engine.execute("SELECT DISTINCT unnest(refers_to) FROM before").fetchall()
        self.learn({str(one) for (one,) in then if one is not None})

    def promises(self) -> Iterator[tuple[str, list[_Row]]]:
        """``(profile id, rows of verify_expected.sql)``."""
        cursor = self._engine.cursor()
        cursor.execute("SELECT * FROM expected ORDER BY profile_id, key, attribute")

        def rows() -> Iterator[_Row]:
            while batch := cursor.fetchmany(_BATCH):
                yield from batch

        for profile_id, group in groupby(rows(), key=lambda row: str(row[1])):
            yield profile_id, list(group)

    def before(self, profile_ids: list[str]) -> dict[str, dict[str, Any]]:
        """Resources as they were when the run was planned, by id; of profiles that were there and were written."""
        query = "SELECT id, resource FROM before WHERE id IN (SELECT unnest($1))"
        return {
            str(one): json.loads(text) for one, text in self._engine.cursor().execute(query, [profile_ids]).fetchall()
        }

    def is_left_out(self, key: str, attribute: str) -> bool:
        """Whether the approval left this attribute to somebody else who looks after it."""
        query = "SELECT 1 FROM left_out WHERE key = $1 AND attribute = $2 LIMIT 1"
        return self._engine.cursor().execute(query, [key, attribute]).fetchone() is not None

    def left_as(self, key: str, attribute: str, now: Any) -> Kept:
        """What became of an attribute the run did not write: ``moved`` since, unless the apply itself left it so."""
        entries = "SELECT unnest(found) AS f FROM outcome WHERE key = $1"
        query = f"SELECT f.value, f.class FROM ({entries}) WHERE f.attribute = $2"
        left = self._engine.cursor().execute(query, [key, attribute]).fetchall()
        return next((Kept(kind) for text, kind in left if text and same(json.loads(text), now)), Kept.MOVED)

    def learn(self, profile_ids: set[str]) -> None:
        """Look up who ``profile_ids`` are, all at once: one by one each would be a pass over three files."""
        asked = sorted(profile_ids - self._keys.keys())
        if asked:
            found = self._engine.cursor().execute(statement("verify_whose"), [asked])
            self._keys |= {one: f"{_PROFILE}{one}" for one in asked}
            for profile_id, now, then in found.fetchall():
                self._keys[profile_id] = now or self._keys[profile_id]
                self._keys_then[profile_id] = then

    def key_of(self, profile_id: str) -> str:
        """Who a profile is: a person of this run or its links, else ``profile:<id>``."""
        self.learn({profile_id})
        return self._keys[profile_id]

    def is_one(self, was: Any, now: Any) -> bool:
        """Whether two references lead to one person, whose profile has another id since the run wrote it."""
        if was is None or now is None:
            return False
        self.learn({str(was), str(now)})
        return self._keys_then.get(str(was)) == self._keys[str(now)]


def _referred_to(people: _People, resources: Iterable[dict[str, Any] | None]) -> set[str]:
    """The profiles that any of ``resources`` refer to."""
    paths = [path for path in map(parse, people.managed) if path.is_reference]
    values = (seen(path, get(one, path)) for one in resources if one is not None for path in paths)
    return {str(value) for value in values if value is not None}


def _batches(people: _People) -> Iterator[dict[str, list[_Row]]]:
    batch: dict[str, list[_Row]] = {}
    for profile_id, promises in people.promises():
        batch[profile_id] = promises
        if len(batch) == _BATCH:
            yield batch
            batch = {}
    if batch:
        yield batch


def _look(session: Session, profile_ids: list[str], concurrency: int) -> dict[str, Answer]:
    with ThreadPoolExecutor(concurrency) as pool:
        answers = dict(zip(profile_ids, pool.map(lambda one: _one_profile(session, one), profile_ids), strict=True))
    for answer in answers.values():
        if answer.resource is None and answer.status not in _GONE:
            raise Failed(
                f"A profile could not be read while verifying: the target {sentence(answer)}.",
                remedy="Nothing was changed. Verify again when the target is well.",
            )
    return answers


def _one_profile(session: Session, profile_id: str) -> Answer:
    """The profile; somebody who was never created has none."""
    return session.profile(profile_id) if profile_id else Answer(404)


def _judged(people: _People, promises: list[_Row], answer: Answer) -> list[dict[str, Any]]:
    resource = answer.resource if answer.is_ok else None
    return [_one(people, promise, resource) for promise in promises]


def _siblings(
    people: _People, promises: list[_Row], before: dict[str, Any] | None, answer: Answer
) -> Iterator[dict[str, Any]]:
    """Managed attributes of this profile that the run had no reason to write: as they were, or ``moved``."""
    now = answer.resource if answer.is_ok else None
    if before is None or now is None:
        return
    key = promises[0][0]
    written = {promise[4] for promise in promises}
    for attribute in people.managed:
        if attribute in written:
            continue
        path = parse(attribute)
        was = seen(path, get(before, path))
        found = seen(path, get(now, path, was), was)
        is_same = same(was, found) or (path.is_reference and people.is_one(was, found))
        if not is_same and people.is_left_out(key, attribute):
            continue
        kept = Kept.KEPT if is_same else people.left_as(key, attribute, found)
        if path.is_reference:
            was = found if is_same else was
            was, found = (None if value is None else people.key_of(str(value)) for value in (was, found))
        yield {
            "key": key,
            "attribute": attribute,
            "expected": None if is_nothing(was) else canonical(was),
            "found": None if is_nothing(found) else canonical(found),
            "class": kept.value,
        }


def _managed(files: RunFiles) -> tuple[str, ...]:
    return tuple(name for name in schema_of(files.actual).names if name not in {"key", "left_alone"})


def _one(people: _People, promise: _Row, resource: dict[str, Any] | None) -> dict[str, Any]:
    key, _, operation, result, attribute, expected, found_then, class_then = promise
    if operation == Decision.DELETE:
        inactive = resource is not None and as_boolean(member(resource, "active")) is False
        gone = resource is None or (inactive and result == Result.APPLIED)
        kept = Kept.KEPT if gone else Kept.MOVED if result != Result.APPLIED else Kept.NOT_KEPT
        text = None if resource is None else "inactive" if inactive else "still there"
        return {"key": key, "attribute": None, "expected": None, "found": text, "class": kept.value}
    path = parse(attribute)
    wanted = None if expected is None else json.loads(expected)
    now = None if resource is None else seen(path, get(resource, path, wanted), wanted)
    if path.is_reference and now is not None:
        now = people.key_of(str(now))
    then = None if found_then is None else json.loads(found_then)
    return {
        "key": key,
        "attribute": attribute,
        "expected": expected,
        "found": None if is_nothing(now) else canonical(now),
        "class": _class(wanted, now, then, class_then, was_applied=result == Result.APPLIED).value,
    }


def _class(wanted: Any, now: Any, then: Any, class_then: str | None, *, was_applied: bool) -> Kept:
    """``kept`` when it is as planned; else as it was judged right after writing, if it has not moved since."""
    if same(wanted, now):
        return Kept.KEPT
    if class_then is None:
        return Kept.MOVED if not was_applied else classify(wanted, now)
    if same(then, now):
        return Kept(class_then) if class_then != Kept.KEPT else classify(wanted, now)
    return Kept.MOVED
