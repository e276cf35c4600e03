from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from emarge.accounts.models import Right, User
from emarge.attendance import rules
from emarge.attendance.models import ModeOfCourse, ModeOfType, Parameters
from emarge.attendance.people import actor_of, author, identity
from emarge.attendance.rules import Mode, Refusal
from emarge.attendance.texts import refuse
from emarge.audit import actions as audit
from emarge.audit.queries import log_is_known
from emarge.hosting.models import Base
from emarge.institutions.models import InstitutionCode, Student
from emarge.institutions.rules import Lack, lacks
from emarge.timetable.models import Course, CourseType


@dataclass(frozen=True)
class Missing:
    """A student who cannot be subject to sign-in yet, and what is missing (row M3.4)."""

    student: Student
    lacks: tuple[Lack, ...]


def _need(by: User | None, right: Right) -> None:
    """The operator (``None``, at the command line) may; anybody else needs the right."""
    refuse(None if by is None or by.has_right(right) else Refusal.NO_RIGHT)


def _locked(base: Base) -> Parameters:
    Parameters.objects.get_or_create(base=base)
    return Parameters.objects.select_for_update().get(base=base)


def _record(
    parameters: Parameters,
    event: str,
    *,
    by: User | None,
    at: datetime,
    details: Mapping[str, Any],
    content: Mapping[str, Any] | None = None,
    student: Student | None = None,
) -> None:
    """Record a change of parameters.

    Before the first activation no institution code, hence no log, exists: nothing is recorded.
    """
    code = parameters.institution_code
    if code is None:
        return
    audit.record(
        event,
        base=parameters.base.uuid,
        log=code.log,
        code=code.code,
        at=at,
        actor=actor_of(by),
        day=at.astimezone(parameters.base.tz).date(),
        student=student.uuid if student else None,
        details=details,
        content=content or {},
        people={**author(by), **(identity(student) if student else {})},
        subject=student.uuid if student else None,
    )


def _record_parameters(parameters: Parameters, *, by: User | None, at: datetime) -> None:
    details = {
        "active": parameters.active,
        "extension_minutes": parameters.extension_minutes,
        "period_seconds": parameters.period_seconds,
        "grace_seconds": grace_of(parameters),
    }
    _record(parameters, "parameters.changed", by=by, at=at, details=details)


@transaction.atomic
def activate(base: Base, *, code: InstitutionCode, by: User | None, at: datetime) -> Parameters:
    """Activate digital sign-in under an institution code of the base's customer (rows M2.1, M2.2).

    The first record of a code says that its log opens. The same code again, when active, changes nothing.
    Raises Refused: no right, code of another account.
    """
    _need(by, Right.EDIT_PARAMETERS)
    refuse(Refusal.CODE_OF_ANOTHER_ACCOUNT if code.account_id != base.planning.account_id else None)
    parameters = _locked(base)
    if parameters.active and parameters.institution_code_id == code.pk:
        return parameters
    parameters.active, parameters.institution_code = True, code
    parameters.save(update_fields=["active", "institution_code"])
    if not log_is_known(code.log):
        _record(parameters, "log.opened", by=by, at=at, details={"log": code.log})
    _record_parameters(parameters, by=by, at=at)
    return parameters


@transaction.atomic
def deactivate(base: Base, *, by: User | None, at: datetime) -> Parameters:
    """Stop digital sign-in: no new roll call opens; those that are open run to their end.

    Raises Refused: no right.
    """
    _need(by, Right.EDIT_PARAMETERS)
    parameters = _locked(base)
    if not parameters.active:
        return parameters
    parameters.active = False
    parameters.save(update_fields=["active"])
    _record_parameters(parameters, by=by, at=at)
    return parameters


@transaction.atomic
def set_extension(base: Base, *, minutes: int, by: User | None, at: datetime) -> Parameters:
    """Set how long after the planned end students may sign; roll calls that are open keep theirs (row M2.3).

    Raises Refused: no right, extension out of range.
    """
    _need(by, Right.EDIT_PARAMETERS)
    refuse(rules.why_not_extend(minutes))
    parameters = _locked(base)
    if parameters.extension_minutes == minutes:
        return parameters
    parameters.extension_minutes = minutes
    parameters.save(update_fields=["extension_minutes"])
    _record_parameters(parameters, by=by, at=at)
    return parameters


def grace_of(parameters: Parameters) -> int:
    """How long after its period a rolling code still counts, in seconds: one period unless set (row M2.4)."""
    return parameters.period_seconds if parameters.grace_seconds is None else parameters.grace_seconds


@transaction.atomic
def set_rolling(base: Base, *, period: int, grace: int | None, by: User | None, at: datetime) -> Parameters:
    """Set the period of rolling codes and their grace, in seconds; roll calls that are open keep theirs (row M2.4).

    Raises Refused: no right, period or grace out of range.
    """
    _need(by, Right.EDIT_PARAMETERS)
    refuse(rules.why_not_set_period(period, grace))
    parameters = _locked(base)
    if (parameters.period_seconds, parameters.grace_seconds) == (period, grace):
        return parameters
    parameters.period_seconds, parameters.grace_seconds = period, grace
    parameters.save(update_fields=["period_seconds", "grace_seconds"])
    _record_parameters(parameters, by=by, at=at)
    return parameters


@transaction.atomic
def set_mode_of_type(course_type: CourseType, mode: Mode, *, by: User | None, at: datetime) -> None:
    """Say how the roll is called in the courses of a type; roll calls that are open keep theirs (row M2.4).

    Raises Refused: no right.
    """
    _need(by, Right.EDIT_PARAMETERS)
    parameters = _locked(course_type.base)
    said = ModeOfType.objects.filter(course_type=course_type).first()
    if (Mode(said.mode) if said else Mode.BY_TEACHER) is mode:
        return
    ModeOfType.objects.update_or_create(
        course_type=course_type, defaults={"base": course_type.base, "mode": mode.value}
    )
    _record(
        parameters,
        "course_type.mode_set",
        by=by,
        at=at,
        details={"mode": mode.value},
        content={"type": course_type.name},
    )


@transaction.atomic
def set_mode_of_courses(courses: Iterable[Course], mode: Mode | None, *, by: User | None, at: datetime) -> int:
    """Say how the roll is called in courses, or (None) as their type says; answers how many changed (row M2.4).

    Raises Refused: no right.
    """
    _need(by, Right.EDIT_SUBJECTION)
    rows = Course.objects.filter(pk__in=[course.pk for course in courses]).select_for_update(of=("self",))
    changed = []
    for course in rows.select_related("subject", "course_type", "base"):
        said = ModeOfCourse.objects.filter(course=course).first()
        if (Mode(said.mode) if said else None) is mode:
            continue
        if mode is None:
            ModeOfCourse.objects.filter(course=course).delete()
        else:
            ModeOfCourse.objects.update_or_create(course=course, defaults={"base": course.base, "mode": mode.value})
        changed.append(course)
    for course in changed:
        _record(
            _locked(course.base),
            "course.mode_set",
            by=by,
            at=at,
            details={"course": str(course.uuid), **({"mode": mode.value} if mode else {})},
            content={"title": course.subject.name, "type": course.course_type.name},
        )
    return len(changed)


@transaction.atomic
def flag_courses(courses: Iterable[Course], *, subject_to: bool, by: User | None, at: datetime) -> int:
    """Say whether courses are subject to digital sign-in (row M3.1); answers how many changed.

    Raises Refused: no right.
    """
    _need(by, Right.EDIT_SUBJECTION)
    rows = Course.objects.filter(pk__in=[course.pk for course in courses], digital_sign_in=not subject_to)
    rows = rows.select_for_update(of=("self",)).select_related("subject", "course_type", "base")
    changed = list(rows)
    if not changed:
        return 0
    Course.objects.filter(pk__in=[course.pk for course in changed]).update(digital_sign_in=subject_to)
    parameters = _locked(changed[0].base)
    for course in changed:
        _record(
            parameters,
            "course.flagged",
            by=by,
            at=at,
            details={"course": str(course.uuid), "flagged": subject_to},
            content={"title": course.subject.name, "type": course.course_type.name},
        )
    return len(changed)


@transaction.atomic
def flag_students(students: Iterable[Student], *, subject_to: bool, by: User | None, at: datetime) -> list[Missing]:
    """Say whether students are subject to sign-in (row M3.2).

    Those who lack an identifier or a date of birth are not flagged and are answered with what is missing
    (M3.4); the others of the same call are flagged. Raises Refused: no right.
    """
    _need(by, Right.EDIT_SUBJECTION)
    rows = Student.objects.filter(pk__in=[student.pk for student in students])
    rows = rows.filter(subject_to_sign_in=not subject_to).select_for_update(of=("self",))
    incomplete, changed = [], []
    for student in rows.select_related("base"):
        found = lacks(student.identifier, student.birth_on)
        if subject_to and found:
            incomplete.append(Missing(student, tuple(found)))
        else:
            changed.append(student)
    Student.objects.filter(pk__in=[student.pk for student in changed]).update(subject_to_sign_in=subject_to)
    if changed:
        parameters = _locked(changed[0].base)
        audit.pseudonyms(student.uuid for student in changed)
        for student in changed:
            _record(
                parameters,
                "student.flagged",
                by=by,
                at=at,
                details={"flagged": subject_to},
                student=student,
            )
    return incomplete
