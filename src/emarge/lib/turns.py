"""A bound on work that is done at the same time: who comes waits in order, for a while, and not beyond a number."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class NoTurnError(Exception):
    """Too many were waiting, or the wait was too long: nothing was done."""


class Turns:
    """At most ``at_once`` have their turn; at most ``waiting`` wait for theirs, each at most ``seconds``."""

    def __init__(self, *, at_once: int, waiting: int, seconds: float) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._room = waiting
        self._seconds = seconds

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and hold it; NoTurnError when there is none to be had."""
        if not self._room:
            raise NoTurnError
        self._room -= 1
        try:
            async with asyncio.timeout(self._seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise NoTurnError from error
        finally:
            self._room += 1
        try:
            yield
        finally:
            self._free.release()
