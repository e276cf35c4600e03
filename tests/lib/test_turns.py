import asyncio

import pytest

from emarge.lib.turns import NoTurnError, Turns


def test_so_many_at_once_and_the_others_in_order() -> None:
    async def scene() -> tuple[list[int], int]:
        turns, order, inside, most = Turns(at_once=2, waiting=10, seconds=5), [], 0, 0

        async def one(number: int) -> None:
            nonlocal inside, most
            async with turns.turn():
                inside += 1
                most = max(most, inside)
                order.append(number)
                await asyncio.sleep(0.001)
                inside -= 1

        await asyncio.gather(*(one(number) for number in range(8)))
        return order, most

    assert asyncio.run(scene()) == (list(range(8)), 2)


def test_no_turn_when_too_many_wait_or_for_too_long_and_again_afterwards() -> None:
    async def scene() -> str:
        turns = Turns(at_once=1, waiting=1, seconds=0.05)
        async with turns.turn():
            patient = asyncio.create_task(anext_turn(turns))
            await asyncio.sleep(0)
            with pytest.raises(NoTurnError):
                await anext_turn(turns)
            with pytest.raises(NoTurnError):
                await patient
        return await anext_turn(turns)

    async def anext_turn(turns: Turns) -> str:
        async with turns.turn():
            return "done"

    assert asyncio.run(scene()) == "done"


def test_what_fails_in_its_turn_gives_it_back() -> None:
    async def scene() -> None:
        turns = Turns(at_once=1, waiting=1, seconds=0.05)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                async with turns.turn():
                    raise ZeroDivisionError

    asyncio.run(scene())
