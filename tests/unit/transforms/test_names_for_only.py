"""Names for ``plan --only`` against an earlier run: who is known, and what was probably meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.plan_world import profile, user
from trueup.transforms.planning.selection import unknown_in

if TYPE_CHECKING:
    from tests.support.plan_world import World

ID = "00000000-0000-0000-0000-00000000000"


def test_a_slip_of_a_letter_is_told_from_a_name_that_may_be_new(world: World) -> None:
    world.users = [user("annabelle.lee"), user("bob"), user(f"{ID}1", userPrincipalName="carl.jones@x.example")]
    world.of("bob")["mail"] = "robert@x.example"
    world.profiles = [profile("stray", "stray.profile")]
    files = world.plan().files
    given = [
        "ANNABELLE.LEE@x.example",
        "profile:stray",
        "stray.profile@x.example",
        f"{ID}1",
        "Robert@x.example",
        "anabele.lee@x.example",
        "bob@x.exmaple",
        "bop@x.example",
        f"{ID}2",
        "profile:strey",
        "somebody.else@x.example",
    ]
    found = {one.name: (one.close, one.is_slip) for one in unknown_in(files, given)}
    assert found == {
        "anabele.lee@x.example": (("annabelle.lee@x.example",), True),
        "bob@x.exmaple": (("bob@x.example",), True),
        "bop@x.example": (("bob@x.example",), False),
        f"{ID}2": ((), False),
        "profile:strey": ((), False),
        "somebody.else@x.example": ((), False),
    }


def test_somebody_is_planned_for_by_their_mail_too(world: World) -> None:
    world.users = [user("ann", mail="ann.lee@x.example"), user("bob")]
    assert world.plan(only=("Ann.Lee@x.example",)).decisions == {"ann": "create", "bob": "hold"}
