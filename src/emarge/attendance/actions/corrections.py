"""Corrections of who a student is: the history follows them (row M7.4)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from emarge.accounts.models import Right, User
from emarge.attendance import rules
from emarge.attendance.people import actor_of, author, identity
from emarge.attendance.rules import Refusal
from emarge.attendance.texts import refuse
from emarge.audit import actions as audit
from emarge.audit import links
from emarge.audit.queries import logs_naming
from emarge.institutions.identities import Correction, Identity
from emarge.institutions.models import InstitutionCode, Student


@transaction.atomic
def record_corrections(corrections: Sequence[Correction], *, by: User | None, at: datetime, reason: str = "") -> None:
    """Record who was corrected, in every log that names them already; elsewhere there is nothing to follow."""
    for correction in corrections:
        for code in InstitutionCode.objects.filter(log__in=logs_naming(correction.student.uuid)).order_by("log"):
            _record(correction, code, by=by, at=at, reason=reason)


@transaction.atomic
def correct_student(student: Student, said: Identity, *, reason: str, by: User, at: datetime) -> bool:
    """Correct a student's name, identifier or birth date by hand; answers whether anything changed.

    Raises Refused: no right, no reason, no name, a part missing of somebody subject to sign-in, identity of another.
    """
    refuse(None if by.has_right(Right.EDIT_SUBJECTION) else Refusal.NO_RIGHT)
    student = Student.objects.select_for_update(of=("self",)).get(pk=student.pk)
    former = Identity.of(student)
    if said == former:
        return False
    others = Student.objects.exclude(pk=student.pk).filter(
        base=student.base_id,
        identifier_type=said.identifier_type,
        identifier=said.identifier,
        birth_on=said.birth_on,
    )
    taken = bool(said.identifier and said.birth_on) and others.exists()
    refuse(
        rules.why_not_correct(
            named=bool(said.last_name and said.first_name),
            whole=bool(said.identifier and said.birth_on) or not student.subject_to_sign_in,
            taken=taken,
            reason=reason,
        )
    )
    student.last_name, student.first_name, student.birth_on = said.last_name, said.first_name, said.birth_on
    student.identifier_type, student.identifier = said.identifier_type, said.identifier
    student.save(update_fields=["last_name", "first_name", "birth_on", "identifier_type", "identifier"])
    if student.user is not None:
        student.user.last_name, student.user.first_name = said.last_name, said.first_name
        student.user.save(update_fields=["last_name", "first_name"])
    record_corrections([Correction(student, former)], by=by, at=at, reason=reason.strip())
    return True


def _record(correction: Correction, code: InstitutionCode, *, by: User | None, at: datetime, reason: str) -> None:
    """One correction in one log: an alias when both identities are whole and differ."""
    student, former = correction.student, correction.former
    content: dict[str, Any] = {
        "former": {
            "last_name": former.last_name,
            "first_name": former.first_name,
            "identifier_type": former.identifier_type,
            "identifier": former.identifier,
            "birth_on": former.birth_on.isoformat() if former.birth_on else None,
        }
    }
    was = links.Identity.said(content["former"])
    now = links.Identity.said(identity(student)[student.uuid])
    alias = links.alias(code.log, student.uuid, was, now) if was and now and was != now else None
    audit.record(
        "student.alias" if alias else "student.corrected",
        base=student.base.uuid,
        log=code.log,
        code=code.code,
        at=at,
        actor=actor_of(by),
        day=at.astimezone(student.base.tz).date(),
        student=student.uuid,
        details=alias,
        content=content | ({"reason": reason} if reason else {}),
        people={**author(by), **identity(student)},
        subject=student.uuid,
    )
