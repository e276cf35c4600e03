"""What time it is, how far that may be wrong, and who says so.

A clock gives readings: an interval with its sources and its state. The authority stamps a reading, never a
bare instant, so it does not know which clock it has.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Protocol, Self

from emarge.proof.timestamping.comparison import (
    QUARTZ,
    ClockState,
    Comparator,
    Comparison,
    Schedule,
    Standing,
    Verdict,
    nanoseconds,
)
from emarge.proof.timestamping.quorum import Interval
from emarge.proof.timestamping.sources import MILLISECOND, Instant, Source, Watch, instant
from emarge.proof.timestamping.tokens import DEMO_POLICY, MAX_ACCURACY, QUORUM_POLICY

# What a declared system clock promises: half of what a token may, so that a small step back is absorbed.
DECLARED_BOUND = timedelta(milliseconds=500)
# For a picture of the last day.
SAMPLE_EVERY = timedelta(minutes=5)
SAMPLES = timedelta(days=1) // SAMPLE_EVERY

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = 1000
_STOP_SECONDS = 1.0
_log = logging.getLogger("emarge.timestamping")


@dataclass(frozen=True, slots=True)
class Reading:
    """The true time is within ``at`` (aware UTC) ± ``bound``, under the promise of ``policy`` (an OID).

    ``bound`` is ``timedelta.max`` when nothing is known. ``limit`` is the declared accuracy: no token exceeds it.
    """

    at: datetime
    bound: timedelta
    sources: tuple[str, ...]
    state: ClockState
    policy: str
    limit: timedelta = MAX_ACCURACY
    reason: str = ""

    @property
    def fit(self) -> bool:
        """Whether a token may be made from it: the state is known and good, the bound is within the limit."""
        good = self.state in {ClockState.IN_SYNC, ClockState.SOON_OUT_OF_SYNC}
        return good and self.bound <= min(self.limit, MAX_ACCURACY)


@dataclass(frozen=True, slots=True)
class Change:
    """The state of the clock, its reason or who is excluded became another one, by the system clock at ``at``."""

    at: datetime
    before: ClockState
    state: ClockState
    reason: str
    excluded: tuple[str, ...]


class Clock(Protocol):
    """Where readings come from."""

    def read(self) -> Reading:
        """The time now. Never raises: a clock that does not know says so in the state."""
        ...

    def describe(self) -> dict[str, Any]:
        """Its sources and their last comparison, as docs/formats/timestamping.md says (*Status*)."""
        ...


def declared(at: datetime, bound: timedelta = DECLARED_BOUND) -> Reading:
    """A reading of the system clock, declared trusted: nothing was compared, hence the demo policy."""
    names = ("system clock (declared)",)
    return Reading(at, bound, names, ClockState.IN_SYNC, DEMO_POLICY, reason=Verdict.DECLARED)


class SystemClock:
    """The machine's own clock, declared trusted by whoever runs it."""

    def __init__(self, bound: timedelta = DECLARED_BOUND) -> None:
        self._bound = bound

    def read(self) -> Reading:
        """The system time now, with the declared bound."""
        return declared(datetime.now(UTC), self._bound)

    def describe(self) -> dict[str, Any]:
        """One source, compared with nothing."""
        source = {"name": "system clock", "address": None, "state": "declared", "fault": None}
        sources = [source | {"earliest_ms": None, "latest_ms": None}]
        return {"sources": sources, "comparison": None, "until": None, "samples": []}


class ComparedClock:
    """GPS, internet time and the quartz, compared in the background; a token's time is the middle of what they hold.

    ``on_change`` is told each change of state, in order; what it raises is logged and goes no further. ``samples``
    are those that a former process kept; ``on_sample`` is handed all of them each time that one is added.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        schedule: Schedule,
        *,
        on_change: Callable[[Change], None],
        samples: Sequence[Mapping[str, Any]] = (),
        on_sample: Callable[[Sequence[Mapping[str, Any]]], None] | None = None,
        now: Callable[[], Instant] = instant,
    ) -> None:
        self._watches = [Watch(source) for source in sources]
        self._comparator, self._now = Comparator(schedule), now
        self._on_change, self._on_sample = on_change, on_sample
        self._limit, self._period = schedule.accuracy, schedule.period
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="comparison of time sources", daemon=True)
        self._shown: tuple[ClockState, Verdict, tuple[str, ...]] = (ClockState.UNKNOWN, Verdict.NOT_REFRESHED, ())
        self._samples: deque[Mapping[str, Any]] = deque(samples, maxlen=SAMPLES)
        self._sampled: int | None = None

    def read(self) -> Reading:
        """The time now: a step of the system clock, or a comparison that stopped, is seen here at the latest."""
        with self._lock:
            at = self._now()
            standing = self._comparator.standing(at)
            self._tell(at, standing)
            return self._reading(at, standing)

    def compare(self) -> Comparison:
        """One round, now."""
        with self._lock:
            at = self._now()
            said = {watch.source.name: watch.last.observation for watch in self._watches}
            comparison = self._comparator.compare(at, {name: one for name, one in said.items() if one})
            standing = self._comparator.standing(at)
            self._tell(at, standing)
            sampled = self._sample(comparison, standing)
        # Out of the lock: a slow disk must not hold up a token.
        if sampled and self._on_sample is not None:
            self._on_sample(sampled)
        return comparison

    def _run(self) -> None:
        while not self._stopping.wait(self._period.total_seconds()):
            try:
                self.compare()
            except Exception:  # noqa: BLE001 - the reading expires then, and says so
                _log.exception("the comparison of time sources failed")

    def _reading(self, at: Instant, standing: Standing) -> Reading:
        interval, bound = standing.interval, timedelta.max
        middle = at.system
        if interval is not None:
            middle = interval.middle
            # One microsecond more: the middle is rounded down to one.
            bound = timedelta(microseconds=-(-interval.half_width // _MICROSECOND) + 1)
        last = self._comparator.last
        names = tuple(name for name in last.intervals if name not in last.excluded) if last else ()
        reason, limit = str(standing.verdict), self._limit
        return Reading(_datetime(middle), bound, names, standing.state, QUORUM_POLICY, limit, reason)

    def _tell(self, at: Instant, standing: Standing) -> None:
        shown = (standing.state, standing.verdict, standing.excluded)
        if shown == self._shown:
            return
        change = Change(_datetime(at.system), self._shown[0], standing.state, standing.verdict, standing.excluded)
        self._shown = shown
        try:
            self._on_change(change)
        except Exception:  # noqa: BLE001 - who cannot be told must not stop the clock
            _log.exception("a change of the clock's state was not taken")

    def _sample(self, comparison: Comparison, standing: Standing) -> list[Mapping[str, Any]]:
        """Keep the round when the last one kept is old enough; all samples then, else none."""
        raw = comparison.at.raw
        if self._sampled is not None and raw - self._sampled < nanoseconds(SAMPLE_EVERY):
            return []
        self._sampled = raw
        self._samples.append({"state": standing.state, **_told(comparison)})
        return list(self._samples)

    def describe(self) -> dict[str, Any]:
        """The sources, the last comparison, and a sample of the comparisons of the last day."""
        with self._lock:
            last = self._comparator.last
            sources = [_source(watch, last) for watch in self._watches]
            quartz = {"name": QUARTZ, "address": None, "fault": None, **_said(QUARTZ, last, silent="expired")}
            comparison = _told(last) | {"good_rounds": self._comparator.good_rounds} if last else None
            known = {"sources": [*sources, quartz], "comparison": comparison, "until": self._until()}
            return known | {"samples": list(self._samples)}

    def _until(self) -> str | None:
        at, until = self._now(), self._comparator.quartz_until
        if until is None or not self._reading(at, self._comparator.standing(at)).fit:
            return None
        return stamp(_datetime(at.system + until - at.raw))

    def start(self) -> None:
        """Begin to ask and to compare."""
        for watch in self._watches:
            watch.start()
        self._thread.start()

    def stop(self) -> None:
        """End the threads; one that hangs in a source is left to end with the process."""
        self._stopping.set()
        self._thread.join(_STOP_SECONDS)
        for watch in self._watches:
            watch.stop(_STOP_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _datetime(instant_: int) -> datetime:
    return _EPOCH + timedelta(microseconds=instant_ // _MICROSECOND)


def stamp(at: datetime) -> str:
    """An instant in JSON: RFC 3339, UTC, six decimals."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _source(watch: Watch, last: Comparison | None) -> dict[str, Any]:
    name, address = watch.source.name, watch.source.address
    return {"name": name, "address": address, "fault": watch.last.fault, **_said(name, last, silent="silent")}


def _said(name: str, last: Comparison | None, *, silent: str) -> dict[str, Any]:
    """What a source said in the last comparison, in milliseconds from the system clock."""
    interval = last.intervals.get(name) if last else None
    if last is None or interval is None:
        state = "imprecise" if last and name in last.imprecise else silent
        return {"state": state, "earliest_ms": None, "latest_ms": None}
    earliest, latest = _milliseconds(interval, last.at)
    state = "excluded" if name in last.excluded else "heard"
    return {"state": state, "earliest_ms": earliest, "latest_ms": latest}


def _told(comparison: Comparison) -> dict[str, Any]:
    intervals: Mapping[str, Interval] = comparison.intervals
    return {
        "at": stamp(_datetime(comparison.at.system)),
        "verdict": comparison.verdict,
        "agreed_ms": _milliseconds(comparison.agreed, comparison.at) if comparison.agreed else None,
        "intervals_ms": {name: _milliseconds(one, comparison.at) for name, one in intervals.items()},
        "excluded": list(comparison.excluded),
    }


def _milliseconds(interval: Interval, at: Instant) -> list[float]:
    return [round((end - at.system) / MILLISECOND, 3) for end in interval]
