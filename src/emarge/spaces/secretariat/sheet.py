"""What supervision shows of one class meeting: presence, sign-in and record, three facts kept apart."""

from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.utils.translation import gettext_lazy as _

from emarge.attendance.models import RollCall, RollCallLine, SignIn, TeacherSignature
from emarge.attendance.queries import Tally, closes_at, is_open, is_scanning, mode_of, sign_in_status, signed, tally
from emarge.attendance.rules import Mode, Presence, SignInStatus
from emarge.attendance.texts import MODES
from emarge.audit.queries import Sealing, clock_changes, sealed_state
from emarge.spaces.secretariat.times import ChangeRow, told_change
from emarge.timetable.models import ClassMeeting

PRESENCES = {
    Presence.PRESENT: _("Present"),
    Presence.ABSENT: _("Absent"),
    Presence.LATE: _("Late"),
    Presence.AWAITED: _("Not scanned yet"),
}
STATUSES = {
    SignInStatus.NOT_EXPECTED: ("", _("Not expected")),
    SignInStatus.EXPECTED: ("state-expected", _("Expected")),
    SignInStatus.SIGNED: ("state-signed", _("Signed")),
    SignInStatus.UNSIGNED_AT_CLOSE: ("state-unsigned", _("Present but unsigned")),
    SignInStatus.REGULARISED: ("state-regularised", _("Regularised")),
}


@dataclass(frozen=True)
class MeetingState:
    """One word for where a class meeting stands, its class of look, and its signatures so far."""

    look: str
    text: Any
    tally: Tally | None

    @property
    def missing(self) -> int:
        """How many signatures are still missing."""
        return max(self.tally.expected - self.tally.signed - self.tally.regularised, 0) if self.tally else 0


@dataclass(frozen=True)
class Row:
    """A student of the frozen roster."""

    line: RollCallLine
    presence: Any
    status: SignInStatus
    look: str
    text: Any
    sign_in: SignIn | None
    sealing: Sealing | None

    @property
    def unsettled(self) -> bool:
        return self.status is SignInStatus.UNSIGNED_AT_CLOSE


@dataclass(frozen=True)
class Sheet:
    """The chosen class meeting."""

    meeting: ClassMeeting
    state: MeetingState
    roll_call: RollCall | None
    closes_at: datetime | None
    open: bool
    teachers: list[tuple[TeacherSignature, Sealing | None]]
    rows: list[Row]
    sealing: Sealing | None
    clock: list[ChangeRow]
    """What was recorded of the clock while the roll call and the window of sign-in were open."""

    @property
    def described(self) -> dict[str, Any]:
        """What the meeting was when its roll was called, or is today when it was not."""
        if self.roll_call is not None:
            roll_call = self.roll_call
            return {
                "title": roll_call.subject,
                "public": f"{roll_call.course_type} · {roll_call.public}",
                "room": roll_call.room,
                "starts_at": roll_call.starts_at,
                "ends_at": roll_call.ends_at,
            }
        course, room = self.meeting.course, self.meeting.room
        return {
            "title": course.subject.name,
            "public": " · ".join([course.course_type.name, *(group.name for group in course.groups.all())]),
            "room": room.name if room else "",
            "starts_at": self.meeting.starts_at,
            "ends_at": self.meeting.ends_at,
        }

    @property
    def mode(self) -> Any:
        """How the roll is called, in words."""
        return MODES[self._mode]

    @property
    def to_open_in_place(self) -> bool:
        """Whether the roll call by QR code is still to be started."""
        started = self.roll_call is not None and self.roll_call.sign_in_opened_at is not None
        ended = self.roll_call is not None and self.roll_call.ended_at is not None
        return self._mode.by_code and not (started or ended or self.meeting.cancelled)

    @property
    def scanning(self) -> bool:
        """Whether the roll call by QR code runs."""
        roll_call = self.roll_call
        return self._mode.by_code and self.open and roll_call is not None and roll_call.ended_at is None

    @property
    def waits_for_teacher(self) -> bool:
        """Whether it was opened in the teachers' place and none has signed."""
        return self.roll_call is not None and _waits_for_teacher(self.roll_call)

    @property
    def _mode(self) -> Mode:
        return Mode(self.roll_call.mode) if self.roll_call is not None else mode_of(self.meeting.course)

    @property
    def unsettled(self) -> list[Row]:
        """The lines that must be settled before the final validation."""
        return [row for row in self.rows if row.unsettled]

    @property
    def waiting(self) -> bool:
        """Whether a record of the meeting has not reached the vault yet."""
        sealings = [self.sealing, *(row.sealing for row in self.rows), *(each for _, each in self.teachers)]
        return any(each is not None and not each.sealed for each in sealings)


def roll_call_of(meeting: ClassMeeting) -> RollCall | None:
    """The roll call of a meeting, if its roll was called."""
    try:
        roll_call: RollCall = meeting.roll_call
    except ObjectDoesNotExist:
        return None
    return roll_call


def state_of(meeting: ClassMeeting, now: datetime) -> MeetingState:
    """Where a class meeting stands, for a list."""
    roll_call = roll_call_of(meeting)
    if roll_call is None:
        if meeting.cancelled:
            return MeetingState("state-cancelled", _("Cancelled"), None)
        return MeetingState("", _("Roll not called") if meeting.starts_at <= now else _("To come"), None)
    counted = tally(roll_call)
    if roll_call.validated_at is not None:
        return MeetingState("state-validated", _("Validated"), counted)
    if _waits_for_teacher(roll_call) and not is_scanning(roll_call, now):
        return MeetingState("state-unsigned", _("Incomplete: the teacher has not signed"), counted)
    if is_open(roll_call, now):
        return MeetingState("state-open", _("Open to sign-in"), counted)
    if roll_call.ended_at is None:
        return MeetingState("state-expected", _("Roll call in progress"), counted)
    if roll_call.sign_in_opened_at is None:
        return MeetingState("state-unsigned", _("Sign-in not opened"), counted)
    missing = MeetingState("state-unsigned", _("Signatures missing"), counted)
    return missing if missing.missing else MeetingState("state-signed", _("Complete, to validate"), counted)


def _waits_for_teacher(roll_call: RollCall) -> bool:
    """Whether staff opened in the teachers' place, and none of them has signed since (row M4.7)."""
    return roll_call.sign_in_opened_by_id is not None and not list(roll_call.teacher_signatures.all())


def supervised_sheet(meeting: ClassMeeting, now: datetime) -> Sheet:
    """The chosen class meeting with the state of its records.

    The meeting comes from ``supervised_meetings``, with its drawings.
    """
    state, roll_call = state_of(meeting, now), roll_call_of(meeting)
    if roll_call is None:
        return Sheet(meeting, state, None, None, open=False, teachers=[], rows=[], sealing=None, clock=[])
    lines, signatures = list(roll_call.lines.all()), list(roll_call.teacher_signatures.all())
    sign_ins = [found for line in lines if (found := signed(line)) is not None]
    rows = (line.uuid for line in lines)
    signed_by = (each.uuid for each in chain[TeacherSignature | SignIn](signatures, sign_ins))
    sealings = sealed_state([roll_call.uuid, *rows, *signed_by])
    return Sheet(
        meeting=meeting,
        state=state,
        roll_call=roll_call,
        closes_at=closes_at(roll_call),
        open=is_open(roll_call, now),
        teachers=[(each, sealings.get(each.uuid)) for each in signatures],
        rows=[_row(line, now, sealings) for line in lines],
        sealing=sealings.get(roll_call.uuid),
        clock=_clock(roll_call, now),
    )


def _clock(roll_call: RollCall, now: datetime) -> list[ChangeRow]:
    until = roll_call.validated_at or closes_at(roll_call) or now
    found = clock_changes(roll_call.institution_code.log, roll_call.opened_at, until)
    return [told_change(one) for one in found]


def _row(line: RollCallLine, now: datetime, sealings: dict[Any, Sealing]) -> Row:
    status, sign_in = sign_in_status(line, now), signed(line)
    look, text = STATUSES[status]
    return Row(
        line=line,
        presence=PRESENCES[Presence(line.presence)],
        status=status,
        look=look,
        text=text,
        sign_in=sign_in,
        sealing=sealings.get(sign_in.uuid) if sign_in else sealings.get(line.uuid),
    )
