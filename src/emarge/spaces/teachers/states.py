from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from emarge.attendance.models import RollCall
from emarge.attendance.queries import Tally, is_open, mode_of, tally
from emarge.attendance.rules import Mode
from emarge.attendance.texts import MODES
from emarge.spaces.clock import said
from emarge.timetable.models import ClassMeeting


@dataclass(frozen=True)
class MeetingState:
    """Where a class meeting stands, in one word for the style and one sentence for the reader."""

    code: str
    text: str


def roll_call_of(meeting: ClassMeeting) -> RollCall | None:
    """The roll call of a class meeting, if it was opened."""
    return getattr(meeting, "roll_call", None)


def meeting_state(meeting: ClassMeeting, now: datetime) -> MeetingState:
    """The state of a class meeting that was read with the lines of its roll call."""
    roll_call = roll_call_of(meeting)
    if meeting.cancelled:
        return MeetingState("off", _("Cancelled"))
    if roll_call is None:
        return MeetingState("waiting", _("To come") if now < meeting.starts_at else _("Roll not called"))
    if roll_call.validated_at is not None:
        return MeetingState("validated", _("Validated"))
    count = tally(roll_call)
    if roll_call.ended_at is None:
        return _running_state(roll_call, count)
    counts = {"signed": count.signed, "asked": count.expected}
    if roll_call.sign_in_opened_at is None:
        if not any(line.expected for line in roll_call.lines.all()):
            return MeetingState("closed", _("Roll called, no signature asked"))
        return MeetingState("expected", _("Roll called, sign-in not opened"))
    if is_open(roll_call, now) and roll_call.sign_in_closes_at is not None:
        text = _("Open until %(closes)s, signed %(signed)s/%(asked)s")
        return MeetingState("open", text % {"closes": said(roll_call.sign_in_closes_at, now), **counts})
    return MeetingState("closed", _("Closed, signed %(signed)s/%(asked)s") % counts)


def _running_state(roll_call: RollCall, count: Tally) -> MeetingState:
    if not Mode(roll_call.mode).by_code:
        return MeetingState("expected", _("Roll call in progress"))
    if roll_call.sign_in_opened_at is None:
        return MeetingState("waiting", _("Roll call by QR code, not started"))
    counts = {"here": count.students - count.awaited - count.absent, "students": count.students}
    return MeetingState("open", _("Roll call by QR code, %(here)s of %(students)s here") % counts)


@dataclass(frozen=True)
class Facts:
    """What a class meeting is, in words: as when its roll call opened, else as in the timetable."""

    subject: str
    course_type: str
    public: str
    room: str
    starts_at: datetime
    ends_at: datetime
    mode: Mode

    @property
    def mode_text(self) -> Any:
        """How the roll is called, in words."""
        return MODES[self.mode]


def facts_of(meeting: ClassMeeting) -> Facts:
    """The facts of a class meeting that its screens show."""
    frozen = roll_call_of(meeting)
    if frozen is not None:
        return Facts(
            frozen.subject,
            frozen.course_type,
            frozen.public,
            frozen.room,
            frozen.starts_at,
            frozen.ends_at,
            Mode(frozen.mode),
        )
    course = meeting.course
    return Facts(
        course.subject.name,
        course.course_type.name,
        ", ".join(sorted(group.name for group in course.groups.all())),
        meeting.room.name if meeting.room else "",
        meeting.starts_at,
        meeting.ends_at,
        mode_of(course),
    )
