"""The live streams of this process: one reading of the numbers for all watchers (docs/formats/live.md)."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection
from collections.abc import Set as AbstractSet
from dataclasses import asdict

import orjson
from django.db import close_old_connections
from django_scopes import scopes_disabled

from emarge.attendance.live import hub
from emarge.attendance.queries import Counts, counts_of

GAP_SECONDS = 0.25
"""Between two events of one class meeting: quick for the eye, and four readings a second at most."""
AT_ONCE = 25
"""Watchers who are told before whatever else is ready has its turn."""

logger = logging.getLogger("emarge.spaces")


class Watcher:
    """One open stream. It holds the last event of each class meeting that its reader has not taken yet."""

    def __init__(self) -> None:
        self._events: dict[str, bytes] = {}
        self._ready = asyncio.Event()
        self._ended = False

    def hand(self, meeting: str, event: bytes) -> None:
        """Hand over an event, in the place of an older one of the same class meeting."""
        self._events[meeting] = event
        self._ready.set()

    def end(self) -> None:
        """Have ``events`` say that there is nothing more."""
        self._ended = True
        self._ready.set()

    async def events(self, within: float) -> bytes:
        """What there is to send: events, or a comment when none came within so many seconds; nothing at the end."""
        try:
            async with asyncio.timeout(within):
                await self._ready.wait()
        except TimeoutError:
            return b": nothing new\n\n"
        if self._ended:
            return b""
        self._ready.clear()
        waiting = b"".join(self._events.values())
        self._events.clear()
        return waiting


class Streams:
    """Who watches what. Everything here runs on one event loop but the reading."""

    def __init__(self) -> None:
        self._watchers: defaultdict[str, set[Watcher]] = defaultdict(set)
        self._last: dict[str, bytes] = {}
        self._due: set[str] = set()
        self._wake = asyncio.Event()
        self._teller: asyncio.Task[None] | None = None

    def watch_meeting(self, meeting: str) -> Watcher:
        """Watch one class meeting; its state comes first."""
        watcher = self._watch(meeting)
        if meeting in self._last:
            watcher.hand(meeting, self._last[meeting])
        else:
            self._due.add(meeting)
            self._wake.set()
        return watcher

    def watch_base(self, base: str) -> Watcher:
        """Watch all class meetings of a base, from now on."""
        return self._watch(base)

    def leave(self, topic: str, watcher: Watcher) -> None:
        """Tell a watcher nothing more."""
        watchers = self._watchers[topic]
        watchers.discard(watcher)
        if not watchers:
            # What nobody watches is not kept up to date: whoever comes next has it read anew.
            del self._watchers[topic]
            self._last.pop(topic, None)

    def count(self, topic: str) -> int:
        """How many watch."""
        return len(self._watchers.get(topic, ()))

    def close(self) -> None:
        """Tell nobody anything more."""
        hub.listen(None)
        if self._teller is not None:
            self._teller.cancel()

    def _watch(self, topic: str) -> Watcher:
        if self._teller is None:
            loop = asyncio.get_running_loop()
            hub.listen(lambda: loop.call_soon_threadsafe(self._wake.set))
            self._teller = asyncio.create_task(self._tell())
        watcher = Watcher()
        self._watchers[topic].add(watcher)
        return watcher

    async def _tell(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            changed = hub.take()
            if hub.was_doubtful():
                self._end_all()
            # A class meeting that is new to its watchers has its base told nothing: nothing changed in it.
            wanted = {one for one in self._due | changed.keys() if one in self._watchers}
            wanted |= {meeting for meeting, base in changed.items() if base in self._watchers}
            self._due.clear()
            if wanted:
                await self._read_and_hand(wanted, changed)
                await asyncio.sleep(GAP_SECONDS)

    def _end_all(self) -> None:
        """Have every screen connect again, which shows it the state of now."""
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.end()

    async def _read_and_hand(self, wanted: AbstractSet[str], changed: dict[str, str]) -> None:
        try:
            found = await asyncio.to_thread(_read, wanted)
        except Exception:  # whatever the database says: the streams stay, and the next round tries again
            logger.exception("the numbers of the live streams could not be read")
            for meeting, base in changed.items():
                hub.publish(base, meeting)
            self._due.update(wanted - changed.keys())
            self._wake.set()
            return
        for meeting in wanted:
            event = _event(meeting, found.get(meeting, Counts()))
            if meeting in self._watchers:
                self._last[meeting] = event
            for topic in (meeting, changed.get(meeting, "")):
                await self._hand(topic, meeting, event)

    async def _hand(self, topic: str, meeting: str, event: bytes) -> None:
        """Hand an event to all who watch, some at a time: a signature never waits for five hundred screens."""
        watchers = tuple(self._watchers.get(topic, ()))
        for start in range(0, len(watchers), AT_ONCE):
            for watcher in watchers[start : start + AT_ONCE]:
                watcher.hand(meeting, event)
            await asyncio.sleep(0)


def _event(meeting: str, counts: Counts) -> bytes:
    return b"data: %b\n\n" % orjson.dumps({"meeting": meeting, **asdict(counts)})


def _read(meetings: Collection[str]) -> dict[str, Counts]:
    close_old_connections()  # as Django does between requests
    # Of any base: whoever watches was asked for their right to when the stream was opened.
    with scopes_disabled():
        return counts_of(meetings)
