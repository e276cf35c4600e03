"""Whether the time can be certified: what the three sources say is compared, round after round.

The rules are those of docs/formats/timestamping.md, *The clock of three sources*. Nothing here reads a clock, a
socket or a file: instants and observations are given.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from emarge.proof.timestamping.quorum import Agreement, Interval, agree
from emarge.proof.timestamping.sources import MILLISECOND, Instant, Observation

QUARTZ = "quartz"
SOURCES, FAULTY = 3, 1
DRIFT_PPM = 50
# More than this between two rounds is a step of the system clock, not a slew.
STEP, SLEW_PPM = 10 * MILLISECOND, 1000
_MILLION = 1_000_000


class ClockState(StrEnum):
    """The four states that people are shown (product row M8.3)."""

    IN_SYNC = "in sync"
    SOON_OUT_OF_SYNC = "soon out of sync"
    OUT_OF_SYNC = "out of sync"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """Why the state is what it is. The words are stable: reports and tests quote them."""

    AGREED = "two sources agree"
    HOLD_OVER = "the quartz alone carries the time"
    RETURNING = "waiting for good rounds"
    NO_QUORUM = "no two sources agree"
    TOO_WIDE = "over the declared accuracy"
    OUTSIDE = "the system clock is outside the interval"
    STEPPED = "the system clock stepped"
    QUARTZ_DISSENTS = "the external sources agree, the quartz does not"
    HOLD_OVER_ENDED = "hold-over ran out"
    NOT_REFRESHED = "not compared lately"
    DECLARED = "the system clock is declared trusted"


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often, and how long. ``accuracy``: the declared one, which no token exceeds."""

    accuracy: timedelta = timedelta(milliseconds=100)
    period: timedelta = timedelta(seconds=1)
    fresh: timedelta = timedelta(seconds=5)
    hold_over: timedelta = timedelta(hours=1)
    expiry: timedelta = timedelta(seconds=10)
    good_rounds: int = 3


def nanoseconds(length: timedelta) -> int:
    return length // timedelta(microseconds=1) * 1000


@dataclass(frozen=True, slots=True)
class Comparison:
    """One round. ``intervals`` and ``agreed`` are of the true time at the instant ``at``.

    ``excluded``: who lies outside what the others agree on. ``imprecise``: who was not heard, its own interval being
    wider than the declared accuracy.
    """

    at: Instant
    intervals: Mapping[str, Interval]
    agreed: Interval | None
    excluded: tuple[str, ...]
    imprecise: tuple[str, ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known at an instant. ``interval`` is the last agreed one, carried; it may be too wide or too old."""

    state: ClockState
    verdict: Verdict
    excluded: tuple[str, ...]
    interval: Interval | None


class Comparator:
    """Judges rounds and remembers what the next one needs: the quartz's interval, and how many rounds were good."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.last: Comparison | None = None
        self.good_rounds = 0
        self._admitted = False
        self._ever = False
        self._verdict = Verdict.RETURNING
        self._anchor: Observation | None = None
        self._confirmed = False

    def compare(self, at: Instant, observations: Mapping[str, Observation]) -> Comparison:
        """Judge a round: ``observations`` are the last words of the external sources."""
        if self.last is not None and self._is_old(self.last.at, at):
            self._suspend(Verdict.NOT_REFRESHED)
        quartz = self._quartz(at.raw)
        heard = {name: _carry(one, at.raw) for name, one in observations.items() if self._is_fresh(one, at.raw)}
        intervals = {name: one for name, one in heard.items() if one.half_width <= nanoseconds(self.schedule.accuracy)}
        agreement = None
        if intervals:
            intervals |= {QUARTZ: quartz} if quartz else {}
            agreement = _agreement(intervals)
            verdict = self._judge(agreement)
        elif quartz:
            intervals, agreement = {QUARTZ: quartz}, Agreement(quartz, ())
            verdict = Verdict.HOLD_OVER
        elif heard:
            verdict = Verdict.TOO_WIDE
        else:
            verdict = Verdict.HOLD_OVER_ENDED if self._ever else Verdict.NO_QUORUM
        self._carry_on(at.raw, agreement, verdict)
        agreed = agreement.interval if agreement else None
        verdict = self._against_system(at, agreed, verdict)
        excluded = agreement.excluded if agreement else ()
        imprecise = tuple(name for name in heard if name not in intervals)
        self.last = Comparison(at, intervals, agreed, excluded, imprecise, verdict)
        self._admit(verdict)
        return self.last

    def _judge(self, agreement: Agreement | None) -> Verdict:
        if agreement is None:
            return Verdict.NO_QUORUM
        if QUARTZ in agreement.excluded:
            return Verdict.QUARTZ_DISSENTS
        wide = agreement.interval.half_width > nanoseconds(self.schedule.accuracy)
        return Verdict.TOO_WIDE if wide else Verdict.AGREED

    def _carry_on(self, raw: int, agreement: Agreement | None, verdict: Verdict) -> None:
        """The quartz carries what was agreed; an agreement that three good rounds have not confirmed is dropped."""
        if verdict is Verdict.AGREED and agreement:
            self._confirmed = self._confirmed and self._quartz(raw) is not None
            self._anchor = Observation(raw, agreement.interval)
        elif not self._confirmed:
            self._anchor = None

    def _against_system(self, at: Instant, agreed: Interval | None, verdict: Verdict) -> Verdict:
        """The clock that everything else on this machine uses must be in the interval, and must not have stepped."""
        if self.last is not None and _stepped(self.last.at, at):
            return Verdict.STEPPED
        if verdict in {Verdict.AGREED, Verdict.HOLD_OVER} and agreed and not agreed.holds(at.system):
            return Verdict.OUTSIDE
        return verdict

    def _admit(self, verdict: Verdict) -> None:
        """Stop at once; come back after three good rounds, in which an external source takes part."""
        if verdict is Verdict.AGREED:
            self.good_rounds = min(self.good_rounds + 1, self.schedule.good_rounds)
            self._admitted = self._admitted or self.good_rounds == self.schedule.good_rounds
            self._confirmed = self._confirmed or self._admitted
            self._ever = self._ever or self._admitted
            self._verdict = verdict if self._admitted else Verdict.RETURNING
        elif verdict is Verdict.HOLD_OVER:
            self.good_rounds = 0
            self._verdict = verdict if self._admitted else Verdict.RETURNING
        else:
            self._suspend(verdict)

    def _suspend(self, verdict: Verdict) -> None:
        self._admitted, self.good_rounds, self._verdict = False, 0, verdict

    def standing(self, at: Instant) -> Standing:
        """What is known at ``at``, which may come between two rounds: a step or a stop is seen at once."""
        if self.last is None:
            return Standing(ClockState.UNKNOWN, Verdict.NOT_REFRESHED, (), None)
        interval = _carry(self._anchor, at.raw) if self._anchor else None
        if self._is_old(self.last.at, at):
            self._suspend(Verdict.NOT_REFRESHED)
        elif self._admitted and (refused := self._refused(at, interval)):
            self._suspend(refused)
        return Standing(self._state(), self._verdict, self.last.excluded, interval)

    def _refused(self, at: Instant, interval: Interval | None) -> Verdict | None:
        if self.last is not None and _stepped(self.last.at, at):
            return Verdict.STEPPED
        if interval is None or self._quartz(at.raw) is None:
            return Verdict.HOLD_OVER_ENDED if self._verdict is Verdict.HOLD_OVER else Verdict.TOO_WIDE
        return None if interval.holds(at.system) else Verdict.OUTSIDE

    def _state(self) -> ClockState:
        if self._verdict is Verdict.NOT_REFRESHED or not self._ever:
            return ClockState.UNKNOWN
        if not self._admitted:
            return ClockState.OUT_OF_SYNC
        return ClockState.IN_SYNC if self._verdict is Verdict.AGREED else ClockState.SOON_OUT_OF_SYNC

    def _quartz(self, raw: int) -> Interval | None:
        """The last agreed interval, unless it expired: too old, or wider than the declared accuracy."""
        if self._anchor is None or raw - self._anchor.raw > nanoseconds(self.schedule.hold_over):
            return None
        carried = _carry(self._anchor, raw)
        return carried if carried.half_width <= nanoseconds(self.schedule.accuracy) else None

    @property
    def quartz_until(self) -> int | None:
        """Until when (raw) the quartz alone would carry the last agreed interval; None without one."""
        if self._anchor is None:
            return None
        room = nanoseconds(self.schedule.accuracy) - self._anchor.interval.half_width
        return self._anchor.raw + min(nanoseconds(self.schedule.hold_over), max(room, 0) * _MILLION // DRIFT_PPM)

    def _is_old(self, before: Instant, after: Instant) -> bool:
        return after.raw - before.raw > nanoseconds(self.schedule.expiry)

    def _is_fresh(self, observation: Observation, raw: int) -> bool:
        return raw - observation.raw <= nanoseconds(self.schedule.fresh)


def _agreement(intervals: Mapping[str, Interval]) -> Agreement | None:
    """M(1) of the three. Without the quartz, M(1) of the two that meet: either may lie where they differ."""
    agreement = agree(intervals, sources=SOURCES, faulty=FAULTY)
    if agreement and QUARTZ not in intervals:
        return agree(intervals, sources=SOURCES - 1, faulty=FAULTY)
    return agreement


def _carry(observation: Observation, raw: int) -> Interval:
    elapsed = raw - observation.raw
    return observation.interval.carried(elapsed, -(-abs(elapsed) * DRIFT_PPM // _MILLION))


def _stepped(before: Instant, after: Instant) -> bool:
    elapsed = after.raw - before.raw
    moved = (after.system - before.system) - elapsed
    return abs(moved) > STEP + abs(elapsed) * SLEW_PPM // _MILLION
