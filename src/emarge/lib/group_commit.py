"""Gathers what many coroutines ask for into bursts for the one thread that writes: one commit for all of a burst."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class GroupCommit(Generic[A, B]):
    """Calls ``take`` in a thread of its own with what was asked while the burst before was written.

    ``take`` answers each ask, in order; what it raises is raised in every ask of that burst. A burst holds at
    most ``most`` asks. Used on one event loop.
    """

    def __init__(self, take: Callable[[Sequence[A]], Sequence[B]], *, most: int = 200) -> None:
        self._take = take
        self._most = most
        self._thread = ThreadPoolExecutor(1, "group-commit")
        self._waiting: list[tuple[A, asyncio.Future[B]]] = []
        self._running: asyncio.Task[None] | None = None

    async def ask(self, one: A) -> B:
        """The answer to one ask, once the transaction that holds it has ended."""
        answer: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, answer))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await asyncio.sleep(0)  # whoever is ready in this turn of the loop comes along
            while self._waiting:
                burst, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                try:
                    answers = await loop.run_in_executor(self._thread, self._take, [one for one, _ in burst])
                except Exception as error:  # noqa: BLE001 - raised where it was asked
                    for _, future in burst:
                        if not future.done():
                            future.set_exception(error)
                else:
                    for (_, future), answer in zip(burst, answers, strict=True):
                        if not future.done():
                            future.set_result(answer)
        finally:
            self._running = None

    def close(self) -> None:
        """Wait for the burst that is being written, and let the thread go."""
        self._thread.shutdown(wait=True)
