"""A value is read, spelt and compared alike where Python writes and where SQL plans, whatever a server sends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trueup.transforms.attributes import ManagedAttribute
from trueup.transforms.duck.database import connect
from trueup.transforms.duck.quoting import identifier
from trueup.transforms.values.columns import Claims, bare_expression, equal, flattened, json_of
from trueup.transforms.values.equality import as_boolean, canonical, is_nothing, plain, same, seen
from trueup.transforms.values.paths import CORE, ENTERPRISE, get, parse
from trueup.transforms.values.spelling import Spelling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection

    from trueup.transforms.values.paths import ScimPath

COST = "urn:example:Thing:2.0:User"
KINDS: dict[str, Any] = {
    "userName": "text",
    "title": "text",
    "active": "boolean",
    "locked": "boolean",
    "name.givenName": "text",
    'emails[type eq "work"].value': "text",
    'phoneNumbers[type eq "mobile" and primary eq true].value': "text",
    "addresses.locality": "text",
    "roles": "complex",
    f"{ENTERPRISE}:department": "text",
    f"{ENTERPRISE}:manager": "reference",
    f"{COST}:costCode": "text",
    "nickname.Value": "text",
}
NAMES = sorted({part for path in KINDS for part in (parse(path).attribute, parse(path).sub) if part})
NAMES += ["value", "type", "primary", "junk"]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", "work", "Work", "mobile", "true", "True", "FALSE", " true ", "0", "1", "null", "[]", '"', "\\", "\u0130"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)


spellings = st.text("1aA +-()./\t\n_", max_size=4)
"""Of telephone numbers, and of texts with blanks."""


@st.composite
def spelt(draw: st.DrawFn, name: str) -> str:
    """A name in the case some server gives it."""
    return draw(st.sampled_from([name, name, name, name.lower(), name.upper(), name.capitalize()]))


def members(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(st.tuples(st.sampled_from(NAMES).flatmap(spelt), inner), max_size=5).map(dict)


elements = st.one_of(scalars, members(scalars))
values = st.one_of(scalars, members(scalars), st.lists(elements, max_size=3))
extensions = st.sampled_from([ENTERPRISE, COST]).flatmap(
    lambda urn: st.one_of(
        st.tuples(spelt(urn), st.one_of(scalars, members(values))),
        st.tuples(st.sampled_from([f"{urn}:department", f"{urn}:manager", f"{urn}:costCode"]).flatmap(spelt), values),
    )
)
resources = st.lists(st.one_of(st.tuples(st.sampled_from(NAMES).flatmap(spelt), values), extensions), max_size=8).map(
    lambda pairs: {"schemas": [CORE], "id": "x"} | dict(pairs)
)


def text_of(path: ScimPath, value: Any, kind: str) -> str | None:
    """What stands in ``changes`` for ``value`` read at ``path``: JSON text, null for every way of saying nothing."""
    if kind == "boolean":
        read = as_boolean(value)
        return None if read is None else canonical(read)
    value = seen(path, value)
    if is_nothing(value):
        return None
    return canonical(value if kind == "complex" else plain(value))


def inside(text: str | None) -> object:
    """A change's value; a list or object that came into a text column is compared as far as that column holds it."""
    said = None if text is None else json.loads(text)
    try:
        held = json.loads(said) if isinstance(said, str) else None
    except ValueError:
        held = None
    return type(held) if isinstance(held, (dict, list)) else text


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBPyConnection]:
    with connect(threads=1) as opened:
        yield opened


def in_sql(engine: DuckDBPyConnection, resource: dict[str, Any]) -> dict[str, str | None]:
    """What planning makes of a profile: JSON text by path, as it stands in ``changes``."""
    said = Spelling(KINDS).of(resource)
    whole = {path: text_of(parse(path), get(resource, parse(path)), kind) for path, kind in KINDS.items()}
    given = ", ".join(f"$c{n}::VARCHAR AS {identifier(f'complex {path}')}" for n, path in enumerate(KINDS))
    spelled = ", ".join(
        f"{json_of(ManagedAttribute(path, kind), identifier(path))} AS {identifier(path)}"
        for path, kind in KINDS.items()
    )
    row = engine.execute(
        f"SELECT {spelled} FROM ({flattened(KINDS, f'(SELECT $said::VARCHAR AS said, {given})')})",
        {"said": orjson.dumps(said).decode()} | {f"c{n}": whole[path] for n, path in enumerate(KINDS)},
    ).fetchone()
    assert row is not None
    return dict(zip(KINDS, row, strict=True))


@settings(max_examples=40, deadline=None)
@example({"title": 1043, "Active": "True", "NAME": {"GIVENNAME": 1e22}})
@example({"Title": "a", "title": None, f"{ENTERPRISE}:department": "x", ENTERPRISE: {"department": None}})
@example({f"{ENTERPRISE.upper()}:MANAGER": [{"Value": "m"}], "addresses": [{"Locality": 1e16}]})
@example({"emails": [{"Type": "WORK", "VALUE": {"a": [1]}}], "phoneNumbers": [{"type": "mobile", "primary": "True"}]})
@given(resources)
def test_planning_and_apply_read_the_same_at_every_path(engine: DuckDBPyConnection, resource: dict[str, Any]) -> None:
    planned = in_sql(engine, resource)
    for path, kind in KINDS.items():
        assert inside(text_of(parse(path), get(resource, parse(path)), kind)) == inside(planned[path]), path


@settings(max_examples=40, deadline=None)
@example(left=True, right="True")
@example(left="1043", right=1043)
@example(left=None, right=[])
@given(left=values, right=values)
def test_two_values_are_the_same_in_python_where_they_are_in_sql(
    engine: DuckDBPyConnection, left: Any, right: Any
) -> None:
    texts = {"l": text_of(parse("roles"), left, "complex"), "r": text_of(parse("roles"), right, "complex")}
    found = engine.execute(f"SELECT {equal('$l::VARCHAR', '$r::VARCHAR')}", texts).fetchone()
    assert found == (same(left, right),)


@settings(max_examples=40, deadline=None)
@example(listed=[{"VALUE": "a"}, "b"], wanted="B", untyped=False, was=None)
@example(listed=["[]"], wanted=None, untyped=True, was=None)
@example(listed=[{"Type": "Work", "Value": None}, {"value": "a"}], wanted="a", untyped=True, was=None)
@example(listed=[{"value": "+15551"}, {"value": "+1 (555) 1"}], wanted="+1 555-1", untyped=False, was=None)
@example(listed=["a", {"value": "+15552"}, "b"], wanted="c", untyped=True, was="+1 555-2")
@example(listed=["spaced out", "Spaced  Out "], wanted=" spaced\t out", untyped=False, was=None)
@given(
    listed=st.lists(st.one_of(elements, spellings), max_size=3),
    wanted=st.one_of(st.none(), st.text(max_size=2), st.just("work"), spellings),
    untyped=st.booleans(),
    was=st.one_of(st.none(), spellings),
)
def test_elements_without_a_type_are_found_the_same(
    engine: DuckDBPyConnection, listed: list[Any], wanted: str | None, *, untyped: bool, was: str | None
) -> None:
    path = parse('emails[type eq "work"].value')
    resource = {"id": "x", "Emails": listed}
    found = bare_expression(path, "resource", "$w::VARCHAR", untyped=untyped, claims=Claims("$b::VARCHAR"))
    row = engine.execute(
        f"SELECT to_json(nullif({found}, ''))::VARCHAR FROM (SELECT $r::VARCHAR AS resource)",
        {"r": orjson.dumps(resource).decode(), "w": wanted, "b": was},
    ).fetchone()
    assert row is not None
    assert inside(row[0]) == inside(text_of(path, get(resource, path, wanted, untyped=untyped, was=was), "text"))
