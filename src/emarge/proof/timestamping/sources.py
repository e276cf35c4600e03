"""Where time comes from: what a source says, and the thread that keeps asking it.

Each source is asked in a thread of its own, so that one that hangs holds up nobody: what it said last grows old,
and an old word does not count.
"""

import logging
import threading
import time
from typing import NamedTuple, Protocol

from emarge.proof.timestamping.quorum import Interval

# Nanoseconds added on both sides of what a source says: it comes through another process and a busy scheduler.
ALLOWANCE = 5_000_000
MILLISECOND, SECOND = 1_000_000, 1_000_000_000

_TRIES = 5
_CLOSE = MILLISECOND
_RETRY_SECONDS = 1.0
_log = logging.getLogger("emarge.timestamping")


class Instant(NamedTuple):
    """One instant on both clocks of this machine, in nanoseconds."""

    raw: int
    """CLOCK_MONOTONIC_RAW: the quartz, which nobody sets or slews."""
    system: int
    """The system clock, since 1970."""


def instant() -> Instant:
    """Now. The two clocks are read together: a process stopped in between would look like a clock that stepped."""
    best, width = Instant(0, 0), None
    for _ in range(_TRIES):
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        system = time.time_ns()
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        if width is None or after - before < width:
            best, width = Instant((before + after) // 2, system), after - before
        if width < _CLOSE:
            break
    return best


class SourceSilent(Exception):  # noqa: N818 - a state of the source: it is asked again
    """The source says no time now; the text says why."""


class Observation(NamedTuple):
    """At the instant ``raw`` of the quartz, the source says that the true time is within ``interval``."""

    raw: int
    interval: Interval


class Source(Protocol):
    """An external source of time. Only ever read: Émarge sets no clock."""

    @property
    def name(self) -> str: ...

    @property
    def address(self) -> str:
        """Where it is reached, for people."""
        ...

    @property
    def pause(self) -> float:
        """Seconds to wait before asking again; zero for a source that speaks when it has something to say."""
        ...

    def observe(self) -> Observation:
        """What it says now. Blocks for some seconds at most; raises `SourceSilent`."""
        ...

    def close(self) -> None: ...


class Watched(NamedTuple):
    """The last word of a source, and why there is none since."""

    observation: Observation | None
    fault: str | None


class Watch:
    """Asks one source again and again, in a thread of its own."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._watched = Watched(None, "It has not spoken yet.")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"time source {source.name}", daemon=True)

    @property
    def last(self) -> Watched:
        return self._watched

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Ask the thread to end and wait for at most ``timeout`` seconds: it may be inside a hung call."""
        self._stopping.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.wait(self._ask()):
            pass
        self.source.close()

    def _ask(self) -> float:
        """Ask once, and say how long to wait before the next time (seconds)."""
        try:
            self._watched = Watched(self.source.observe(), None)
        except SourceSilent as silent:
            self._watched = self._watched._replace(fault=str(silent))
            return _RETRY_SECONDS
        except Exception:  # noqa: BLE001 - a source that breaks otherwise is silent, and the others go on
            _log.exception("the time source %s failed", self.source.name)
            self._watched = self._watched._replace(fault="It failed; the log says how.")
            return _RETRY_SECONDS
        return self.source.pause
