"""Gathers the requests of many connections into batches for the one writer of a log.

A batch is up to 100 records, or what came within 5 ms; a larger request is a batch of its own. Tiles are
published when nothing came for 20 ms, when a reader waits for them, or when 1,024 entries wait.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from emarge.proof.vault.dated import DatedCheckpoints
from emarge.proof.vault.dating import Dater, Dating
from emarge.proof.vault.deposits import HELD, LOCAL_ONLY, Deposit, Receipt
from emarge.proof.vault.errors import StampUnavailable, VaultRefused, VaultUnavailable
from emarge.proof.vault.follower import Follower
from emarge.proof.vault.mirror_client import MirrorClient
from emarge.proof.vault.mirroring import Mirroring
from emarge.proof.vault.witness_client import WitnessClient
from emarge.proof.vault.witnesses import Witnesses
from emarge.proof.vault.writer import LogWriter

BATCH = 100
_GATHER = 0.005  # seconds
_IDLE = 0.02  # seconds
_MOST_UNPUBLISHED = 1024
_MOST_WAITING = 10_000  # records

logger = logging.getLogger("emarge.vault")
T = TypeVar("T")


@dataclass
class _Request:
    deposits: Sequence[Deposit]
    answer: "asyncio.Future[list[Receipt]]"


class Collector:
    """Serves one log inside an event loop. ``run`` ends when asked to stop, or raises when writing failed."""

    def __init__(self, writer: LogWriter) -> None:
        self.writer = writer
        self.follower: Follower | None = None
        self.witnesses: Witnesses | None = None
        self.dater: Dater | None = None
        self._thread = ThreadPoolExecutor(1, f"log-{writer.log.name}")
        self._waiting: deque[_Request] = deque()
        self._records = 0
        self._work = asyncio.Event()
        self._full = asyncio.Event()
        self._published = asyncio.Condition()
        self._wanted = False
        self._stopping = False

    async def deposit(self, deposits: Sequence[Deposit]) -> list[Receipt]:
        """The receipts of a request; raises VaultRefused, StampUnavailable or VaultUnavailable."""
        if self._stopping or self._records >= _MOST_WAITING:
            raise VaultUnavailable("stopping" if self._stopping else "busy")
        if self.follower:
            self.follower.admit()
        request = _Request(deposits, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._records += len(deposits)
        self._work.set()
        if self._records >= BATCH:
            self._full.set()
        receipts = await request.answer
        if self.follower is None:
            return receipts
        held = await self.follower.wait_for(max(receipt.size for receipt in receipts))
        return [replace(receipt, mirror=HELD if held else LOCAL_ONLY) for receipt in receipts]

    def follow(self, client: MirrorClient, mirroring: Mirroring) -> None:
        """Hand every checkpoint to a mirror, once this runs."""
        self.follower = Follower(self.writer, client, mirroring, self._in_thread)

    def be_witnessed(self, clients: Mapping[str, WitnessClient]) -> None:
        """Hand every published checkpoint to witnesses, by verifier key, once this runs."""
        self.witnesses = Witnesses(self.writer, clients, self._in_thread)

    def be_dated(self, dating: Dating, kept: DatedCheckpoints) -> None:
        """Have published checkpoints dated from outside, once this runs."""
        self.dater = Dater(self.writer, dating, kept, self._in_thread)

    async def settled(self) -> int:
        """Wait until what is sequenced now can be read from the files; give the published size."""
        size = self.writer.size
        async with self._published:
            while self.writer.published < size:
                if self._stopping:
                    raise VaultUnavailable("stopping")
                self._wanted = True
                self._work.set()
                await self._published.wait()
        return self.writer.published

    async def run(self) -> None:
        """Write batches until asked to stop. Whatever it raises is fatal for the vault."""
        cosigning = {one: self._start(one) for one in (self.follower, self.witnesses, self.dater) if one}
        try:
            for one in cosigning:
                await one.contacted.wait()  # a vault that was rolled back must not write first
            while not (self._stopping and not self._waiting) and not _ended(cosigning.values()):
                await self._gather()
                idle = not self._waiting
                if not idle and not _ended(cosigning.values()):
                    await self._write(self._take())
                behind = self.writer.size - self.writer.published
                if behind and (idle or self._wanted or behind >= _MOST_UNPUBLISHED):
                    await self._publish()
            if not _ended(cosigning.values()):
                await self._publish()
        finally:
            self._stopping = True
            for one, task in cosigning.items():
                one.stop()
                await asyncio.wait([task])
            self._thread.shutdown(wait=True)
            for request in self._waiting:
                _fail(request, VaultUnavailable("stopping"))
            async with self._published:
                self._published.notify_all()
        for task in cosigning.values():
            task.result()

    def stop(self) -> None:
        """Take no more requests; finish those that wait."""
        self._stopping = True
        self._work.set()
        self._full.set()

    def _start(self, cosigning: Follower | Witnesses | Dater) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(cosigning.run())
        task.add_done_callback(self._interrupt)
        return task

    def _interrupt(self, _: object) -> None:
        self._work.set()
        self._full.set()

    async def _gather(self) -> None:
        """Wait for work, then a little longer for more of it."""
        behind = self.writer.published < self.writer.size
        await _wait(self._work, _IDLE if behind else None)
        if self._waiting and not self._wanted:
            await _wait(self._full, _GATHER)
        self._work.clear()

    def _take(self) -> list[_Request]:
        batch = [self._waiting.popleft()]
        records = len(batch[0].deposits)
        while self._waiting and records + len(self._waiting[0].deposits) <= BATCH:
            batch.append(self._waiting.popleft())
            records += len(batch[-1].deposits)
        self._records -= records
        if self._waiting:
            self._work.set()
        if self._records < BATCH:
            self._full.clear()
        return batch

    async def _write(self, batch: list[_Request]) -> None:
        try:
            answers = await self._in_thread(self.writer.write, [request.deposits for request in batch])
        except StampUnavailable as error:
            for request in batch:
                _fail(request, error)
            return
        except Exception as error:
            for request in batch:
                _fail(request, VaultUnavailable("stopping") if self.writer.in_doubt else error)
            if self.writer.in_doubt:
                raise
            logger.exception("a batch of the log %s was not written", self.writer.log.name)
            return
        if self.follower:
            self.follower.wake()
        for request, answer in zip(batch, answers, strict=True):
            if isinstance(answer, VaultRefused):
                _fail(request, answer)
            elif not request.answer.done():
                request.answer.set_result(answer)

    async def _publish(self) -> None:
        self._wanted = False
        if self.follower:
            await self.follower.settle()
        await self._in_thread(self.writer.publish)
        for one in (self.witnesses, self.dater):
            if one:
                one.wake()
        async with self._published:
            self._published.notify_all()

    async def _in_thread(self, work: Callable[..., T], *values: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *values)


def _fail(request: _Request, error: Exception) -> None:
    if not request.answer.done():
        request.answer.set_exception(error)


def _ended(tasks: "Iterable[asyncio.Task[None]]") -> bool:
    return any(task.done() for task in tasks)


async def _wait(event: asyncio.Event, seconds: float | None) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
