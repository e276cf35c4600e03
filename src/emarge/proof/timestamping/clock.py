"""What time it is, how far that may be wrong, and who says so.

A clock gives readings: an interval with its sources and its state. The authority stamps a reading, never a
bare instant, so that a clock which compares several sources can take the place of this one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from emarge.proof.timestamping.tokens import DEMO_POLICY, MAX_ACCURACY

# What a declared system clock promises: half of what a token may, so that a small step back is absorbed.
DECLARED_BOUND = timedelta(milliseconds=500)


class ClockState(StrEnum):
    """The four states that people are shown (product row M8.3)."""

    IN_SYNC = "in sync"
    SOON_OUT_OF_SYNC = "soon out of sync"
    OUT_OF_SYNC = "out of sync"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reading:
    """The true time is within ``at`` (aware UTC) ± ``bound``, under the promise of ``policy`` (an OID)."""

    at: datetime
    bound: timedelta
    sources: tuple[str, ...]
    state: ClockState
    policy: str

    @property
    def fit(self) -> bool:
        """Whether a token may be made from it: the state is known and good, the bound is within a second."""
        return self.state in {ClockState.IN_SYNC, ClockState.SOON_OUT_OF_SYNC} and self.bound <= MAX_ACCURACY


class Clock(Protocol):
    """Where readings come from."""

    def read(self) -> Reading:
        """The time now. Never raises: a clock that does not know says so in the state."""
        ...


def declared(at: datetime, bound: timedelta = DECLARED_BOUND) -> Reading:
    """A reading of the system clock, declared trusted: nothing was compared, hence the demo policy."""
    return Reading(at, bound, ("system clock (declared)",), ClockState.IN_SYNC, DEMO_POLICY)


class SystemClock:
    """The machine's own clock, declared trusted by whoever runs it."""

    def __init__(self, bound: timedelta = DECLARED_BOUND) -> None:
        self._bound = bound

    def read(self) -> Reading:
        """The system time now, with the declared bound."""
        return declared(datetime.now(UTC), self._bound)
