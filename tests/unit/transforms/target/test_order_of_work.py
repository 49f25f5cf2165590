"""Unique values are freed before they are taken, whatever waits for whom."""

from __future__ import annotations

from hypothesis import given
from hypothesis import settings as rules
from hypothesis import strategies as st

from tests.support.plan_world import World, profile, user
from trueup.transforms.work import order, passing_value, plan_work

people = st.integers(0, 11)


def edges_of(names: list[int]) -> list[tuple[str, str, str]]:
    """Everybody ``i`` moves from name ``i`` to ``names[i]``."""
    return [(f"k{i}", f"k{n}", "userName") for i, n in enumerate(names) if n != i and n < len(names)]


@rules(max_examples=200, deadline=None)
@given(st.permutations(range(9)).map(list))
def test_any_exchange_of_names_can_be_written_in_this_order(names: list[int]) -> None:
    ordering = order(edges_of(names))
    held = {f"k{i}": str(i) for i in range(len(names))}
    for key in ordering.aside:
        held[key] = passing_value(key, held[key])
    late = [f"k{i}" for i in range(len(names)) if f"k{i}" not in ordering.ranks]
    turns = sorted(ordering.ranks, key=lambda key: (ordering.ranks[key], key))
    for key in [*turns, *late]:
        wanted = str(names[int(key[1:])])
        assert wanted not in {value for other, value in held.items() if other != key}
        held[key] = wanted
    assert sorted(held.values()) == sorted(str(i) for i in range(len(names)))


@rules(max_examples=100, deadline=None)
@given(st.lists(st.tuples(people, people, st.sampled_from(["userName", "externalId"])), max_size=25))
def test_any_tangle_ends_and_gives_every_freer_a_turn(tangle: list[tuple[int, int, str]]) -> None:
    edges = [(f"k{taker}", f"k{freer}", attribute) for taker, freer, attribute in tangle if taker != freer]
    ordering = order(edges)
    assert set(ordering.ranks) == {freer for _, freer, _ in edges}
    assert set(ordering.aside) <= set(ordering.ranks)
    for taker, freer, _ in edges:
        if taker in ordering.ranks and freer not in ordering.aside:
            assert ordering.ranks[freer] < ordering.ranks[taker]


def test_without_exchange_nobody_has_a_turn() -> None:
    assert order([]).ranks == {}


def test_an_address_is_given_up_before_somebody_else_gets_it(world: World) -> None:
    """As a user name is; for a title, which two people may share, nobody waits."""
    world.users = [user("ann", mail="new@x.example", jobTitle="Boss"), user("bob", mail="ann@x.example")]
    world.profiles = [profile("p1", "ann"), profile("p2", "bob", title="Boss")]
    work = plan_work(world.plan().files)
    assert [[one.key for one in turn] for turn in work.freeing()] == [["ann"]]
    assert [one.key for one in work.phase("updates")] == ["bob"]
    work.close()


def test_an_external_id_is_given_up_before_somebody_else_gets_it(world: World) -> None:
    world.set(matching={"by": ["userName"]})
    world.mapped["externalId"] = lambda one: {"ann": "new", "bob": "e1"}[one["id"]]
    world.users = [user("ann"), user("bob")]
    world.profiles = [profile("p1", "ann", externalId="e1"), profile("p2", "bob", externalId="e2")]
    work = plan_work(world.plan().files)
    assert [[one.key for one in turn] for turn in work.freeing()] == [["ann"]]
    assert [one.key for one in work.phase("updates")] == ["bob"]
    work.close()


def test_a_passing_value_is_always_the_same_and_stays_an_address() -> None:
    first = passing_value("k", "ada@x.example")
    assert first == passing_value("k", "ada@x.example")
    assert first.endswith("-ada@x.example")
    assert first != passing_value("other", "ada@x.example")
    assert passing_value("k", None).startswith("moving-")
