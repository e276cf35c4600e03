"""Hands each published checkpoint of a log to the witnesses, and knows what they have cosigned.

docs/formats/witness.md. Nothing of this ever holds up a deposit: it runs beside the log, one round at a time.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from emarge.proof.vault.errors import CheckpointError, CorruptVault, VaultRefused, VaultUnavailable
from emarge.proof.vault.log import cosignature
from emarge.proof.vault.mirror.client import SecondHistoryError
from emarge.proof.vault.witness.client import PATIENCE, WitnessClient
from emarge.proof.vault.writing.follower import InThread
from emarge.proof.vault.writing.writer import LogWriter, Published

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 5.0  # seconds between two tries
_MOST_STEPS = 3  # times that a witness may say in a row that it stands elsewhere

logger = logging.getLogger("emarge.vault")
T = TypeVar("T")


@dataclass
class _Asked:
    """One witness: the size that it cosigned last, and how often it failed since."""

    name: str
    client: WitnessClient
    thread: ThreadPoolExecutor
    size: int = -1
    failures: int = 0
    again_at: float = field(default=0.0)


class Witnesses:
    """The witnesses of one log inside an event loop. ``run`` ends when asked to stop, or raises CorruptVault.

    ``clients`` reach them, by verifier key.
    """

    def __init__(self, writer: LogWriter, clients: Mapping[str, WitnessClient], in_log: InThread) -> None:
        self._writer = writer
        self._in_log = in_log
        self._asked = {vkey: _asked(vkey, client) for vkey, client in clients.items()}
        self._work = asyncio.Event()
        self._work.set()
        self._changed = asyncio.Condition()
        self._stopping = False
        self._size, self._note = -1, b""
        self.contacted = asyncio.Event()

    @property
    def states(self) -> dict[str, str]:
        """One word for each witness, for /health."""
        return {one.name: self._state(one) for one in self._asked.values()}

    def wake(self) -> None:
        """A checkpoint was published."""
        self._work.set()

    def stop(self) -> None:
        """Begin no round any more."""
        self._stopping = True
        self._work.set()

    async def checkpoint(self, size: int) -> bytes | None:
        """A checkpoint of at least ``size`` entries with the lines of all witnesses that answer.

        A moment is waited for it; None when there is none.
        """

        def settled() -> bool:
            return self._size >= size or self._stopping or all(one.failures for one in self._asked.values())

        try:
            async with asyncio.timeout(PATIENCE), self._changed:
                await self._changed.wait_for(settled)
        except TimeoutError:
            return None
        return self._note if self._size >= size else None

    async def run(self) -> None:
        """Hand over what is published until asked to stop; CorruptVault when a witness has another history."""
        try:
            while not self._stopping:
                await self._wait()
                self._work.clear()
                if not self._stopping:
                    await self._round()
                self.contacted.set()
                async with self._changed:
                    self._changed.notify_all()
        finally:
            self._stopping = True
            self.contacted.set()
            for one in self._asked.values():
                one.thread.shutdown(wait=True)
            async with self._changed:
                self._changed.notify_all()

    async def _round(self) -> None:
        published: Published = await self._in_log(self._writer.published_checkpoint)
        now = time.monotonic()
        turn = {
            vkey: one
            for vkey, one in self._asked.items()
            if one.again_at <= now and (one.failures or one.size < published.size)
        }
        lines = await asyncio.gather(*(self._ask(one, vkey, published) for vkey, one in turn.items()))
        got = {vkey: line for vkey, line in zip(turn, lines, strict=True) if line}
        if got:
            self._note = await self._in_log(self._writer.witnessed, published, got)
            self._size = published.size
        for vkey in got:  # only now: who is told that a witness holds it finds its line
            self._took(self._asked[vkey], published.size)

    async def _ask(self, one: _Asked, vkey: str, published: Published) -> bytes:
        """The line of a witness under a checkpoint, empty when it gives none now."""
        try:
            line = await self._line(one, published)
            cosignature.open_line(line, self._writer.log.open(published.note).text, vkey)
        except (VaultUnavailable, VaultRefused, CheckpointError) as error:
            one.failures += 1
            one.again_at = time.monotonic() + min(_FIRST_WAIT * 2 ** (one.failures - 1), _LONGEST_WAIT)
            if one.failures == 1:
                logger.critical("THE WITNESS %s DOES NOT COSIGN %s: %s", one.name, self._writer.log.name, error)
            return b""
        except SecondHistoryError as error:
            raise CorruptVault(f"{self._writer.log.name}: the witness {one.name} refuses: {error}") from error
        return line

    def _took(self, one: _Asked, size: int) -> None:
        if one.failures:
            logger.warning("the witness %s cosigns %s again", one.name, self._writer.log.name)
        one.size, one.failures, one.again_at = size, 0, 0.0

    async def _line(self, one: _Asked, published: Published) -> bytes:
        place = min(max(one.size, 0), published.size)
        for _ in range(_MOST_STEPS):
            proof = await self._in_log(self._writer.growth, place, published.size)
            answer = await self._in_net(
                one, one.client.add_checkpoint, self._writer.log.vkey, place, proof, published.note
            )
            if isinstance(answer, bytes):
                return _own(answer, one.name)
            if answer > published.size:
                raise SecondHistoryError(
                    f"it has cosigned {answer} entries, and here are {published.size}: "
                    "this vault was rolled back, or restored from an old copy"
                )
            if answer == place:
                raise SecondHistoryError(f"it has cosigned other entries under the same size of {place}")
            place = answer
        raise VaultUnavailable("it stands elsewhere than it said")

    async def _wait(self) -> None:
        """Wait for a publication, or until a witness that failed is to be asked again."""
        late = [one.again_at for one in self._asked.values() if one.failures]
        seconds = max(min(late) - time.monotonic(), 0) if late else None
        try:
            await asyncio.wait_for(self._work.wait(), seconds)
        except TimeoutError:
            return

    async def _in_net(self, one: _Asked, work: Callable[..., T], *values: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(one.thread, work, *values)

    def _state(self, one: _Asked) -> str:
        if one.failures:
            return "unavailable"
        return "held" if one.size >= self._writer.size else "behind"


def _asked(vkey: str, client: WitnessClient) -> _Asked:
    name = cosignature.name_of(vkey)
    return _Asked(name, client, ThreadPoolExecutor(1, f"witness-{name}"))


def _own(lines: bytes, name: str) -> bytes:
    """The line of this name among those of an answer; the whole answer when there is none."""
    mine = f"— {name} ".encode()
    return next((line for line in lines.splitlines(keepends=True) if line.startswith(mine)), lines)
