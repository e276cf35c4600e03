"""What looks as if somebody was there for somebody else: rules on values (docs/formats/anomalies.md).

None of it proves anything; each threshold below is said to whoever reads the list.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from hashlib import sha256
from itertools import pairwise
from statistics import median
from typing import TypeVar
from uuid import UUID

Key = TypeVar("Key")

GROUP = 12
"""Acts at least from which "the others" says what is usual."""
DEVIATIONS = 5.0
"""Robust deviations from the median delay: of normally spread delays one in more than a million is farther."""
MAD_TO_DEVIATION = 1.4826
"""What makes of a median absolute deviation the standard deviation of a normal spread."""
LEAST_DEVIATION = timedelta(seconds=10)
MAJORITY = 0.8
"""Share of the students on one network from which it is the usual one."""
NEAR = timedelta(minutes=10)
"""Within this, one login in two places is told."""
LATE_SHARE = 0.5
"""Share of the grace after which a code counts as late: half of it forgives a slow phone."""


class Kind(Enum):
    """What is wrong. The values are stable: records quote them."""

    SHARED_DEVICE = "shared_device"
    SPLIT_SESSION = "split_session"
    TWO_PLACES = "two_places"
    OFF_RHYTHM = "off_rhythm"
    OTHER_NETWORK = "other_network"
    RELAYED = "relayed"


@dataclass(frozen=True, slots=True)
class Act:
    """A scan (with its step and how late the code was) or a signature, on a line of a roll call."""

    line: UUID
    student: UUID
    meeting: UUID
    at: datetime
    device: str
    network: str
    session: str
    is_scan: bool = False
    step: int = 0
    late: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Called:
    """The class meeting whose roll was called; ``started_at`` is when students could begin."""

    uuid: UUID
    day: date
    starts_at: datetime
    ends_at: datetime
    started_at: datetime | None
    grace: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One kind of anomaly on one line. ``acts`` are its own, ``others`` those that it is told beside.

    ``typical`` and ``measured`` are the group's figure and this line's: delays, or shares of a network.
    """

    kind: Kind
    line: UUID
    acts: tuple[Act, ...]
    others: tuple[Act, ...] = ()
    typical: float = 0.0
    measured: float = 0.0

    @property
    def evidence(self) -> str:
        """A digest of whom it names: a reviewed anomaly opens again when another line joins it."""
        lines = sorted({act.line.bytes for act in (*self.acts, *self.others)})
        return sha256(b"".join(lines)).digest()[:8].hex()


def find(acts: Iterable[Act], meetings: Mapping[UUID, Called]) -> list[Anomaly]:
    """Every anomaly of these acts, by class meeting and line. Whole days of a base, or what touches one meeting."""
    ordered = sorted(acts, key=lambda act: (act.at, act.line.bytes, act.is_scan))
    by_meeting = _grouped((act.meeting, act) for act in ordered)
    found = [*_shared_devices(ordered, meetings), *_split_sessions(ordered), *_two_places(ordered, meetings)]
    for meeting, own in by_meeting.items():
        found += _off_rhythm(own, meetings[meeting])
        found += _elsewhere(own, meetings[meeting])
    return found


def _grouped(pairs: Iterable[tuple[Key, Act]]) -> dict[Key, list[Act]]:
    groups: defaultdict[Key, list[Act]] = defaultdict(list)
    for key, act in pairs:
        groups[key].append(act)
    return dict(groups)


def _shared_devices(acts: Sequence[Act], meetings: Mapping[UUID, Called]) -> Iterator[Anomaly]:
    """One device, several students, one day."""
    groups = _grouped(((meetings[act.meeting].day, act.device), act) for act in acts if act.device)
    others_of: defaultdict[UUID, list[Act]] = defaultdict(list)
    own_of: defaultdict[UUID, list[Act]] = defaultdict(list)
    for group in groups.values():
        if len({act.student for act in group}) > 1:
            for act in group:
                own_of[act.line].append(act)
                others_of[act.line] += [other for other in group if other.student != act.student]
    for line, own in own_of.items():
        yield Anomaly(Kind.SHARED_DEVICE, line, tuple(own), _first_of_lines(others_of[line]))


def _first_of_lines(acts: Iterable[Act]) -> tuple[Act, ...]:
    """The first act of each line, in order of time."""
    first: dict[UUID, Act] = {}
    for act in sorted(acts, key=lambda act: (act.at, act.line.bytes)):
        first.setdefault(act.line, act)
    return tuple(first.values())


def _split_sessions(acts: Sequence[Act]) -> Iterator[Anomaly]:
    """One login on two devices or two networks within minutes."""
    told: set[UUID] = set()
    for group in _grouped((act.session, act) for act in acts if act.session).values():
        for before, after in pairwise(group):
            near = after.at - before.at <= NEAR
            if near and (_differ(before.device, after.device) or _differ(before.network, after.network)):
                for one, other in ((after, before), (before, after)):
                    if one.line not in told:
                        told.add(one.line)
                        yield Anomaly(Kind.SPLIT_SESSION, one.line, (one,), (other,))


def _differ(one: str, other: str) -> bool:
    """Whether two marks are both known and not the same."""
    return bool(one and other) and one != other


def _two_places(acts: Sequence[Act], meetings: Mapping[UUID, Called]) -> Iterator[Anomaly]:
    """One student, two logins, two class meetings at the same time; day by day, so that a month stays quick."""
    for group in _grouped(((act.student, meetings[act.meeting].day), act) for act in acts).values():
        told: set[UUID] = set()
        for act in group:
            others = [other for other in group if _elsewhere_then(act, other, meetings)]
            if others and act.line not in told:
                told.add(act.line)
                yield Anomaly(Kind.TWO_PLACES, act.line, (act,), _first_of_lines(others))


def _elsewhere_then(act: Act, other: Act, meetings: Mapping[UUID, Called]) -> bool:
    here, there = meetings[act.meeting], meetings[other.meeting]
    overlap = here.starts_at < there.ends_at and there.starts_at < here.ends_at
    return here.uuid != there.uuid and overlap and _differ(act.session, other.session)


def _off_rhythm(acts: Sequence[Act], meeting: Called) -> Iterator[Anomaly]:
    """Scans far from the group's median delay."""
    scans = [act for act in acts if act.is_scan]
    if meeting.started_at is None or len(scans) < GROUP:
        return
    delays = [(act.at - meeting.started_at).total_seconds() for act in scans]
    middle = median(delays)
    spread = MAD_TO_DEVIATION * median(abs(delay - middle) for delay in delays)
    limit = DEVIATIONS * max(spread, LEAST_DEVIATION.total_seconds())
    for act, delay in zip(scans, delays, strict=True):
        if abs(delay - middle) > limit:
            yield Anomaly(Kind.OFF_RHYTHM, act.line, (act,), typical=middle, measured=delay)


def _elsewhere(acts: Sequence[Act], meeting: Called) -> Iterator[Anomaly]:
    """Whoever is not on the network of nearly all others; told as relayed when the code was late besides."""
    scanned = {act.line for act in acts if act.is_scan}
    known = [act for act in acts if act.network and (act.is_scan or act.line not in scanned)]
    if len(known) < GROUP:
        return
    ((usual, count),) = Counter(act.network for act in known).most_common(1)
    share = count / len(known)
    if share < MAJORITY:
        return
    for act in known:
        if act.network != usual:
            late = act.is_scan and meeting.grace and act.late >= LATE_SHARE * meeting.grace
            kind = Kind.RELAYED if late else Kind.OTHER_NETWORK
            yield Anomaly(kind, act.line, (act,), typical=share, measured=act.late.total_seconds())
