"""Which class meetings changed: from the threads that write to the event loop that tells the watchers.

Publishing is a name in a dictionary: it costs a signature nothing, however many watch.
"""

import threading
from collections.abc import Callable


class Hub:
    """What changed since it was last taken. ``publish`` is called from any thread, and never waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed: dict[str, str] = {}
        self._doubtful = False
        self._wake: Callable[[], object] | None = None

    def publish(self, base: str, meeting: str) -> None:
        """Say that something changed in a class meeting (UUIDs); forgotten at once when no stream is open here."""
        with self._lock:
            if self._wake is None:
                return
            first = not self._changed
            self._changed[meeting] = base
            if first:
                self._call()

    def doubt(self) -> None:
        """Say that changes may have been missed, nobody knows where."""
        with self._lock:
            if self._wake is not None:
                self._doubtful = True
                self._call()

    def was_doubtful(self) -> bool:
        """Whether changes may have been missed since this was asked last."""
        with self._lock:
            doubtful, self._doubtful = self._doubtful, False
        return doubtful

    def listen(self, wake: Callable[[], object] | None) -> None:
        """Have ``wake`` called, from any thread, at the first change after each ``take``; None: no more."""
        with self._lock:
            self._wake = wake
            self._changed.clear()
            self._doubtful = False

    def take(self) -> dict[str, str]:
        """The class meetings that changed, each with its base."""
        with self._lock:
            taken, self._changed = self._changed, {}
        return taken

    def _call(self) -> None:
        try:
            if self._wake is not None:
                self._wake()
        except RuntimeError:  # the event loop that listened is closed
            self._wake = None


hub = Hub()
