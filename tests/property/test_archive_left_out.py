"""What an approval leaves out, against a plain evaluator that works person by person."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.archive_runs import MANAGER, Person, write_people
from trueup.transforms.approval.left_out import NEEDED_TO_CREATE, Selection, compute
from trueup.transforms.errors import Misused
from trueup.transforms.run_files import RunFiles

KEYS = ["k0", "k1", "k2", "k3", "k4"]
NAMES = ["n0", "N1", "n2", "n3"]
Unit = tuple[str, str]


@st.composite
def people(draw: st.DrawFn) -> list[Person]:
    """Five people with names, managers and titles drawn from few values, so that they meet."""
    found = []
    for key in KEYS:
        decision = draw(st.sampled_from(["create", "update", "update", "delete", "hold"]))
        held = draw(st.sampled_from(NAMES))
        changes: dict[str, tuple[str | None, str | None]] = {}
        before = None if decision == "create" else held
        if decision in ("create", "update"):
            if decision == "create" or draw(st.booleans()):
                changes["userName"] = (before, draw(st.sampled_from(NAMES)))
            if draw(st.booleans()):
                changes[MANAGER] = (None, draw(st.sampled_from(KEYS)))
            if draw(st.booleans()):
                changes["title"] = ("x", "y")
        found.append(Person(key, decision, changes, user_name=f"{key}@x", profile_id=f"p-{key}", holds=held))
    return found


WORDS = st.lists(st.sampled_from([*KEYS, "userName", "title", MANAGER, "create", "update", "delete"]), max_size=2)


def evaluate(everybody: list[Person], only: list[str], exclude: list[str]) -> set[Unit]:
    """The units left out: repeat the rules until nothing more follows."""
    written = [one for one in everybody if one.decision != "hold"]
    units = {(one.key, "") for one in written} | {(one.key, path) for one in written for path in one.changes}
    by_key = {one.key: one for one in written}
    out = {unit for unit in units if _is_chosen_out(unit, by_key[unit[0]], only, exclude)}
    while True:
        more = {unit for unit in units - out if _depends(unit, by_key, out)}
        if not more:
            break
        out |= more
    whole = {key for key, path in out if not path}
    return {(key, path) for key, path in out if not path or key not in whole}


def _is_chosen_out(unit: Unit, person: Person, only: list[str], exclude: list[str]) -> bool:
    key, path = unit
    if (not path and (key in exclude or person.decision in exclude)) or path in exclude:
        return True
    keys = [word for word in only if word in KEYS]
    decisions = [word for word in only if word in ("create", "update", "delete")]
    paths = [word for word in only if word not in keys + decisions]
    if not path:
        by_person = (keys and key not in keys) or (decisions and person.decision not in decisions)
        return bool(by_person or (paths and person.decision == "delete"))
    return bool(paths and person.decision != "delete" and path not in paths)


def _depends(unit: Unit, by_key: dict[str, Person], out: set[Unit]) -> bool:
    key, path = unit
    person = by_key[key]
    if not path:
        return person.decision == "create" and any((key, need) in out for need in NEEDED_TO_CREATE)
    before, after = person.changes[path]
    for other in by_key.values():
        if other.key == key:
            continue
        if other.decision == "create" and after == other.key and (other.key, "") in out:
            return True
        if path == "userName" and before != after and _keeps(other, after, out):
            return True
    return False


def _keeps(other: Person, name: str | None, out: set[Unit]) -> bool:
    """Whether ``other`` was to give ``name`` up and now does not."""
    if name is None:
        return False
    if other.decision == "delete":
        return (other.holds or "").lower() == name.lower() and (other.key, "") in out
    before, after = other.changes.get("userName", (None, None))
    if before is None or before == after or before.lower() != name.lower():
        return False
    return bool({(other.key, ""), (other.key, "userName")} & out)


@settings(max_examples=80, deadline=None)
@given(everybody=people(), only=WORDS, exclude=WORDS)
def test_what_is_left_out_is_what_the_rules_say_and_nothing_else(
    everybody: list[Person], only: list[str], exclude: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = RunFiles(Path(folder))
        write_people(files, everybody)
        expected = evaluate(everybody, only, exclude)
        known = {*KEYS, *(path for one in everybody for path in one.changes), "userName", "title"}
        understood = known.issuperset({*only, *exclude} - {"create", "update", "delete"})
        try:
            found = compute(files, [Selection(tuple(only), tuple(exclude))], unique=("userName",))
        except Misused:
            found = None
        if found is None:
            assert not understood or not accepted(everybody, expected)
            return
        assert understood
        assert {(row.key, row.attribute or "") for row in found.rows} == expected
        assert all(row.because for row in found.rows)


def accepted(everybody: list[Person], out: set[Unit]) -> set[Unit]:
    """Changes and deletions that are not left out."""
    changes = {(one.key, path) for one in everybody for path in one.changes}
    deletions = {(one.key, "") for one in everybody if one.decision == "delete"}
    return {unit for unit in changes | deletions if unit not in out and (unit[0], "") not in out}
