"""Fan-out of "something changed in this class meeting", from the pages' threads to the watchers' event loop.

A message carries nothing but a number: the watcher fetches what it may see through an ordinary, checked page.
"""

import asyncio
import threading
from collections import defaultdict
from itertools import count

QUEUE_SIZE = 64
_CLOSED = -1


class Subscription:
    """One watcher of one meeting: an async iterator of increasing numbers, registered as soon as it exists.

    It ends (StopAsyncIteration) when the watcher was too slow and was dropped, or after ``close()``: the
    browser reconnects and reads the page anew. Cancelling a pending ``__anext__`` loses nothing.
    """

    def __init__(self, hub: "Hub", meeting: str) -> None:
        self._hub = hub
        self._meeting = meeting
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[int] = asyncio.Queue()
        self._closed = False

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> int:
        if self._closed and self._queue.empty():
            raise StopAsyncIteration
        number = await self._queue.get()
        if number == _CLOSED:
            raise StopAsyncIteration
        return number

    def close(self) -> None:
        """Leave; harmless when it was done already. Called on the watcher's own event loop."""
        self._hub.forget(self._meeting, self)
        self._end()

    def _end(self) -> None:
        if not self._closed:
            self._closed = True
            self._queue.put_nowait(_CLOSED)

    def deliver(self, number: int) -> None:
        """Queue a message, from any thread; a watcher whose loop has gone is forgotten."""
        try:
            self._loop.call_soon_threadsafe(self._put, number)
        except RuntimeError:  # the loop is closed
            self._hub.forget(self._meeting, self)

    def _put(self, number: int) -> None:
        if self._closed:
            return
        if self._queue.qsize() >= QUEUE_SIZE:
            self._hub.forget(self._meeting, self)
            self._end()
            return
        self._queue.put_nowait(number)


class Hub:
    """Who watches which meeting. ``publish`` is called from any thread, ``subscribe`` on an event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watchers: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._numbers = count(1)

    def publish(self, meeting_uuid: str) -> None:
        """Tell every watcher of a meeting that something changed in it."""
        with self._lock:
            watchers = list(self._watchers.get(meeting_uuid, ()))
            number = next(self._numbers)
        for watcher in watchers:
            watcher.deliver(number)

    def subscribe(self, meeting_uuid: str) -> Subscription:
        """Watch a meeting from now on, on the running event loop; ``close()`` it when leaving."""
        subscription = Subscription(self, meeting_uuid)
        with self._lock:
            self._watchers[meeting_uuid].add(subscription)
        return subscription

    def forget(self, meeting_uuid: str, subscription: Subscription) -> None:
        """Stop telling a watcher."""
        with self._lock:
            watchers = self._watchers.get(meeting_uuid)
            if watchers is None:
                return
            watchers.discard(subscription)
            if not watchers:
                del self._watchers[meeting_uuid]

    def count(self, meeting_uuid: str) -> int:
        """How many watch a meeting."""
        with self._lock:
            return len(self._watchers.get(meeting_uuid, ()))


hub = Hub()
