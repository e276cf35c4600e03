"""Hands each checkpoint of a log to the mirror, and knows what the mirror holds (docs/formats/mirror.md).

While the mirror works on one checkpoint the log goes on: the next one brings everything written meanwhile.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from emarge.proof.vault.destruction.destructions import Destroyed
from emarge.proof.vault.errors import CheckpointError, CorruptVault, VaultRefused, VaultUnavailable
from emarge.proof.vault.mirror.client import MirrorClient, SecondHistoryError
from emarge.proof.vault.mirror.wire import Info, Upload
from emarge.proof.vault.setup.mirroring import SYNC, Mirroring
from emarge.proof.vault.writing.writer import Handover, LogWriter

PATIENCE = 2.0  # seconds without an answer, after which a record is acknowledged local only, or not at all
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 1.0  # seconds between two tries
_MOST_STEPS = 3  # times that the mirror may say in a row that it stands elsewhere

logger = logging.getLogger("emarge.vault")
T = TypeVar("T")


class InThread(Protocol):
    """Runs a function in the thread that alone touches the log."""

    def __call__(self, work: Callable[..., T], *values: Any) -> Awaitable[T]: ...


class Follower:
    """Follows one log inside an event loop. ``run`` ends when asked to stop, or raises CorruptVault.

    ``held`` is the largest size that the mirror has cosigned since the start, ``late`` whether somebody waited
    for it in vain since it had everything.
    """

    def __init__(self, writer: LogWriter, client: MirrorClient, mirroring: Mirroring, in_log: InThread) -> None:
        self._writer = writer
        self._client = client
        self._mirroring = mirroring
        self._in_log = in_log
        self._thread = ThreadPoolExecutor(1, f"mirror-{writer.log.name}")
        self._place: Info | None = None
        self._work = asyncio.Event()
        self._work.set()
        self._changed = asyncio.Condition()
        self._stopping = asyncio.Event()
        self._failed = False
        self.contacted = asyncio.Event()
        self.held = -1
        self.forgotten: set[str] = set()
        """The orders whose destruction the mirror knows, since the last failure."""
        self._refused: set[str] = set()
        self.late = False

    @property
    def state(self) -> str:
        """One word for /health."""
        if self.late:
            return "unavailable"
        return "held" if self.held >= self._writer.size else "behind"

    def admit(self) -> None:
        """Let new records in; under ``sync``, VaultUnavailable while the mirror is away."""
        if self.late and self._mirroring.policy == SYNC:
            raise VaultUnavailable("mirror_unavailable")

    async def wait_for(self, size: int) -> bool:
        """Whether the mirror holds the first ``size`` records, for which a moment is waited.

        Under ``sync`` the answer is never False: raises VaultUnavailable. So does a vault that stops.
        """
        await self._settle(size)
        if self._failed:
            raise VaultUnavailable("stopping")
        if self.held < size and self._mirroring.policy == SYNC:
            raise VaultUnavailable("mirror_unavailable")
        return self.held >= size

    async def settle(self) -> None:
        """Wait a moment for the mirror to hold everything, so that the published checkpoint has its line."""
        await self._settle(self._writer.size)

    def wake(self) -> None:
        """There is more to hand over."""
        self._work.set()

    def stop(self) -> None:
        """Hand over nothing more."""
        self._stopping.set()
        self._work.set()

    async def run(self) -> None:
        """Follow the log until asked to stop; CorruptVault when the mirror holds another history."""
        failures = 0
        try:
            while not self._stopping.is_set():
                await self._work.wait()
                self._work.clear()
                while (self.held < self._writer.size or self._untold()) and not self._stopping.is_set():
                    try:
                        if self.held < self._writer.size:
                            await self._follow()
                        else:
                            await self._tell()
                        failures = 0
                    except (VaultUnavailable, VaultRefused, CheckpointError) as error:
                        failures += 1
                        self._place = None
                        self.forgotten.clear()
                        self._report(error, failures)
                    self.contacted.set()
                    await self._notify()
                    if failures:
                        await self._pause(min(_FIRST_WAIT * 2 ** (failures - 1), _LONGEST_WAIT))
        except SecondHistoryError as error:
            raise CorruptVault(f"{self._writer.log.name}: {error}") from error
        finally:
            self._failed = True
            self.contacted.set()
            self._thread.shutdown(wait=True)
            await self._notify()

    async def _follow(self) -> None:
        """Bring the mirror to the checkpoint that the log has now."""
        place = await self._begin()
        now: Handover = await self._in_log(self._writer.handover, place.pending, place.next)
        standing = await self._in_net(self._client.add_checkpoint, min(place.pending, now.size), now.proof, now.note)
        if place.pending > now.size or (standing is not None and standing > now.size):
            raise SecondHistoryError(
                f"the mirror has seen {max(place.pending, standing or 0)} entries, and here are {now.size}: "
                "this vault was rolled back, or restored from an old copy"
            )
        if standing is not None:
            if standing == place.pending:
                raise SecondHistoryError(f"the mirror holds other entries under the same size of {now.size}")
            raise VaultUnavailable("the mirror moved meanwhile")
        lines = await self._upload(Info(now.size, place.next), now.entries)
        await self._in_net(self._writer.cosign, now, lines)
        if self.late or self._writer.published >= now.size:
            await self._in_log(self._writer.publish_line)
        self._place = Info(now.size, now.size)
        self.held = now.size
        if self.late and self.held >= self._writer.size:
            self.late = False
            logger.warning("the mirror holds all of %s again: %d entries", self._writer.log.name, self.held)

    def _untold(self) -> list[Destroyed]:
        """The certificates that the mirror has not seen, and did not refuse since the start."""
        done = self.forgotten | self._refused
        return [one for one in self._writer.destructions if one.certificate and one.uuid not in done]

    async def _tell(self) -> None:
        """Show the mirror the next certificate. One that it refuses is shown again after the next start."""
        one = self._untold()[0]
        try:
            await self._in_net(self._client.add_destruction, one.sealed.dump())
            self.forgotten.add(one.uuid)
        except VaultRefused as refusal:
            self._refused.add(one.uuid)
            logger.critical("THE MIRROR KEEPS what the order %s destroyed: %s", one.uuid, refusal.text)

    async def _begin(self) -> Info:
        """Where the mirror stands; asked at the start, and again after a failure."""
        if self._place is not None:
            return self._place
        vkey = await self._in_net(self._client.add_log, self._writer.log.vkey)
        if vkey != self._mirroring.vkey:
            raise VaultRefused("mirror_refused", "another mirror answers than the one that was configured")
        answer = await self._in_net(self._client.add_entries, Upload(self._writer.log.origin, 0, 0, ()))
        return answer if isinstance(answer, Info) else Info(0, 0)

    async def _upload(self, place: Info, first: Upload) -> bytes:
        """Send all that the mirror lacks, of which ``first`` was taken with the checkpoint; the mirror's lines."""
        steps, taken = 0, [first]
        while steps < _MOST_STEPS:
            answer = await self._send(place, taken.pop() if taken else None)
            if isinstance(answer, bytes):
                return answer
            if answer.pending != place.pending or answer.next > place.pending:
                break
            steps = 0 if answer.next > place.next else steps + 1
            place = answer
        raise VaultUnavailable("the mirror stands elsewhere than it said")

    async def _send(self, place: Info, taken: Upload | None) -> bytes | Info:
        """Send what comes next: entries, or the hashes of those that were destroyed."""
        one = self._writer.destructions.covering(place.next)
        if one is None:
            upload = taken or await self._in_log(self._writer.upload, place.next, place.pending)
            return await self._in_net(self._client.add_entries, upload)
        if one.certificate is None:
            raise VaultUnavailable("a destruction is not finished")
        upload = await self._in_log(self._writer.upload_destroyed, place.next, place.pending, one)
        return await self._in_net(self._client.add_destroyed, one.sealed.dump(), upload)

    async def _settle(self, size: int) -> None:
        def settled() -> bool:
            return self.held >= size or self.late or self._failed

        try:
            async with asyncio.timeout(PATIENCE), self._changed:
                await self._changed.wait_for(settled)
        except TimeoutError:
            self.late = True
            logger.critical(
                "THE MIRROR DOES NOT HOLD %s beyond %d entries: %s",
                self._writer.log.name,
                max(self.held, 0),
                "nothing is acknowledged" if self._mirroring.policy == SYNC else "records are acknowledged local only",
            )
            await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _in_net(self, work: Callable[..., T], *values: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *values)

    def _report(self, error: Exception, failures: int) -> None:
        if failures == 1:
            logger.warning("the mirror did not take %s, and will be asked again: %s", self._writer.log.name, error)
