"""What the actions share: the locks, and the record of what happened in a class meeting."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from emarge.accounts.models import User
from emarge.attendance.live_between import tell
from emarge.attendance.models import RollCall, RollCallLine
from emarge.attendance.people import actor_of, author, identity, teachers
from emarge.attendance.rules import Method, Mode, closes_at, instant
from emarge.audit import actions as audit
from emarge.audit.queries import named_students
from emarge.institutions.models import Student, Teacher


def locked_roll_call(roll_call: RollCall) -> RollCall:
    """The roll call as it stands, held until the transaction ends (SQLite holds the whole base already)."""
    rows = RollCall.objects.select_related("base", "institution_code", "meeting")
    return rows.select_for_update(of=("self",)).get(pk=roll_call.pk)


def locked_line(line: RollCallLine) -> RollCallLine:
    """The line as it stands with its student and its roll call, held until the transaction ends."""
    rows = RollCallLine.objects.select_related(
        "student", "roll_call__base", "roll_call__institution_code", "roll_call__meeting"
    )
    return rows.select_for_update(of=("self",)).get(pk=line.pk)


def hold_lines(roll_call: RollCall) -> None:
    """Hold every line of a locked roll call, in the order of bursts: one that goes on ends first, the next reads anew.

    For what ends the scans and signatures of a roll call: they hold their lines, and never the roll call they share.
    """
    list(roll_call.lines.order_by("pk").select_for_update(of=("self",)).values_list("pk"))


def record(
    roll_call: RollCall,
    event: str,
    *,
    by: User,
    at: datetime,
    subject: UUID,
    student: Student | None = None,
    method: Method | None = None,
    corrects: UUID | None = None,
    details: Mapping[str, Any] | None = None,
    content: Mapping[str, Any] | None,
    people: Mapping[UUID, Mapping[str, Any]],
) -> None:
    """Record an event of a class meeting, and tell whoever watches it once the transaction is committed.

    ``content`` and ``people`` are sealed; whoever acts is named among the people. Without a content (None)
    nothing is sealed and nobody is named.
    """
    meeting = roll_call.meeting.uuid
    audit.record(
        event,
        base=roll_call.base.uuid,
        log=roll_call.institution_code.log,
        code=roll_call.institution_code.code,
        at=at,
        actor=actor_of(by),
        day=roll_call.starts_at.astimezone(roll_call.base.tz).date(),
        meeting=meeting,
        student=student.uuid if student else None,
        teachers=[UUID(teacher) for teacher in roll_call.teacher_uuids],
        method=method.value if method else None,
        corrects=corrects,
        details=details,
        content=content,
        people={**author(by), **people},
        subject=subject,
    )
    tell([(str(roll_call.base.uuid), str(meeting))])


def record_start(roll_call: RollCall, *, by: User, at: datetime) -> None:
    """Record that students may scan from now on."""
    rolling = roll_call.mode == Mode.ROLLING_QR.value
    pace = {"period_seconds": roll_call.period_seconds, "grace_seconds": roll_call.grace_seconds} if rolling else {}
    taught_by = Teacher.objects.filter(uuid__in=[UUID(teacher) for teacher in roll_call.teacher_uuids])
    record(
        roll_call,
        "roll_call.started",
        by=by,
        at=at,
        subject=roll_call.uuid,
        details={
            "mode": roll_call.mode,
            **pace,
            "closes_at": instant(closes_at(roll_call.ends_at, roll_call.extension_minutes)),
        },
        content={},
        people=teachers(taught_by),
    )


def record_who_is_listed(roll_call: RollCall, roster: Iterable[Student], *, by: User, at: datetime) -> None:
    """Record who stands in a roster, one record a student, but for those whom the log names already.

    Without it a student who neither signs nor is marked would stay a pseudonym in every audit trail.
    """
    students, code = list(roster), roll_call.institution_code
    named = named_students(code.log, [student.uuid for student in students])
    for student in students:
        if student.uuid not in named:
            audit.record(
                "student.listed",
                base=roll_call.base.uuid,
                log=code.log,
                code=code.code,
                at=at,
                actor=actor_of(by),
                day=at.astimezone(roll_call.base.tz).date(),
                student=student.uuid,
                content={},
                people={**author(by), **identity(student)},
                subject=student.uuid,
            )
