"""Who sends next, and how fast: writes before looks, in order, and no faster than the server asks for."""

from __future__ import annotations

import asyncio

from trueup.connectors.scim.responses import Answer
from trueup.connectors.scim_writer.rate_limit import Pace, Slots


def test_a_write_goes_before_looks_that_waited_longer() -> None:
    went: list[str] = []

    async def main() -> None:
        slots = Slots(1)
        await slots.take(write=False)

        async def ask(name: str) -> None:
            await slots.take(write=name.startswith("write"))
            went.append(name)
            slots.give_back()

        tasks = [asyncio.create_task(ask(name)) for name in ("look 1", "look 2", "write 1", "write 2")]
        await asyncio.sleep(0)
        slots.give_back()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert went == ["write 1", "write 2", "look 1", "look 2"]


def test_never_more_are_under_way_than_there_are_slots() -> None:
    under_way, most = 0, 0

    async def main() -> None:
        slots = Slots(3)

        async def ask(number: int) -> None:
            nonlocal under_way, most
            await slots.take(write=number % 2 == 0)
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1
            slots.give_back()

        await asyncio.gather(*(ask(number) for number in range(20)))
        for _ in range(3):
            await slots.take(write=True)

    asyncio.run(main())
    assert most == 3


def test_whoever_gives_up_takes_no_slot_along() -> None:
    async def main() -> None:
        slots = Slots(1)
        await slots.take(write=True)
        waiting = asyncio.create_task(slots.take(write=True))
        handed = asyncio.create_task(slots.take(write=True))
        await asyncio.sleep(0)
        waiting.cancel()
        slots.give_back()
        handed.cancel()
        assert [
            isinstance(end, asyncio.CancelledError)
            for end in await asyncio.gather(waiting, handed, return_exceptions=True)
        ] == [True, True]
        async with asyncio.timeout(5):
            await slots.take(write=False)

    asyncio.run(main())


def test_a_server_that_asks_for_less_gets_half_each_time_and_at_least_a_sixty_fourth_until_it_is_content() -> None:
    pace, busy = Pace(50), Answer(429, {"retry-after": "0"})
    assert pace.rate == 50
    for halves in range(1, 9):
        pace.slow(busy, 0)
        assert pace.rate == 50 / 2 ** min(halves, 6)
    pace.good()
    assert pace.rate == 50 / 64 + 1
    for _ in range(50):
        pace.good()
    assert pace.rate == 50
