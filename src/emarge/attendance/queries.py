"""Reads shared by the screens; each brings what it shows along, so that the number of queries is constant."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from emarge.attendance import rules
from emarge.attendance.codes import Pace
from emarge.attendance.models import (
    ModeOfCourse,
    ModeOfType,
    RollCall,
    RollCallLine,
    Scan,
    SignIn,
    TeacherSignature,
)
from emarge.attendance.rules import Mode, Presence, SignInStatus
from emarge.hosting.models import Base
from emarge.institutions.models import Student, Teacher
from emarge.timetable.models import ClassMeeting, Course


class Filter(Enum):
    """What supervision may be narrowed to (row M6.1)."""

    ALL = "all"
    INCOMPLETE = "incomplete"
    UNSIGNED = "unsigned"
    OPEN_NOW = "open_now"


@dataclass(frozen=True)
class Tally:
    """How a roll call stands: students expected to sign (absent ones are not), and signatures.

    ``awaited`` have not scanned the code of a roll call that runs.
    """

    expected: int
    signed: int
    regularised: int
    absent: int
    late: int
    awaited: int
    students: int


@dataclass(frozen=True)
class Counts:
    """The numbers of one class meeting that its live streams tell (docs/formats/live.md)."""

    students: int = 0
    expected: int = 0
    scanned: int = 0
    signed: int = 0
    absent: int = 0
    awaited: int = 0


def mode_of(course: Course) -> Mode:
    """How the roll of a course is called: as the course says, else its type, else by the teacher (row M2.4)."""
    said = ModeOfCourse.objects.filter(course=course).first() or (
        ModeOfType.objects.filter(course_type_id=course.course_type_id).first()
    )
    return Mode(said.mode) if said else Mode.BY_TEACHER


def pace_of(roll_call: RollCall) -> Pace:
    """How the codes of a roll call follow each other."""
    if Mode(roll_call.mode) is not Mode.ROLLING_QR:
        return Pace(roll_call.uuid, None, timedelta())
    return Pace(roll_call.uuid, timedelta(seconds=roll_call.period_seconds), timedelta(seconds=roll_call.grace_seconds))


def is_scanning(roll_call: RollCall, now: datetime) -> bool:
    """Whether students may scan at an instant."""
    return Mode(roll_call.mode).by_code and roll_call.ended_at is None and is_open(roll_call, now)


def signed(line: RollCallLine) -> SignIn | None:
    """The signature of a line, if any."""
    try:
        return line.sign_in
    except ObjectDoesNotExist:
        return None


def scanned(line: RollCallLine) -> bool:
    """Whether the student of a line has scanned the code."""
    return Scan.objects.filter(line=line).exists()


def closes_at(roll_call: RollCall) -> datetime:
    """When the sign-in closes, or would close: planned end plus the extension frozen at the opening."""
    return rules.closes_at(roll_call.ends_at, roll_call.extension_minutes)


def sign_in_status(line: RollCallLine, now: datetime) -> SignInStatus:
    """The sign-in status of a line at an instant (row M5.5)."""
    return rules.sign_in_status(
        expected=line.expected,
        presence=Presence(line.presence),
        signed=signed(line) is not None,
        settled=line.settled_at is not None,
        closes_at=closes_at(line.roll_call),
        now=now,
    )


def is_open(roll_call: RollCall, now: datetime) -> bool:
    """Whether students may sign at an instant."""
    opened_at = roll_call.sign_in_opened_at
    return opened_at is not None and opened_at <= now <= closes_at(roll_call) and not roll_call.validated_at


def tally(roll_call: RollCall) -> Tally:
    """Count the lines of a roll call, from those already fetched."""
    lines = list(roll_call.lines.all())
    presences = [line.presence for line in lines]
    has_signed = [line for line in lines if signed(line) is not None]
    return Tally(
        expected=sum(line.expected and line.presence != Presence.ABSENT.value for line in lines),
        signed=len(has_signed),
        regularised=sum(line.settled_at is not None for line in lines),
        absent=presences.count(Presence.ABSENT.value),
        late=presences.count(Presence.LATE.value),
        awaited=presences.count(Presence.AWAITED.value),
        students=len(lines),
    )


def counts_of(meetings: Collection[str]) -> dict[str, Counts]:
    """The numbers of class meetings (UUIDs) in one query; none of a class meeting whose roll was not called."""
    absent = Q(presence=Presence.ABSENT.value)
    rows = (
        RollCallLine.objects.filter(roll_call__meeting__uuid__in=meetings)
        .order_by()
        .values_list("roll_call__meeting__uuid")
        .annotate(
            students=Count("pk"),
            to_sign=Count("pk", filter=Q(expected=True) & ~absent),
            scanned=Count("scan"),
            signed=Count("sign_in"),
            absent=Count("pk", filter=absent),
            awaited=Count("pk", filter=Q(presence=Presence.AWAITED.value)),
        )
    )
    return {str(meeting): Counts(*numbers) for meeting, *numbers in rows}


def day_begins(base: Base, day: date) -> datetime:
    """The instant at which a day begins in a base's time zone."""
    return datetime.combine(day, time(), tzinfo=base.tz)


def _lines() -> QuerySet[RollCallLine]:
    return RollCallLine.objects.select_related("sign_in", "settled_by", "student", "roll_call")


def _meetings(*, drawings: bool = False) -> QuerySet[ClassMeeting]:
    """Meetings with all that a list shows of them, roll call included; a sheet also shows the ``drawings``."""
    lines = _lines()
    signatures = TeacherSignature.objects.select_related("teacher").order_by("signed_at", "id")
    if not drawings:
        lines, signatures = lines.defer("sign_in__drawing"), signatures.defer("drawing")
    return ClassMeeting.objects.select_related(
        "base", "course__subject", "course__course_type", "room", "roll_call"
    ).prefetch_related(
        "teachers",
        "course__groups",
        Prefetch("roll_call__lines", queryset=lines),
        Prefetch("roll_call__teacher_signatures", queryset=signatures),
    )


def timetable_of_teacher(teacher: Teacher, first_on: date, last_on: date) -> QuerySet[ClassMeeting]:
    """The meetings a teacher teaches from one local day to another, both included, in order of time."""
    begins, ends = day_begins(teacher.base, first_on), day_begins(teacher.base, last_on + timedelta(days=1))
    return _meetings().filter(teachers=teacher, starts_at__gte=begins, starts_at__lt=ends)


def timetable_of_student(student: Student, first_on: date, last_on: date) -> QuerySet[ClassMeeting]:
    """The meetings taught to a student from one local day to another, both included, in order of time."""
    begins, ends = day_begins(student.base, first_on), day_begins(student.base, last_on + timedelta(days=1))
    groups = student.groups.all()
    taught = Q(course__groups__in=groups) | Q(course__groups__parts__in=groups)
    rows = ClassMeeting.objects.filter(taught, starts_at__gte=begins, starts_at__lt=ends).distinct()
    return rows.select_related("course__subject", "course__course_type", "room").prefetch_related("teachers")


def roll_call_lines(roll_call: RollCall) -> QuerySet[RollCallLine]:
    """The lines of a roll call with their signatures, in the order of the sheet."""
    return _lines().filter(roll_call=roll_call)


def sign_ins_of(student: Student) -> QuerySet[RollCallLine]:
    """The lines that a student was or is expected to sign, newest meeting first."""
    rows = _lines().filter(student=student, expected=True).select_related("roll_call__meeting")
    return rows.prefetch_related("roll_call__meeting__teachers").order_by("-roll_call__starts_at", "-id")


def open_lines_of(student: Student, now: datetime) -> QuerySet[RollCallLine]:
    """The lines that a student may sign at an instant, the first to close first."""
    return (
        _lines()
        .filter(
            student=student,
            expected=True,
            sign_in__isnull=True,
            settled_at__isnull=True,
            roll_call__sign_in_opened_at__lte=now,
            roll_call__sign_in_closes_at__gte=now,
            roll_call__validated_at__isnull=True,
        )
        .exclude(presence=Presence.ABSENT.value)
        .select_related("roll_call__meeting")
        .prefetch_related("roll_call__meeting__teachers")
        .order_by("roll_call__sign_in_closes_at", "id")
    )


def lines_to_scan(student: Student, now: datetime) -> QuerySet[RollCallLine]:
    """The lines of a student whose roll call by code runs at an instant and who has not been seen yet."""
    return open_lines_of(student, now).filter(presence=Presence.AWAITED.value, roll_call__ended_at__isnull=True)


def supervised_meetings(
    base: Base,
    *,
    filter: Filter = Filter.ALL,  # noqa: A002 - the word of the screen
    from_on: date | None = None,
    to_on: date | None = None,
    now: datetime,
    drawings: bool = False,
) -> QuerySet[ClassMeeting]:
    """The meetings of courses subject to sign-in, and others whose roll was called, latest first (row M6.1).

    Days are local and both included. *Incomplete*: begun, and the roll not called, no teacher's signature, or
    somebody present and unsigned; *unsigned*: somebody present and unsigned; *open now*: students may sign.
    A list shows no signature: ``drawings`` are only for a sheet.
    """
    rows = (
        _meetings(drawings=drawings)
        .filter(base=base)
        .filter(Q(course__digital_sign_in=True) | Q(roll_call__isnull=False))
    )
    if from_on is not None:
        rows = rows.filter(starts_at__gte=day_begins(base, from_on))
    if to_on is not None:
        rows = rows.filter(starts_at__lt=day_begins(base, to_on + timedelta(days=1)))
    unsigned = Exists(
        RollCallLine.objects.filter(
            roll_call=OuterRef("roll_call"), expected=True, sign_in__isnull=True, settled_at__isnull=True
        ).exclude(presence=Presence.ABSENT.value)
    )
    if filter is Filter.UNSIGNED:
        rows = rows.filter(unsigned)
    elif filter is Filter.OPEN_NOW:
        rows = rows.filter(
            roll_call__sign_in_opened_at__lte=now,
            roll_call__sign_in_closes_at__gte=now,
            roll_call__validated_at__isnull=True,
        )
    elif filter is Filter.INCOMPLETE:
        rows = rows.filter(starts_at__lte=now, cancelled=False).filter(
            Q(roll_call__isnull=True)
            | Q(roll_call__ended_at__isnull=True)
            | Q(roll_call__sign_in_opened_at__isnull=True)
            | Q(roll_call__teacher_signatures__isnull=True)
            | Q(unsigned)
        )
    return rows.order_by("-starts_at", "-id")
