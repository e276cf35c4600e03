from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from emarge.accounts.models import Right
from emarge.attendance.models import RollCall, RollCallLine, SignIn, TeacherSignature
from emarge.attendance.queries import closes_at, is_open, sign_in_status, signed, tally
from emarge.attendance.rules import CALL_BACK
from emarge.institutions.models import Teacher
from emarge.spaces.access import teacher_meeting_or_404, teacher_or_404, user_of
from emarge.spaces.clock import said, said_left
from emarge.spaces.names import alphabetical
from emarge.spaces.teachers.states import facts_of, meeting_state, roll_call_of
from emarge.timetable.models import ClassMeeting


@dataclass(frozen=True)
class Row:
    """One student: the presence and the sign-in, kept apart."""

    line: RollCallLine
    status: str
    sign_in: SignIn | None


@dataclass(frozen=True)
class TeacherRow:
    """One teacher of the meeting, who has signed or not."""

    teacher: Teacher
    signature: TeacherSignature | None
    is_reader: bool


@require_safe
def validation(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """*Validation of presence*: who has signed, live."""
    return _show(request, uuid, "teachers/validation.html")


@require_safe
def fragment(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The live part alone: the same as in the whole page."""
    return _show(request, uuid, "teachers/_validation.html")


def _show(request: HttpRequest, uuid: UUID, template: str) -> HttpResponse:
    meeting = teacher_meeting_or_404(request, uuid)
    roll_call = roll_call_of(meeting)
    if roll_call is None or roll_call.ended_at is None:
        return redirect("teachers:roll_call", meeting.uuid)
    return render(request, template, _context(request, meeting, roll_call, timezone.now()))


def _context(request: HttpRequest, meeting: ClassMeeting, roll_call: RollCall, now: datetime) -> dict[str, Any]:
    teachers = _teachers(meeting, roll_call, teacher_or_404(request))
    waiting = any(each.is_reader and each.signature is None for each in teachers)
    may_open = roll_call.sign_in_opened_at is not None or user_of(request).has_right(Right.ENTER_ABSENCES)
    in_time = now <= _last_to_sign(roll_call) and roll_call.validated_at is None
    return {
        "meeting": meeting,
        "facts": facts_of(meeting),
        "roll_call": roll_call,
        "state": meeting_state(meeting, now),
        "rows": [
            Row(line, sign_in_status(line, now).value, signed(line)) for line in alphabetical(roll_call.lines.all())
        ],
        "teachers": teachers,
        "count": tally(roll_call),
        "open": is_open(roll_call, now),
        "closes": said(closes_at(roll_call), now),
        "left": said_left(closes_at(roll_call) - now),
        "may_sign": waiting and may_open and in_time,
    }


def _last_to_sign(roll_call: RollCall) -> datetime:
    """Until when a teacher may sign: 7 days where staff opened in the teachers' place (row M4.7)."""
    closes = closes_at(roll_call)
    return closes if roll_call.sign_in_opened_by_id is None else max(closes, roll_call.ends_at + CALL_BACK)


def _teachers(meeting: ClassMeeting, roll_call: RollCall, reader: Teacher) -> list[TeacherRow]:
    """The meeting's teachers, with whoever signed and is no longer one."""
    signatures = {each.teacher_id: each for each in roll_call.teacher_signatures.all()}
    teachers = {teacher.pk: teacher for teacher in meeting.teachers.all()}
    teachers |= {each.teacher_id: each.teacher for each in signatures.values()}
    return [TeacherRow(each, signatures.get(each.pk), each.pk == reader.pk) for each in teachers.values()]
