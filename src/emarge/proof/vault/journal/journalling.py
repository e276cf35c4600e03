"""Writes the journal of a vault at work: calls that wait share one write, others share a line (journal.md)."""

import asyncio
import itertools
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from emarge.proof.vault.errors import VaultUnavailable
from emarge.proof.vault.journal import journal
from emarge.proof.vault.journal.journal import Journal

_SHARED = 0.1  # seconds that a shared line waits for more calls like it
_LOOK = 1.0  # seconds between two looks at the date

Now = Callable[[], datetime]


@dataclass(frozen=True)
class Call:
    """What a line says of a call, but for the records; empty when there is none."""

    function: str
    role: str
    log: str
    status: int
    code: str

    def fields(self) -> dict[str, Any]:
        named = {"function": self.function, "role": self.role, "log": self.log, "code": self.code}
        return {name: value for name, value in named.items() if value} | {"status": self.status}


@dataclass
class _Shared:
    calls: int = 0
    indexes: list[int] = field(default_factory=list)


class Journalling:
    """Serves one journal inside an event loop. ``run`` ends when asked to stop, or raises when writing failed.

    ``turned`` is set whenever a day is over.
    """

    def __init__(self, kept: Journal, now: Now) -> None:
        self.journal = kept
        self.turned = asyncio.Event()
        self._now = now
        self._thread = ThreadPoolExecutor(1, "journal")
        self._ids = (f"{secrets.token_hex(4)}-{number}" for number in itertools.count(1))
        self._shared: dict[Call, _Shared] = {}
        self._waiting: list[tuple[dict[str, Any], asyncio.Future[None]]] = []
        self._work = asyncio.Event()
        self._urgent = asyncio.Event()
        self._stopping = False
        self._ended = False

    def share(self, call: Call, indexes: list[int]) -> None:
        """Count a call in the line of its like, which is written within 100 ms."""
        shared = self._shared.get(call)
        if shared is None:
            shared = self._shared[call] = _Shared()
            self._work.set()
        shared.calls += 1
        shared.indexes += indexes

    async def write(self, call: Call, indexes: list[int]) -> str:
        """Write a line for a call, and give its id once the line is durable; raises VaultUnavailable."""
        if self._ended:
            raise VaultUnavailable("stopping")
        name = next(self._ids)
        fields = {**call.fields(), "calls": 1, "request": name, **journal.touched(indexes)}
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((fields, written))
        self._work.set()
        self._urgent.set()
        await written
        return name

    async def run(self) -> None:
        """Write until asked to stop. Whatever it raises is fatal for the vault."""
        try:
            while not self._stopping or self._shared or self._waiting:
                if not self._stopping:
                    await self._gather()
                await self._flush()
        finally:
            self._ended = True
            self._thread.shutdown(wait=True)
            for _, written in self._waiting:
                _fail(written)

    def stop(self) -> None:
        """Write what waits, then end."""
        self._stopping = True
        self._work.set()
        self._urgent.set()

    async def _gather(self) -> None:
        await _wait(self._work, _LOOK)
        if self._shared and not self._waiting:
            await _wait(self._urgent, _SHARED)
        self._work.clear()
        self._urgent.clear()

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        shared, self._shared = self._shared, {}
        try:
            turned = await asyncio.get_running_loop().run_in_executor(self._thread, self._write, waiting, shared)
        except BaseException:
            for _, written in waiting:
                _fail(written)
            raise
        for _, written in waiting:
            if not written.done():
                written.set_result(None)
        if turned:
            self.turned.set()

    def _write(self, waiting: list[tuple[dict[str, Any], "asyncio.Future[None]"]], shared: dict[Call, _Shared]) -> bool:
        at = self._now()
        turned = self.journal.turn(at)
        lines = [{**call.fields(), "calls": one.calls, **journal.touched(one.indexes)} for call, one in shared.items()]
        lines += [fields for fields, _ in waiting]
        if lines:
            self.journal.append(at, lines)
        return turned


def _fail(written: "asyncio.Future[None]") -> None:
    if not written.done():
        written.set_exception(VaultUnavailable("stopping"))


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
