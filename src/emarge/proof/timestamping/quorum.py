"""Which time several sources agree on, when some of them may lie: Marzullo's M(f).

K. Marzullo, *Maintaining the Time in a Distributed System* (1984): each source gives an interval, and the true
time is inside that of every source that does not lie. The smallest interval holding each point that n - f sources
cover therefore holds the true time, as long as at most f of the n lie or are silent.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Interval(NamedTuple):
    """The true time is within, bounds included. Nanoseconds since 1970, UTC."""

    earliest: int
    latest: int

    @property
    def middle(self) -> int:
        return (self.earliest + self.latest) // 2

    @property
    def half_width(self) -> int:
        """Nanoseconds, rounded up: no point is farther from the middle."""
        return (self.latest - self.earliest + 1) // 2

    def holds(self, instant: int) -> bool:
        return self.earliest <= instant <= self.latest

    def meets(self, other: "Interval") -> bool:
        return self.earliest <= other.latest and other.earliest <= self.latest

    def carried(self, elapsed: int, drift: int) -> "Interval":
        """The interval after ``elapsed`` nanoseconds of a clock that errs by up to ``drift`` nanoseconds meanwhile."""
        return Interval(self.earliest + elapsed - drift, self.latest + elapsed + drift)


class Agreement(NamedTuple):
    """What the quorum holds: the interval, and who is excluded: no point of theirs lies in it."""

    interval: Interval
    excluded: tuple[str, ...]


def agree(intervals: Mapping[str, Interval], *, sources: int, faulty: int) -> Agreement | None:
    """M(f) of ``sources`` sources, at most ``faulty`` of which lie or are silent (absent from ``intervals``).

    None when no point is covered by enough of them. An interval that ends before it begins covers nothing.
    """
    needed = sources - faulty
    given = list(intervals.values())
    ends = [end for one in given for end in one]
    covered = [end for end in ends if sum(one.earliest <= end <= one.latest for one in given) >= needed]
    if not covered:
        return None
    interval = Interval(min(covered), max(covered))
    return Agreement(interval, tuple(name for name, one in intervals.items() if not one.meets(interval)))
