"""Two random days at a real directory: taking the second back leaves every managed attribute as after the first."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.support.first_night import profile_before
from tests.support.other_scim import ENTERPRISE, Other, serving
from tests.support.plan_world import user
from tests.support.sandbox import close, shared
from tests.support.scim_directory import TOKEN
from tests.support.scim_nights import Nights
from trueup.sandbox import DirectoryData

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = ("ada", "bea", "cyd", "dan", "eve", "fay", "gus", "hal")
"""Many in a few plans: a plan costs more than a person does."""
_TEXT = st.sampled_from(["Clerk", "Chief", 'Ö; "x"', None])


@pytest.fixture(scope="module", autouse=True)
def _one_sandbox() -> Iterator[None]:
    yield
    close()


def named(key: str, name: str, *, enabled: bool = True) -> dict[str, Any]:
    return user(key, userPrincipalName=f"{name}@x.example", accountEnabled=enabled)


@st.composite
def days(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The people of one day; user names may be swapped and managers form circles."""
    names = draw(st.permutations(KEYS))
    return [
        user(
            key,
            userPrincipalName=f"{name}@x.example",
            jobTitle=draw(_TEXT),
            department=draw(_TEXT),
            manager=draw(st.sampled_from([*(k for k in KEYS if k != key), None])),
            accountEnabled=draw(st.booleans()),
        )
        for key, name in zip(KEYS, names, strict=True)
    ]


@settings(
    max_examples=3,
    phases=(Phase.explicit, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(first=days(), second=days())
@example(
    # Taken back, Ada is made inactive and gets back the user name Bea holds, all in one step.
    first=[named("ada", "ada", enabled=False), named("bea", "bea")],
    second=[named("ada", "bea"), named("bea", "ada")],
)
def test_applied_and_taken_back_every_managed_attribute_is_as_before(
    first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    sandbox, _ = shared()
    sandbox.directory.begin_again(DirectoryData((), TOKEN))
    with tempfile.TemporaryDirectory() as folder:
        nights = Nights(Path(folder), sandbox.scim_url, [one | {"accountEnabled": True} for one in first])
        nights.night()
        nights.users = first
        nights.night()
        before = sandbox.directory.profiles()
        nights.users = second
        changed = nights.night()
        back = nights.roll_back(changed.run)
        assert (back.result.failed, back.result.skipped) == (0, 0), [
            r for r in back.result.records if r["result"] != "applied"
        ]
        assert [_plain(one) for one in sandbox.directory.profiles()] == [_plain(one) for one in before]


def _plain(profile: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in profile.items() if value not in (None, [], {}, "")}


def test_a_deletion_is_taken_back_and_that_again_with_everybody_pointing_at_who_is_there(tmp_path: Path) -> None:
    with serving(Other()) as directory:
        boss = directory.add(profile_before("boss", locale="de-CH", addresses=[{"type": "work", "locality": "Bern"}]))
        directory.add(profile_before("ann", **{ENTERPRISE: {"department": "Sales", "manager": {"value": boss}}}))
        nights = Nights(tmp_path, directory.url, [user("boss"), user("ann", manager="boss")])
        nights.world.set(deprovision={"leavers": "delete"})
        nights.night()
        before = _plain(directory.people[boss])
        nights.users[0]["accountEnabled"] = False
        # Everybody left has a manager, and whoever comes back has none: what is read back has room for that.
        gone = nights.night()
        assert [one["externalId"] for one in directory.people.values()] == ["ann"]
        back = nights.roll_back(gone.run)
        found = {one["externalId"]: one for one in directory.people.values()}
        assert _plain(found["boss"]) | {"id": boss} == before
        assert found["ann"][ENTERPRISE]["manager"]["value"] == found["boss"]["id"] != boss
        nights.roll_back(back.run, delete_created=True)
        assert [one["externalId"] for one in directory.people.values()] == ["ann"]
