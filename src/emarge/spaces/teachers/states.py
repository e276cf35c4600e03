from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from emarge.attendance.models import RollCall
from emarge.attendance.queries import is_open, tally
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
    if roll_call.ended_at is None:
        return MeetingState("expected", _("Roll call in progress"))
    count = tally(roll_call)
    counts = {"signed": count.signed, "asked": count.expected}
    if roll_call.sign_in_opened_at is None:
        if not any(line.expected for line in roll_call.lines.all()):
            return MeetingState("closed", _("Roll called, no signature asked"))
        return MeetingState("expected", _("Roll called, sign-in not opened"))
    if is_open(roll_call, now) and roll_call.sign_in_closes_at is not None:
        text = _("Open until %(closes)s, signed %(signed)s/%(asked)s")
        return MeetingState("open", text % {"closes": said(roll_call.sign_in_closes_at, now), **counts})
    return MeetingState("closed", _("Closed, signed %(signed)s/%(asked)s") % counts)


@dataclass(frozen=True)
class Facts:
    """What a class meeting is, in words: as when its roll call opened, else as in the timetable."""

    subject: str
    course_type: str
    public: str
    room: str
    starts_at: datetime
    ends_at: datetime


def facts_of(meeting: ClassMeeting) -> Facts:
    """The facts of a class meeting that its screens show."""
    frozen = roll_call_of(meeting)
    if frozen is not None:
        return Facts(frozen.subject, frozen.course_type, frozen.public, frozen.room, frozen.starts_at, frozen.ends_at)
    course = meeting.course
    return Facts(
        course.subject.name,
        course.course_type.name,
        ", ".join(sorted(group.name for group in course.groups.all())),
        meeting.room.name if meeting.room else "",
        meeting.starts_at,
        meeting.ends_at,
    )
