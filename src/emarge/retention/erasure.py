"""What the bases hold of a person who is erased: names, identities, drawings, the login."""

from collections.abc import Collection
from uuid import UUID

from emarge.accounts.models import User
from emarge.attendance.models import ReviewedAnomaly, RollCallLine, Scan, SignIn, TeacherSignature
from emarge.audit.models import PersonKey
from emarge.institutions.models import Student, Teacher
from emarge.proof.evidence import records
from emarge.retention.models import LegalHold, Order

ERASED = "∅"
"""Stands in the place of a name: it is the same in every language."""


def pseudonyms_of(people: Collection[UUID]) -> dict[UUID, str]:
    """The pseudonyms that these persons have; whoever never had one needs none now."""
    rows = PersonKey.objects.filter(person__in=list(people))
    return {row.person: records.pseudonym(bytes(row.key), str(row.person)) for row in rows.order_by("pk")}


def erase_people(people: Collection[UUID], order: Order) -> None:
    """Replace names and empty signatures, in every base where these persons stand. Inside a transaction."""
    name = {"last_name": ERASED, "first_name": str(order.uuid)[:8]}
    students = Student.objects.filter(uuid__in=people)
    users = [user for user in students.values_list("user", flat=True) if user]
    marks = {"device": "", "network": "", "session": ""}
    SignIn.objects.filter(line__student__in=students).update(drawing=b"", **marks)
    Scan.objects.filter(line__student__in=students).update(**marks)
    ReviewedAnomaly.objects.filter(line__student__in=students).update(note="")
    RollCallLine.objects.filter(student__in=students).update(**name, reason="", settled_reason="")
    for student in students:
        student.groups.clear()
    students.update(
        **name,
        birth_on=None,
        identifier_type="",
        identifier="",
        email="",
        employer="",
        employer_email="",
        source_key="",
        subject_to_sign_in=False,
    )
    teachers = Teacher.objects.filter(uuid__in=people)
    users += [user for user in teachers.values_list("user", flat=True) if user]
    TeacherSignature.objects.filter(teacher__in=teachers).update(drawing=b"")
    teachers.update(**name, email="", source_key="")
    LegalHold.objects.filter(student__in=students).update(about="", reason="")
    for user in User.objects.filter(pk__in=users):
        user.login, user.is_active = f"erased-{user.uuid}", False
        user.last_name, user.first_name = name["last_name"], name["first_name"]
        user.set_unusable_password()
        user.save()
