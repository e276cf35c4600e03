"""Gathers the requests of many connections into batches for the one writer of a log.

A batch is up to 256 records, of what came while the batches before it were stamped and written; a larger request is a
batch of its own. One batch is stamped while the one before is written and the one before that goes to the mirror.
Tiles are published when nothing came for 20 ms, when a reader waits for them, or when 16,384 entries wait.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from emarge.proof.vault.errors import StampUnavailable, VaultUnavailable
from emarge.proof.vault.log.deposits import HELD, LOCAL_ONLY, Deposit, Receipt
from emarge.proof.vault.mirror.client import MirrorClient
from emarge.proof.vault.setup.mirroring import Mirroring
from emarge.proof.vault.storage.dated import DatedCheckpoints
from emarge.proof.vault.witness.client import WitnessClient
from emarge.proof.vault.writing.dating import Dater, Dating
from emarge.proof.vault.writing.follower import Follower
from emarge.proof.vault.writing.witnesses import Witnesses
from emarge.proof.vault.writing.writer import LogWriter

BATCH = 256
_GATHER = 0.002  # seconds
_IDLE = 0.02  # seconds
_UNDER_WAY = 2  # batches that are stamped or written
_MOST_UNPUBLISHED = 16_384
_MOST_WAITING = 10_000  # records

logger = logging.getLogger("emarge.vault")
T = TypeVar("T")


@dataclass
class _Request:
    deposits: Sequence[Deposit]
    uuids: frozenset[str]
    answer: "asyncio.Future[list[Receipt]]"


@dataclass
class _Batch:
    """Requests that are stamped together; ``entries`` are theirs when that is done (see `LogWriter.prepare`)."""

    requests: list[_Request]
    entries: "asyncio.Future[list[bytes] | None]"

    @property
    def deposits(self) -> list[Sequence[Deposit]]:
        return [request.deposits for request in self.requests]


class Collector:
    """Serves one log inside an event loop. ``run`` ends when asked to stop, or raises when writing failed."""

    def __init__(self, writer: LogWriter) -> None:
        self.writer = writer
        self.follower: Follower | None = None
        self.witnesses: Witnesses | None = None
        self.dater: Dater | None = None
        self._thread = ThreadPoolExecutor(1, f"log-{writer.log.name}")
        self._stamping = ThreadPoolExecutor(_UNDER_WAY, f"stamp-{writer.log.name}")
        self._waiting: deque[_Request] = deque()
        self._records = 0
        self._taken: deque[_Batch] = deque()
        self._uuids: set[str] = set()  # of what is taken
        self._room = asyncio.Semaphore(_UNDER_WAY)
        self._acknowledging: set[asyncio.Task[None]] = set()
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._work = asyncio.Event()
        self._published = asyncio.Condition()
        self._wanted = False
        self._stopping = False

    async def deposit(self, deposits: Sequence[Deposit]) -> list[Receipt]:
        """The receipts of a request; raises VaultRefused, StampUnavailable or VaultUnavailable."""
        if self._stopping or self._records >= _MOST_WAITING:
            raise VaultUnavailable("stopping" if self._stopping else "busy")
        if self.follower:
            self.follower.admit()
        uuids = frozenset(deposit.uuid for deposit in deposits)
        request = _Request(deposits, uuids, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._records += len(deposits)
        self._arrived.set()
        if self._records >= BATCH:
            self._full.set()
        return await request.answer

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
        cosigning = {one: self._start(one.run()) for one in (self.follower, self.witnesses, self.dater) if one}
        taking = None
        try:
            for one in cosigning:
                await one.contacted.wait()  # a vault that was rolled back must not write first
            taking = self._start(self._take_all())
            while (self._taken or not taking.done()) and not _ended(cosigning.values()):
                idle = not self._taken and not await self._wait_for_work()
                if self._taken:
                    await self._write_next()
                behind = self.writer.size - self.writer.published
                quiet = idle and not self._acknowledging  # whoever waits for the mirror will be back
                if behind and (quiet or self._wanted or behind >= _MOST_UNPUBLISHED):
                    await self._publish()
            if not _ended(cosigning.values()):
                await self._publish()
        finally:
            await self._end(taking, cosigning)
        for task in [*cosigning.values(), taking]:
            if not task.cancelled():
                task.result()

    async def _end(
        self,
        taking: "asyncio.Task[None] | None",
        cosigning: "Mapping[Follower | Witnesses | Dater, asyncio.Task[None]]",
    ) -> None:
        self.stop()
        if taking:
            taking.cancel()
            await asyncio.wait([taking])
        for one, task in cosigning.items():
            one.stop()
            await asyncio.wait([task])
        self._stamping.shutdown(wait=True, cancel_futures=True)
        self._thread.shutdown(wait=True)
        if self._acknowledging:
            await asyncio.wait(self._acknowledging)
        for request in [*(one for batch in self._taken for one in batch.requests), *self._waiting]:
            _fail(request, VaultUnavailable("stopping"))
        async with self._published:
            self._published.notify_all()

    def stop(self) -> None:
        """Take no more requests; finish those that wait."""
        self._stopping = True
        self._interrupt()

    def _start(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._interrupt)
        return task

    def _interrupt(self, _: object = None) -> None:
        self._arrived.set()
        self._full.set()
        self._work.set()

    async def _take_all(self) -> None:
        """Have batches stamped, a few at a time, until asked to stop and nothing waits."""
        while True:
            await self._room.acquire()
            while not (requests := self._take()):
                if self._stopping and not self._waiting:
                    return
                self._arrived.clear()
                await self._arrived.wait()
                if self._waiting and not self._wanted:
                    await _wait(self._full, _GATHER)
            deposits = [request.deposits for request in requests]
            entries = asyncio.get_running_loop().run_in_executor(self._stamping, self.writer.prepare, deposits)
            self._taken.append(_Batch(requests, entries))
            self._work.set()

    def _take(self) -> list[_Request]:
        """The requests of the next batch; one that repeats a record which is under way waits for that one."""
        taken: list[_Request] = []
        left: deque[_Request] = deque()
        records = 0
        for request in self._waiting:
            full = taken and records + len(request.deposits) > BATCH
            if full or not self._uuids.isdisjoint(request.uuids):
                left.append(request)
            else:
                taken.append(request)
                records += len(request.deposits)
        self._uuids.update(*(request.uuids for request in taken))
        self._waiting = left
        self._records -= records
        if self._records < BATCH:
            self._full.clear()
        return taken

    async def _wait_for_work(self) -> bool:
        """Wait for a batch or a reader; False when none came for a while and there is something to publish."""
        behind = self.writer.published < self.writer.size
        if behind and self._wanted:
            return True
        self._work.clear()
        return await _wait(self._work, _IDLE if behind else None)

    async def _write_next(self) -> None:
        batch = self._taken[0]
        answers: Sequence[list[Receipt] | Exception]
        try:
            entries = await batch.entries
            answers = await self._in_thread(self.writer.write, batch.deposits, entries)
        except StampUnavailable as error:
            answers = [error] * len(batch.requests)
        except Exception as error:
            if self.writer.in_doubt:
                raise
            logger.exception("a batch of the log %s was not written", self.writer.log.name)
            answers = [error] * len(batch.requests)
        if self.follower:
            self.follower.wake()
        self._taken.popleft()
        self._uuids.difference_update(*(request.uuids for request in batch.requests))
        self._room.release()
        self._arrived.set()
        task = asyncio.get_running_loop().create_task(self._acknowledge(batch.requests, answers))
        self._acknowledging.add(task)
        task.add_done_callback(self._acknowledging.discard)

    async def _acknowledge(self, requests: list[_Request], answers: Sequence[list[Receipt] | Exception]) -> None:
        """Answer the requests of a batch that was written, once the mirror, if there is one, holds it."""
        written: list[tuple[_Request, list[Receipt], int]] = []
        for request, answer in zip(requests, answers, strict=True):
            if isinstance(answer, Exception):
                _fail(request, answer)
            elif self.follower is None:
                _succeed(request, answer)
            else:
                written.append((request, answer, max(receipt.size for receipt in answer)))
        if self.follower is None or not written:
            return
        refusal = None
        try:
            await self.follower.wait_for(max(size for _, _, size in written))
        except VaultUnavailable as error:
            refusal = error
        for request, receipts, size in written:
            held = self.follower.held >= size
            if refusal and not held:
                _fail(request, refusal)
            else:
                _succeed(request, [replace(receipt, mirror=HELD if held else LOCAL_ONLY) for receipt in receipts])

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


def _succeed(request: _Request, receipts: list[Receipt]) -> None:
    if not request.answer.done():
        request.answer.set_result(receipts)


def _ended(tasks: "Iterable[asyncio.Task[None]]") -> bool:
    return any(task.done() for task in tasks)


async def _wait(event: asyncio.Event, seconds: float | None) -> bool:
    """Whether the event came in time."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
