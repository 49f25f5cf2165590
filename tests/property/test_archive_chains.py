from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.archive_runs import AT, archive_in, manifest_of
from trueup.connectors.archive import add_act, check_archive, check_run, seal
from trueup.connectors.archive.records import content_sha256, rendered, signed, unsigned_problem
from trueup.transforms.errors import Refused
from trueup.transforms.vocabulary import Act, Kind

if TYPE_CHECKING:
    from trueup.transforms.run_files import RunFiles

STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "seal", "act"]), st.integers(0, 9), st.sampled_from(list(Act))),
    min_size=3,
    max_size=14,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


FLIP = st.tuples(st.integers(0), st.integers(0), st.integers(0, 7))


@settings(max_examples=12)
@given(steps=STEPS, flip=FLIP)
@example(
    steps=[("begin", 0, Act.APPROVED), ("seal", 0, Act.APPROVED), ("act", 0, Act.REJECTED), ("act", 0, Act.APPROVED)],
    flip=(0, 0, 0),
).via("an approval after the end")
def test_whatever_happens_in_whatever_order_is_one_chain_and_any_flipped_bit_shows(
    steps: list[tuple[str, int, Act]], flip: tuple[int, int, int]
) -> None:
    one_chain_that_shows_a_flipped_bit(steps, flip)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(max_examples=400)
@given(steps=STEPS, flip=FLIP)
def test_the_same_four_hundred_times(steps: list[tuple[str, int, Act]], flip: tuple[int, int, int]) -> None:
    one_chain_that_shows_a_flipped_bit(steps, flip)


def add_unless_over(files: RunFiles, act: Act, who: str, acts: dict[str, list[Act]]) -> None:
    """Any act can follow any other, but for an approval after the end."""
    before = acts.setdefault(files.run_id, [])
    if act is Act.APPROVED and {Act.REJECTED, Act.SUPERSEDED} & {*before}:
        with pytest.raises(Refused, match="not recorded"):
            add_act(files, act, who, at=AT)
        return
    add_act(files, act, who, at=AT)
    before.append(act)


def one_chain_that_shows_a_flipped_bit(steps: list[tuple[str, int, Act]], flip: tuple[int, int, int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive = archive_in(Path(folder))
        open_runs: list[RunFiles] = []
        sealed: list[RunFiles] = []
        acts: dict[str, list[Act]] = {}
        for number, (step, which, act) in enumerate(steps):
            if step == "begin":
                open_runs.append(archive.new_run(Kind.RECONCILE, AT + timedelta(seconds=which - number)))
            elif step == "seal" and open_runs:
                files = open_runs.pop(which % len(open_runs))
                files.mapping_sql.write_text(f"SELECT {number}", encoding="utf-8")
                seal(files, manifest_of(files))
                sealed.append(files)
            elif step == "act" and sealed:
                add_unless_over(sealed[which % len(sealed)], act, f"who {number}", acts)
        assert check_archive(archive.path) == []
        assert [run.run_id for run in archive.runs()] == sorted((files.run_id for files in sealed), reverse=True)
        if not sealed:
            return
        files = sealed[flip[0] % len(sealed)]
        paths = sorted(path for path in files.path.rglob("*") if path.is_file())
        path = paths[flip[1] % len(paths)]
        content = bytearray(path.read_bytes())
        content[flip[1] % len(content)] ^= 1 << flip[2]
        path.write_bytes(content)
        named = {damage.file for damage in check_run(files)}
        assert path.relative_to(files.path).as_posix() in named


@settings(max_examples=150, deadline=None)
@given(document=st.dictionaries(st.text(), JSON, max_size=5))
def test_a_record_is_taken_as_written_and_not_otherwise(document: dict[str, object]) -> None:
    try:
        content = rendered(signed(document))
    except UnicodeEncodeError:  # lone surrogates are not text
        return
    assert unsigned_problem(content) == ""
    assert unsigned_problem(content + b" ") != ""
    assert unsigned_problem(content.rstrip()) != ""
    changed = {**signed(document), "more": 1}
    if "more" not in document:
        assert unsigned_problem(rendered(changed)) != ""


@given(document=st.dictionaries(st.text(), JSON, max_size=5))
@settings(max_examples=60, deadline=None)
def test_the_hash_of_a_record_does_not_depend_on_the_order_of_its_keys(document: dict[str, object]) -> None:
    try:
        expected = content_sha256(document)
    except UnicodeEncodeError:
        return
    assert content_sha256(dict(reversed(list(document.items())))) == expected
