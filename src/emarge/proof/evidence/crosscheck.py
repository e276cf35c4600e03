"""What the records of a bundle say together (docs/formats/bundle.md, *Checks*, 7)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from emarge.proof.evidence.errors import EvidenceError, Fault
from emarge.proof.evidence.events import read_instant
from emarge.proof.evidence.manifest import Request
from emarge.proof.evidence.proved import Proved
from emarge.proof.evidence.rosters import EVENTS, Rosters
from emarge.proof.evidence.verdict import Caution, Warn
from emarge.proof.timestamping.tokens import DEMO_POLICY


def check(found: Sequence[Proved], request: Request) -> list[Caution]:
    """Check records in the order of the log. Raises EvidenceError; returns what a reader must know."""
    _check_distinct(found)
    _check_order_of_time(found)
    return [
        *_caution(Warn.DEMO_POLICY, (one for one in found if one.timestamp.policy == DEMO_POLICY)),
        *_caution(Warn.CLOCK_UNKNOWN, (one for one in found if one.bound is None)),
        *_caution(Warn.SERVER_AHEAD, (one for one in found if one.delay < -one.timestamp.accuracy)),
        *_check_sign_ins(found),
        *_check_approval(found, request),
    ]


def _caution(warn: Warn, found: Iterable[Proved]) -> list[Caution]:
    indexes = tuple(one.index for one in found)
    return [Caution(warn, indexes)] if indexes else []


def _check_distinct(found: Sequence[Proved]) -> None:
    seen: dict[str, int] = {}
    for one in found:
        first = seen.setdefault(one.record.id, one.index)
        if first != one.index:
            raise EvidenceError(Fault.RECORD_REPEATED, one.file, f"it has the id of the record {first}")


def _check_order_of_time(found: Sequence[Proved]) -> None:
    """Along the log tokens do not go back by more than their accuracies: nothing was slipped in."""
    latest: datetime | None = None
    for one in found:
        stamp = one.timestamp
        if latest is not None and stamp.gen_time + stamp.accuracy < latest:
            raise EvidenceError(
                Fault.TIME_ORDER, one.file, f"a record before it in the log is certified after {latest:%F %T}"
            )
        surely_after = stamp.gen_time - stamp.accuracy
        latest = surely_after if latest is None else max(latest, surely_after)


@dataclass
class _Meeting:
    """What the log has said of a class meeting so far: expected students with their presence, the window.

    By QR code students sign before the roll call ends: ``scanned`` (or declared present by hand) come first.
    """

    presences: dict[str, str] | None = None
    closes_at: datetime | None = None
    scanned: set[str] = field(default_factory=set)
    signed: list[Proved] = field(default_factory=list)

    def mark(self, student: str, presence: str) -> None:
        # Marks made before the end of the roll call are in its roster already.
        if self.presences is None:
            (self.scanned.discard if presence == "absent" else self.scanned.add)(student)
        elif student in self.presences:
            self.presences[student] = presence

    def end(self, presences: dict[str, str]) -> None:
        """The roll call ended; those who signed before must stand in it as present."""
        self.presences = presences
        for one in self.signed:
            _check_presence(one, presences)


def _check_sign_ins(found: Sequence[Proved]) -> list[Caution]:
    meetings: dict[str, _Meeting] = {}
    rosters = Rosters()
    no_roll_call: list[Proved] = []
    no_opening: list[Proved] = []
    for one in found:
        record = one.record
        if record.meeting is None:
            continue
        meeting = meetings.setdefault(record.meeting, _Meeting())
        if record.event in EVENTS:
            roster = rosters.take(one)
            if roster is not None and record.event == "roll_call.ended":
                meeting.end({line["student"]: line["presence"] for line in roster if line["expected"]})
        elif record.event == "roll_call.marked":
            meeting.mark(record.student or "", record.details["presence"])
        elif record.event == "roll_call.scanned":
            meeting.scanned.add(record.student or "")
        elif record.event in {"sign_in.opened", "roll_call.started"}:
            meeting.closes_at = read_instant(record.details["closes_at"])
        elif record.event == "sign_in.signed":
            _check_sign_in(one, meeting)
            meeting.signed.append(one)
            called = meeting.presences is not None or record.student in meeting.scanned
            no_roll_call += [] if called else [one]
            no_opening += [one] if meeting.closes_at is None else []
    rosters.finish()
    return [*_caution(Warn.NO_ROLL_CALL, no_roll_call), *_caution(Warn.NO_OPENING, no_opening)]


def _check_sign_in(one: Proved, meeting: _Meeting) -> None:
    if meeting.presences is not None:
        _check_presence(one, meeting.presences)
    if meeting.closes_at is not None and one.record.at > meeting.closes_at:
        late = one.record.at - meeting.closes_at
        raise EvidenceError(Fault.WINDOW, one.file, f"signed {late.total_seconds():.6f} s after the window closed")


def _check_presence(one: Proved, presences: dict[str, str]) -> None:
    presence = presences.get(one.record.student or "")
    if presence is None:
        raise EvidenceError(Fault.PRESENCE, one.file, "the roll call did not expect this student to sign")
    if presence == "absent":
        raise EvidenceError(Fault.PRESENCE, one.file, "the roll call says that this student was absent")


def _check_approval(found: Sequence[Proved], request: Request) -> list[Caution]:
    asked: Proved | None = None
    approved: Proved | None = None
    for one in found:
        if one.record.details.get("request") == request.id:
            if one.record.event == "audit_trail.requested":
                asked = one
            elif one.record.event == "audit_trail.approved":
                approved = one
    if asked is None or approved is None:
        return [Caution(Warn.NO_APPROVAL)]
    if approved.index < asked.index:
        raise EvidenceError(Fault.APPROVAL, approved.file, "the request was approved before it was entered")
    if approved.record.actor == asked.record.actor:
        raise EvidenceError(Fault.APPROVAL, approved.file, "who entered the request also approved it")
    return []
