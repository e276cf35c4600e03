from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from emarge.accounts.models import Right, User
from emarge.attendance import people, rules
from emarge.attendance.actions.events import hold_lines, locked_line, locked_roll_call, record, record_who_is_listed
from emarge.attendance.actions.parameters import grace_of
from emarge.attendance.models import Parameters, RollCall, RollCallLine, SignIn
from emarge.attendance.queries import mode_of
from emarge.attendance.rules import Mode, Presence, Refusal
from emarge.attendance.texts import refuse, refused
from emarge.audit.actions import pseudonyms
from emarge.audit.queries import last_record
from emarge.institutions.models import InstitutionCode, Student, Teacher
from emarge.timetable.models import ClassMeeting


def _refuse_who_may_not_call(by: User, *, teaches: bool, mode: Mode) -> None:
    """Its teachers call a roll; by QR code also staff with the right, in the teachers' place (row M4.7)."""
    if mode.by_code and by.has_right(Right.OPEN_FOR_TEACHER):
        return
    refuse(rules.why_not_call(can_enter=by.has_right(Right.ENTER_ABSENCES), teaches=teaches))


def _teaches(by: User, roll_call: RollCall) -> bool:
    """Whether somebody taught the meeting when its roll call opened."""
    return Teacher.objects.filter(user=by, uuid__in=roll_call.teacher_uuids).exists()


@transaction.atomic
def open_roll_call(meeting: ClassMeeting, *, by: User, at: datetime) -> RollCall:
    """Open the roll call of a meeting and freeze its roster; a second call returns the existing one.

    Raises Refused: not active, cancelled, not your meeting, no right, too early, too late, too many students.
    """
    rows = ClassMeeting.objects.select_related("base", "course__subject", "course__course_type", "room")
    meeting = rows.select_for_update(of=("self",)).get(pk=meeting.pk)
    teachers = list(meeting.teachers.all())
    mode = mode_of(meeting.course)
    _refuse_who_may_not_call(by, teaches=any(teacher.user_id == by.pk for teacher in teachers), mode=mode)
    existing = RollCall.objects.filter(meeting=meeting).first()
    if existing is not None:
        return existing
    parameters = Parameters.objects.filter(active=True).select_related("institution_code").first()
    code = parameters.institution_code if parameters else None
    if parameters is None or code is None:
        raise refused(Refusal.NOT_ACTIVE)
    refuse(
        rules.why_not_open_roll_call(
            cancelled=meeting.cancelled, starts_at=meeting.starts_at, ends_at=meeting.ends_at, at=at
        )
    )
    roster = list(_roster(meeting))
    refuse(rules.why_not_freeze(len(roster)))
    roll_call = _create(meeting, code, parameters, mode, teachers, by=by, at=at)
    lines = _freeze(roll_call, meeting, roster)
    names = pseudonyms(student.uuid for student in roster)
    record_who_is_listed(roll_call, roster, by=by, at=at)
    _record_roster(
        roll_call,
        "roll_call.opened",
        [{"student": names[line.student.uuid], "expected": line.expected} for line in lines],
        by=by,
        at=at,
        facts={
            "mode": roll_call.mode,
            "starts_at": rules.instant(roll_call.starts_at),
            "ends_at": rules.instant(roll_call.ends_at),
            "extension_minutes": roll_call.extension_minutes,
        },
        teachers=teachers,
    )
    return roll_call


def _roster(meeting: ClassMeeting) -> QuerySet[Student]:
    """Who the meeting is taught to: the students of the course's groups and of its cohorts' groups."""
    groups = meeting.course.groups.all()
    return Student.objects.filter(Q(groups__in=groups) | Q(groups__cohort__in=groups)).distinct()


def _create(
    meeting: ClassMeeting,
    code: InstitutionCode,
    parameters: Parameters,
    mode: Mode,
    teachers: list[Teacher],
    *,
    by: User,
    at: datetime,
) -> RollCall:
    course = meeting.course
    rolling = mode is Mode.ROLLING_QR
    public = ", ".join(sorted(group.name for group in course.groups.all()))
    return RollCall.objects.create(
        base=meeting.base,
        meeting=meeting,
        institution_code=code,
        subject=course.subject.name,
        course_type=course.course_type.name,
        room=meeting.room.name if meeting.room else "",
        public=public[:500],
        teacher_uuids=sorted(str(teacher.uuid) for teacher in teachers),
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        extension_minutes=parameters.extension_minutes,
        mode=mode.value,
        period_seconds=parameters.period_seconds if rolling else 0,
        grace_seconds=grace_of(parameters) if rolling else 0,
        opened_at=at,
        opened_by=by,
    )


def _freeze(roll_call: RollCall, meeting: ClassMeeting, roster: list[Student]) -> list[RollCallLine]:
    return RollCallLine.objects.bulk_create(
        [
            RollCallLine(
                base=roll_call.base,
                roll_call=roll_call,
                student=student,
                last_name=student.last_name,
                first_name=student.first_name,
                expected=meeting.course.digital_sign_in and student.subject_to_sign_in,
                presence=(Presence.AWAITED if Mode(roll_call.mode).by_code else Presence.PRESENT).value,
            )
            for student in roster
        ]
    )


def _record_roster(
    roll_call: RollCall,
    event: str,
    roster: Sequence[Mapping[str, Any]],
    *,
    by: User,
    at: datetime,
    facts: Mapping[str, Any] | None = None,
    teachers: Iterable[Teacher],
) -> None:
    """Record an event with the roster, in as many records as it needs; the first seals what the meeting was."""
    parts = rules.roster_parts(roster)
    for number, part in enumerate(parts, start=1):
        first = number == 1
        record(
            roll_call,
            event,
            by=by,
            at=at,
            subject=roll_call.uuid,
            details={**(facts or {}), "roster": list(part), "part": number, "parts": len(parts)},
            content=_description(roll_call) if first else None,
            people=people.teachers(teachers) if first else {},
        )


def _description(roll_call: RollCall) -> dict[str, Any]:
    """The meeting in words, sealed with the roll call so that the vault alone can tell what it was."""
    return {
        "meeting": {
            "title": roll_call.subject,
            "type": roll_call.course_type,
            "room": roll_call.room,
            "public": roll_call.public,
            "starts_at": rules.instant(roll_call.starts_at),
            "ends_at": rules.instant(roll_call.ends_at),
            "time_zone": roll_call.base.time_zone,
        }
    }


@transaction.atomic
def mark(
    line: RollCallLine,
    presence: Presence,
    *,
    minutes_late: int = 0,
    reason: str = "",
    by: User,
    at: datetime,
) -> RollCallLine:
    """Mark a student present, absent or late (with minutes and a reason); the same mark again is no event.

    Raises Refused: not your meeting, no right, ended, sealed, too late, minutes or reason out of range.
    """
    roll_call = locked_roll_call(line.roll_call)
    line = locked_line(line)
    refuse(rules.why_not_call(can_enter=by.has_right(Right.ENTER_ABSENCES), teaches=_teaches(by, roll_call)))
    reason = reason.strip()
    refuse(
        rules.why_not_mark(
            presence=presence,
            minutes_late=minutes_late,
            reason=reason,
            ended=roll_call.ended_at is not None,
            validated=roll_call.validated_at is not None,
            signed=SignIn.objects.filter(line=line).exists(),
            ends_at=roll_call.ends_at,
            at=at,
        )
    )
    if (line.presence, line.minutes_late, line.reason) == (presence.value, minutes_late, reason):
        return line
    line.presence, line.minutes_late, line.reason = presence.value, minutes_late, reason
    line.save(update_fields=["presence", "minutes_late", "reason"])
    record(
        roll_call,
        "roll_call.marked",
        by=by,
        at=at,
        subject=line.uuid,
        student=line.student,
        corrects=last_record(line.uuid, "roll_call.marked"),
        details={"presence": presence.value, "minutes_late": minutes_late},
        content={"reason": reason} if reason else {},
        people=people.identity(line.student),
    )
    return line


@transaction.atomic
def end_roll_call(roll_call: RollCall, *, by: User, at: datetime) -> RollCall:
    """End the roll call: its marks stand from now on. A second call changes nothing.

    By QR code, whoever is awaited is absent from then on (row M4.6).
    Raises Refused: not your meeting, no right.
    """
    roll_call = locked_roll_call(roll_call)
    _refuse_who_may_not_call(by, teaches=_teaches(by, roll_call), mode=Mode(roll_call.mode))
    if roll_call.ended_at is not None:
        return roll_call
    hold_lines(roll_call)
    roll_call.lines.filter(presence=Presence.AWAITED.value).update(presence=Presence.ABSENT.value)
    roll_call.ended_at = at
    roll_call.save(update_fields=["ended_at"])
    lines = list(roll_call.lines.select_related("student"))
    names = pseudonyms(line.student.uuid for line in lines)
    teachers = Teacher.objects.filter(uuid__in=[UUID(teacher) for teacher in roll_call.teacher_uuids])
    _record_roster(
        roll_call,
        "roll_call.ended",
        [
            {
                "student": names[line.student.uuid],
                "presence": line.presence,
                "minutes_late": line.minutes_late,
                "expected": line.expected,
            }
            for line in lines
        ],
        by=by,
        at=at,
        teachers=teachers,
    )
    return roll_call
