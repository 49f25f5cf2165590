"""Who is to be erased: every key and id all runs know the person by, and the words that name nobody else."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from trueup.transforms.duck.database import connect
from trueup.transforms.duck.parquet import rows_of, schema_of
from trueup.transforms.duck.quoting import identifier
from trueup.transforms.erasure.stated import TOKEN
from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.transforms.run_files import RunFiles

_OWN_IDS = {"source": "id", "target": "id", "target_after": "id", "desired": "key", "actual": "key"}
"""Files with one row for each person and the column that says whose."""
_NAMES = frozenset(
    [
        "username",
        "userprincipalname",
        "mail",
        "othermails",
        "proxyaddresses",
        "imaddresses",
        "mailnickname",
        "displayname",
        "formatted",
        "nickname",
        "externalid",
        "employeeid",
        "employeenumber",
        "mobilephone",
        "businessphones",
        "faxnumber",
        "onpremisesimmutableid",
        "onpremisessamaccountname",
        "onpremisesuserprincipalname",
        "onpremisesdistinguishedname",
        "onpremisessecurityidentifier",
        "securityidentifier",
        "profileurl",
    ]
)
"""Last parts of attributes that say who somebody is or how to reach them."""
_LISTED = ("emails", "phonenumbers", "ims")
_TYPES = frozenset({"true", "false", "work", "home", "mobile", "other", "none", "null"})
_LEAST = 4
_SHORT = 8
"""An id shorter than this could be anything: it is looked for only where an id of a person must stand."""


@dataclass(frozen=True)
class Person:
    """Somebody, by everything all runs know."""

    source_ids: frozenset[str]
    profile_ids: frozenset[str]
    number: str
    """Of the erasure."""
    words: frozenset[str] = frozenset()
    """Names, addresses and ids that are this person's alone, as they were written."""
    kept: frozenset[str] = frozenset()
    """What others are called that has one of ``words`` in it, in small letters: it stays."""
    values: frozenset[str] = field(default=frozenset(), repr=False)
    """Every text in the person's own rows."""

    @cached_property
    def keys(self) -> frozenset[str]:
        """What rows about the person are called by."""
        return self.source_ids | self.profile_ids | {f"profile:{one}" for one in self.profile_ids}

    @cached_property
    def clear(self) -> frozenset[str]:
        """Short ids that nothing else would be spelt like."""
        return frozenset(one for one in self.keys if len(one) >= _LEAST and not one.isdecimal())

    @property
    def token(self) -> str:
        """What stands where somebody else's row referred to the person."""
        return TOKEN + self.number

    @cached_property
    def bare(self) -> frozenset[str]:
        """Ids and names of one plain word: they could be anything, so they count only where a person must stand."""
        ids = {one for one in self.source_ids | self.profile_ids if len(one) < _SHORT}
        return frozenset(ids | {one for one in self.words if one.isalpha()})

    @cached_property
    def sought(self) -> frozenset[str]:
        """What is looked for in every text."""
        return self.words - self.bare | {f"profile:{one}" for one in self.profile_ids}


def is_name(path: str) -> bool:
    """Whether an attribute or a column says who its person is; never one about a manager."""
    small = path.lower()
    if "manager" in small:
        return False
    return re.split(r"[.:\]/]", small)[-1] in _NAMES or small.startswith(_LISTED)


def find(runs: Sequence[RunFiles], called: Sequence[str], number: str) -> Person:
    """The person the runs know by each of ``called``: object id, user name, e-mail or ``profile:ID``.

    Raises:
        Misused: no run knows such a person; a name was several people's; a profile stood for several users and not
            all of them are named.
    """
    with connect() as connection:
        _pairs(connection, runs)
        _called(connection, runs)
        groups = _groups(connection)
        found: set[str] = set()
        for name in called:
            found |= _one(connection, groups, name)
    source_ids = frozenset(one[2:] for one in found if one.startswith("s:"))
    profile_ids = frozenset(one[2:] for one in found if one.startswith("p:"))
    if len(source_ids) > 1 and not source_ids <= {name.strip() for name in called}:
        raise Misused(
            f"One profile stood for {len(source_ids)} users: {', '.join(sorted(source_ids))}.",
            remedy="Name each of them, if all of it is one person's: trueup erase KEY KEY --reason CODE",
        )
    return _with_words(runs, Person(source_ids, profile_ids, number))


def _pairs(connection: DuckDBPyConnection, runs: Sequence[RunFiles]) -> None:
    """``pairs`` (source_id, profile_id): whose profile was whose, in any run."""
    parts = [
        f"SELECT source_id, profile_id FROM {one}"
        for stem in ("decisions", "links")
        if (one := _all(runs, stem, ("source_id", "profile_id")))
    ]
    if outcome := _all(runs, "outcome", ("key", "profile_id")):
        parts.append(f"SELECT CASE WHEN NOT starts_with(key, 'profile:') THEN key END, profile_id FROM {outcome}")
    connection.execute(
        "CREATE TABLE pairs AS SELECT DISTINCT source_id::VARCHAR AS source_id, profile_id::VARCHAR AS profile_id FROM "
        f"({' UNION ALL '.join(parts) or 'SELECT NULL AS source_id, NULL AS profile_id WHERE false'})"
    )


def _called(connection: DuckDBPyConnection, runs: Sequence[RunFiles]) -> None:
    """``called`` (id, name): ``s:`` and an object id or ``p:`` and a profile's, and what it was called, folded."""
    parts = [
        "SELECT 's:' || source_id AS id, source_id AS name FROM pairs",
        "SELECT 'p:' || profile_id, 'profile:' || profile_id FROM pairs",
    ]
    if decisions := _all(runs, "decisions", ("source_id", "profile_id", "user_name")):
        parts.append(
            "SELECT coalesce('s:' || source_id, 'p:' || profile_id), user_name "
            f"FROM {decisions} WHERE user_name IS NOT NULL"
        )
    for stem, mark in (("source", "s:"), ("target", "p:"), ("desired", "s:"), ("actual", "")):
        own = _OWN_IDS[stem]
        for path in _paths(runs, stem):
            whose = f"'{mark}' || {own}"
            if stem == "actual":
                whose = f"CASE WHEN starts_with({own}, 'profile:') THEN 'p:' || {own}[9:] ELSE 's:' || {own} END"
            rows = f"{rows_of(path)}"
            parts += [f"SELECT {whose}, {own} FROM {rows}"] if stem == "source" else []
            parts += [f"SELECT {whose}, 'profile:' || {own} FROM {rows}"] if stem == "target" else []
            parts += [f"SELECT {whose}, {identifier(name)} FROM {rows}" for name in _addresses(connection, path)]
    connection.execute(
        f"CREATE TABLE called AS SELECT DISTINCT id, lower(name) AS name FROM ({' UNION ALL '.join(parts)}) "
        "WHERE id IS NOT NULL AND name IS NOT NULL"
    )


def _addresses(connection: DuckDBPyConnection, path: Path) -> list[str]:
    known = ("username", "userprincipalname", "mail")
    return [
        name
        for name, kind in _columns(connection, path)
        if kind == "VARCHAR"
        and (name.lower() in known or (name.lower().startswith("emails") and name.endswith("value")))
    ]


def _groups(connection: DuckDBPyConnection) -> dict[str, set[str]]:
    """Id → all ids of the same person: users and the profiles they had."""
    groups: dict[str, set[str]] = {}
    rows = connection.execute(
        "SELECT 's:' || source_id, 'p:' || profile_id FROM pairs WHERE source_id IS NOT NULL AND profile_id IS NOT NULL"
    ).fetchall()
    for left, right in rows:
        joined = groups.get(left, {left}) | groups.get(right, {right})
        for one in joined:
            groups[one] = joined
    return groups


def _one(connection: DuckDBPyConnection, groups: dict[str, set[str]], name: str) -> set[str]:
    rows = connection.execute("SELECT DISTINCT id FROM called WHERE name = lower($1)", [name.strip()]).fetchall()
    found = {frozenset(groups.get(one, {one})) for (one,) in rows}
    if not found:
        raise Misused(
            "No run knows a person of that key.",
            remedy="Give an object id, user name, e-mail, or profile:ID, as trueup show prints it.",
        )
    if len(found) > 1:
        keys = sorted(
            one.replace("p:", "profile:", 1) if one[0] == "p" else one[2:] for group in found for one in group
        )
        raise Misused(
            f"That was the name of {len(found)} people: {', '.join(keys[:6])}.",
            remedy="Name the one you mean by key; name several, if they are one person: trueup erase KEY KEY …",
        )
    return set(next(iter(found)))


def _with_words(runs: Sequence[RunFiles], person: Person) -> Person:
    """The person with what names nobody else, from all their rows."""
    said: set[tuple[str, str]] = set()
    with connect() as connection:
        for stem, own in _OWN_IDS.items():
            ids = {"source": person.source_ids, "desired": person.keys, "actual": person.keys}.get(
                stem, person.profile_ids
            )
            for path in _paths(runs, stem):
                rows = connection.execute(
                    f"FROM {rows_of(path)} WHERE list_contains($1::VARCHAR[], {own}::VARCHAR)",
                    [sorted(ids)],
                )
                names = [column[0] for column in rows.description or ()]
                for row in rows.fetchall():
                    said |= {leaf for name, value in zip(names, row, strict=True) for leaf in leaves(name, value)}
        for path in _paths(runs, "changes"):
            rows = connection.execute(
                f"SELECT attribute, before, after FROM {rows_of(path)} WHERE list_contains($1::VARCHAR[], key)",
                [sorted(person.keys)],
            )
            said |= {leaf for name, *values in rows.fetchall() for value in values for leaf in leaves(name, value)}
        words = _words(said) | {one for one in person.keys if len(one) >= _SHORT}
        others, longer = _of_others(connection, runs, person, words)
    return Person(
        person.source_ids,
        person.profile_ids,
        person.number,
        words=frozenset(one for one in words if one.lower() not in others or one in person.keys),
        kept=frozenset(longer),
        values=frozenset(text for _, text in said),
    )


def leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text in a value with the path it stands at; JSON text is looked into."""
    if isinstance(value, str):
        inner = json_in(value)
        if inner is None or isinstance(inner, str):
            yield name, value if inner is None else inner
        else:
            yield from leaves("" if name == "resource" else name, inner)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from leaves(f"{name}.{key}" if name else key, one)
    elif isinstance(value, list):
        for one in value:
            yield from leaves(name, one)


def json_in(text: str) -> Any:
    """What a text says that is JSON itself; None where it is a plain one."""
    if text[:1] not in ('"', "{", "["):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _words(said: Iterable[tuple[str, str]]) -> set[str]:
    words: set[str] = set()
    parts: dict[str, set[str]] = {"given": set(), "family": set()}
    for path, text in said:
        small, value = path.lower(), text.strip()
        if "manager" in small:
            continue
        last = re.split(r"[.:\]/]", small)[-1]
        if last == "givenname":
            parts["given"].add(value)
        elif last in {"familyname", "surname"}:
            parts["family"].add(value)
        if len(value) >= _LEAST and is_name(path):
            words.add(value.partition(":")[2] if value.lower().startswith(("smtp:", "sip:", "x500:")) else value)
    for given in parts["given"]:
        for family in parts["family"]:
            words |= {f"{given} {family}", f"{family} {given}", f"{family}, {given}"} if given and family else set()
    return {one for one in words if len(one) >= _LEAST and one.lower() not in _TYPES}


def _of_others(
    connection: DuckDBPyConnection, runs: Sequence[RunFiles], person: Person, words: set[str]
) -> tuple[set[str], set[str]]:
    """Which of ``words`` are what somebody else is called too, folded; and what others are called with one in it."""
    parts = []
    for stem, own in _OWN_IDS.items():
        for path in _paths(runs, stem):
            for name, kind in _columns(connection, path):
                if name == own or not is_name(name) or kind not in {"VARCHAR", "VARCHAR[]"}:
                    continue
                column = identifier(name) if kind == "VARCHAR" else f"unnest({identifier(name)})"
                parts.append(f"SELECT {own}::VARCHAR AS whose, {column} AS name FROM {rows_of(path)}")
    if not parts or not words:
        return set(), set()
    connection.execute("CREATE TABLE word AS SELECT lower(unnest($1::VARCHAR[])) AS word", [sorted(words)])
    connection.execute(
        f"CREATE TABLE others AS SELECT DISTINCT lower(name) AS folded, name FROM ({' UNION ALL '.join(parts)}) "
        "WHERE name IS NOT NULL AND NOT list_contains($1::VARCHAR[], whose)",
        [sorted(person.keys)],
    )
    same = connection.execute("SELECT word FROM word SEMI JOIN others ON folded = word").fetchall()
    longer = connection.execute(
        "SELECT DISTINCT folded FROM others JOIN word ON contains(folded, word) WHERE folded <> word"
    ).fetchall()
    return {str(one) for (one,) in same}, {str(one) for (one,) in longer}


def _paths(runs: Sequence[RunFiles], stem: str) -> list[Path]:
    return [path for run in runs if (path := run.file(f"{stem}.parquet")).exists()]


def _all(runs: Sequence[RunFiles], stem: str, columns: tuple[str, ...]) -> str:
    """A relation over a file of every run; empty where no run has it."""
    having = [path for path in _paths(runs, stem) if {*columns} <= {*schema_of(path).names}]
    return rows_of(*having, options="union_by_name = true") if having else ""


def _columns(connection: DuckDBPyConnection, path: Path) -> list[tuple[str, str]]:
    rows = connection.execute(f"DESCRIBE FROM {rows_of(path)}").fetchall()
    return [(str(row[0]), str(row[1])) for row in rows]
