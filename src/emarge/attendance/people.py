"""Who acts and who is spoken of, as the audit trail sees them."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist

from emarge.accounts.models import User
from emarge.audit.actions import OPERATOR, Actor
from emarge.institutions.models import Student, Teacher


def teacher_of(user: User) -> Teacher | None:
    """The teacher who logs in as this user."""
    try:
        return user.teacher
    except ObjectDoesNotExist:
        return None


def student_of(user: User) -> Student | None:
    """The student who logs in as this user."""
    try:
        return user.student
    except ObjectDoesNotExist:
        return None


def actor_of(user: User | None) -> Actor:
    """The role and the person behind a user: a teacher or a student is that person, anybody else is staff.

    Nobody logged in is the operator, at the command line of the machine.
    """
    if user is None:
        return Actor("operator", OPERATOR)
    teacher = teacher_of(user)
    if teacher is not None:
        return Actor("teacher", teacher.uuid)
    student = student_of(user)
    return Actor("student", student.uuid) if student is not None else Actor("staff", user.uuid)


def name_of(person: Teacher | Student | User) -> dict[str, str]:
    """A person's name, for sealed contents only."""
    name = f"{person.last_name} {person.first_name}".strip()
    return {"name": name, "last_name": person.last_name, "first_name": person.first_name}


def author(user: User | None) -> dict[UUID, dict[str, Any]]:
    """Who acts, by name, for sealed contents only; nobody to name when it is the operator."""
    person = None if user is None else actor_of(user).person
    return {person: name_of(user)} if user is not None and person is not None else {}


def teachers(people: Iterable[Teacher]) -> dict[UUID, dict[str, Any]]:
    """Teachers by name, for sealed contents only."""
    return {teacher.uuid: name_of(teacher) for teacher in people}


def identity(student: Student) -> dict[UUID, dict[str, Any]]:
    """A student's name, identifier and birth date (null when unknown), for sealed contents only."""
    return {
        student.uuid: identified(
            student.last_name, student.first_name, student.identifier_type, student.identifier, student.birth_on
        )
    }


def identified(
    last_name: str, first_name: str, identifier_type: str, identifier: str, birth_on: date | None
) -> dict[str, Any]:
    """What a sealed content says of a student."""
    return {
        "name": f"{last_name} {first_name}".strip(),
        "last_name": last_name,
        "first_name": first_name,
        "identifier_type": identifier_type,
        "identifier": identifier,
        "birth_on": birth_on.isoformat() if birth_on else None,
    }
