"""What the functions of the vault work on: an opened vault at work, a request, its answer."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from http import HTTPStatus

from emarge.proof.vault.checking.controls import Controls
from emarge.proof.vault.errors import VaultRefused
from emarge.proof.vault.service.opened import Vault
from emarge.proof.vault.storage.reader import LogReader
from emarge.proof.vault.writing.collector import Collector

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
JSON = "application/json"
LINES = "application/x-ndjson"


@dataclass(frozen=True)
class Request:
    """What a function needs: the parts of the path, the query, the body; and what it touches, for the journal."""

    parts: dict[str, str]
    query: dict[str, list[str]]
    body: bytes
    touched: list[int]

    @property
    def log(self) -> str:
        return self.parts["log"]

    def touch(self, indexes: Iterable[int]) -> None:
        """Say which records this request reads, adds or destroys, once it is known that it may."""
        self.touched.extend(indexes)

    def one(self, name: str, default: str | None = None) -> str:
        """The only value of a query parameter; VaultRefused when it is repeated, or missing without a default."""
        values = self.query.get(name, [] if default is None else [default])
        if len(values) != 1:
            raise VaultRefused("bad_request", f"the query names one {name}")
        return values[0]

    def number(self, name: str, default: int) -> int:
        """A whole number of the query; VaultRefused when it is none."""
        text = self.one(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 19):  # noqa: PLR2004 - below 2^63
            raise VaultRefused("bad_request", f"{name} is a whole number")
        return int(text)


@dataclass(frozen=True)
class Answer:
    body: bytes
    kind: str = JSON
    status: int = HTTPStatus.OK
    code: str = ""
    """Of the refusal, if it is one."""


class Serving:
    """A vault at work: one collector for each log. ``fatal`` is called when a log can no longer be written."""

    def __init__(self, vault: Vault, fatal: Callable[[BaseException], None], controls: Controls) -> None:
        self.vault = vault
        self.fatal = fatal
        self.controls = controls
        self._collectors: dict[str, Collector] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening = asyncio.Lock()
        for name in vault.writers:
            self._collect(name)

    async def open(self, name: str) -> Collector:
        """The collector of a log, which begins when it is new; VaultRefused when it must not."""
        async with self._opening:
            await asyncio.to_thread(self.vault.open_log, name)
            if name not in self._collectors:
                self._collect(name)
        return self._collectors[name]

    def knows(self, name: str) -> bool:
        return name in self._collectors

    def collector(self, name: str) -> Collector:
        if name not in self._collectors:
            raise VaultRefused("unknown_log", "there is no such log")
        return self._collectors[name]

    async def reader(self, name: str) -> tuple[LogReader, int]:
        """A reader of the log and its size, once what was sequenced is published."""
        collector = self.collector(name)
        size = await collector.settled()
        return LogReader(collector.writer.log.folder), size

    def mirror(self) -> dict[str, str]:
        """For /health: the worst of what the logs know of the mirror, nothing when there is none."""
        if self.vault.mirroring is None:
            return {}
        states = {one.follower.state for one in self._collectors.values() if one.follower}
        return {"mirror": _worst(states)}

    def witnesses(self) -> dict[str, dict[str, str]]:
        """For /health: the worst of what the logs know of each witness, nothing when there is none."""
        known = [one.witnesses.states for one in self._collectors.values() if one.witnesses]
        words = {name: _worst({states[name] for states in known}) for name in (known[0] if known else {})}
        return {"witnesses": words} if self.vault.witnesses else {}

    def start(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        """Run something beside the requests; whatever it raises is fatal for the vault."""
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._ended)
        return task

    def dated(self) -> dict[str, str]:
        """For /health: the worst of what the logs know of the service that dates them, nothing when there is none."""
        states = {one.dater.state for one in self._collectors.values() if one.dater}
        worst = next((state for state in ("unavailable", "due") if state in states), "current")
        return {"dated": worst} if self.vault.dating else {}

    async def stop(self) -> None:
        """Finish what was taken, take nothing more."""
        for collector in self._collectors.values():
            collector.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _collect(self, name: str) -> None:
        collector = self._collectors[name] = Collector(self.vault.writers[name])
        if self.vault.mirror and self.vault.mirroring:
            collector.follow(self.vault.mirror, self.vault.mirroring)
        if self.vault.witnesses:
            collector.be_witnessed(self.vault.witnesses)
        if self.vault.dating:
            collector.be_dated(self.vault.dating, self.vault.dated(name))
        self._tasks.add(self.start(collector.run()))

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()):
            self.fatal(error)


def _worst(states: set[str]) -> str:
    return next((state for state in ("unavailable", "behind") if state in states), "held")
