"""What was learnt of a target is used until its schema changes or somebody says forget; then it is tried anew."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.first_night import profile_before
from tests.support.plan_world import user
from tests.support.sandbox import close, shared
from tests.support.scim_directory import TOKEN
from tests.support.scim_nights import Nights, writes
from trueup.sandbox import DirectoryData, Weaknesses
from trueup.transforms.history import History, last_learned
from trueup.transforms.manifest import ActRecord
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORGETFUL = Weaknesses(discovery="missing", drops=("title",), lower_cases=("nickName",))


@pytest.fixture(autouse=True, scope="module")
def _one_sandbox() -> Iterator[None]:
    yield
    close()


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    """After a night on a directory that drops titles and lowers nicknames, which was mended since."""
    sandbox, _ = shared()
    before = tuple(profile_before(f"u{n}", id=f"p{n}") for n in range(4))
    sandbox.directory.begin_again(DirectoryData(before, TOKEN))
    sandbox.directory.weaknesses = FORGETFUL
    nights = Nights(tmp_path, sandbox.scim_url, [user(f"u{n}", jobTitle="Head", nick="Nick") for n in range(4)])
    first = nights.night()
    assert {(attribute, kind) for (_, attribute), kind in first.residual.items()} == {
        ("title", "not_kept"),
        ("nickName", "normalised"),
    }
    assert writes(nights.plan()) == {}
    sandbox.directory.weaknesses = FORGETFUL.but(drops=(), lower_cases=())
    assert writes(nights.plan()) == {}, "nothing says that the directory was mended"
    return nights


def learned(nights: Nights) -> object:
    return last_learned(History(tuple(nights.world.runs)), digest=nights.world.schema.digest)


def forget(nights: Nights) -> None:
    run = nights.world.runs[0]
    act = ActRecord(act=Act.FORGOTTEN, number=len(run.acts) + 1, at=nights.world.at, who="tester", previous_sha256="")
    nights.world.runs[0] = replace(run, acts=(*run.acts, act))


def test_what_was_not_kept_is_tried_again_once_it_is_forgotten(nights: Nights) -> None:
    assert learned(nights) is not None
    forget(nights)
    assert learned(nights) is None
    again = nights.night()
    assert set(writes(again.planned)) == {"u0", "u1", "u2", "u3"}
    assert again.residual == {}
    assert {one["title"] for one in shared()[0].directory.profiles()} == {"Head"}
    assert {one["nickName"] for one in shared()[0].directory.profiles()} == {"Nick"}
    assert learned(nights) is not None, "the night after it has learnt anew"
    assert writes(nights.plan()) == {}


def test_another_schema_of_the_target_forgets_as_well(nights: Nights) -> None:
    shared()[0].directory.weaknesses = Weaknesses()
    planned = nights.plan()
    assert learned(nights) is None
    assert set(writes(planned)) == {"u0", "u1", "u2", "u3"}
    assert nights.apply(planned).residual == {}
    assert learned(nights) is not None


def test_what_is_learnt_in_a_run_after_it_was_told_to_forget_counts(nights: Nights) -> None:
    """A run that waited, or was interrupted, is applied after somebody forgot."""
    forget(nights)
    run = nights.world.runs[0]
    later = run.acts[0].model_copy(update={"number": 3})
    nights.world.runs[0] = replace(run, acts=(*run.acts, later))
    assert learned(nights) is not None
    assert writes(nights.plan()) == {}
