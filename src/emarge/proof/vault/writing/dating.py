"""Shows published checkpoints of a log to an external timestamp service, at most every so many seconds.

docs/formats/log.md, *Dated checkpoints*. Nothing of this ever holds up a deposit.
"""

import asyncio
import hashlib
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from emarge.proof.vault.errors import StampUnavailable
from emarge.proof.vault.storage.dated import DatedCheckpoint, DatedCheckpoints
from emarge.proof.vault.writing.follower import InThread
from emarge.proof.vault.writing.writer import LogWriter, Published, Stamp

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 300.0  # seconds between two tries of a service that fails

logger = logging.getLogger("emarge.vault")


@dataclass(frozen=True)
class Dating:
    """Who dates checkpoints, given their SHA-256, and the seconds between two of one log."""

    stamp: Stamp
    every: float


class Dater:
    """Dates the checkpoints of one log inside an event loop.

    ``run`` ends when asked to stop, or raises DurabilityLost or CorruptVault when a token cannot be kept.
    """

    def __init__(self, writer: LogWriter, dating: Dating, kept: DatedCheckpoints, in_log: InThread) -> None:
        self._writer, self._dating, self._kept, self._in_log = writer, dating, kept, in_log
        self._thread = ThreadPoolExecutor(1, f"dated-{writer.log.name}")
        self._work = asyncio.Event()
        self._stopping = False
        self._failures = 0
        sizes = kept.sizes()
        self._size = sizes[-1] if sizes else 0
        age = kept.age(self._size) if sizes else dating.every
        self._due = time.monotonic() + dating.every - min(max(age, 0), dating.every)
        self.contacted = asyncio.Event()
        self.contacted.set()  # no write ever waits for it

    @property
    def state(self) -> str:
        """One word for /health."""
        if self._failures:
            return "unavailable"
        return "current" if self._writer.published <= self._size else "due"

    def wake(self) -> None:
        """A checkpoint was published."""
        self._work.set()

    def stop(self) -> None:
        """Ask for no date any more."""
        self._stopping = True
        self._work.set()

    async def run(self) -> None:
        """Date what is published, when its time has come, until asked to stop."""
        try:
            while not self._stopping:
                await self._wait()
                if not self._stopping:
                    await self._date()
        finally:
            self._stopping = True
            self._thread.shutdown(wait=True)

    async def _date(self) -> None:
        published: Published = await self._in_log(self._writer.published_checkpoint)
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, published)
        except StampUnavailable as error:
            self._failures += 1
            self._due = time.monotonic() + min(_FIRST_WAIT * 2 ** (self._failures - 1), _LONGEST_WAIT)
            if self._failures == 1:
                logger.critical("NOBODY OUTSIDE DATES THE LOG %s: %s", self._writer.log.name, error)
            return
        if self._failures:
            logger.warning("the log %s is dated from outside again", self._writer.log.name)
        self._size, self._failures = published.size, 0
        self._due = time.monotonic() + self._dating.every

    def _ask(self, published: Published) -> None:
        [token] = self._dating.stamp([hashlib.sha256(published.note).digest()])
        self._kept.put(DatedCheckpoint(published.size, published.note, token))

    async def _wait(self) -> None:
        """Wait for a publication, or until what was published before is due; until asked to stop in any case."""
        while not self._stopping:
            waiting = self._writer.published > self._size
            seconds = max(self._due - time.monotonic(), 0) if waiting else None
            if seconds == 0:
                return
            self._work.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._work.wait()
            except TimeoutError:
                return
