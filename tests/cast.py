"""The fixed cast of the tests: one small school, its people, one class meeting, and a stranger's school."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django_scopes import scope

from emarge.accounts.models import Profile, Right, User
from emarge.attendance.models import Parameters
from emarge.hosting.models import Base, HostingAccount, Planning
from emarge.institutions.models import Group, InstitutionCode, Room, Student, Subject, Teacher
from emarge.timetable.models import ClassMeeting, Course, CourseType

PASSWORD = "correct horse battery staple"
TEN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # ten o'clock in Paris
NOON = TEN + timedelta(hours=2)

_RIGHTS = {
    "teacher": [Right.ENTER_ABSENCES],
    "secretary": [
        Right.OPEN_FOR_TEACHER,
        Right.SUPERVISE,
        Right.VALIDATE_MEETINGS,
        Right.EDIT_PARAMETERS,
        Right.EDIT_SUBJECTION,
        Right.REQUEST_AUDIT_TRAILS,
        Right.CONSULT_HISTORIES,
        Right.MANAGE_RETENTION,
    ],
    "director": [Right.SUPERVISE, Right.APPROVE_AUDIT_TRAILS, Right.APPROVE_DESTRUCTIONS],
}


@dataclass
class School:
    """Everything of one base, ready to act. Students: Alice and Bao sign, Chloe is absent, Dan is not subject."""

    base: Base
    code: InstitutionCode
    teacher: Teacher
    colleague: Teacher
    helpless: Teacher
    """Teaches the meeting too, without the right to enter absences."""
    secretary: User
    director: User
    group: Group
    meeting: ClassMeeting
    students: dict[str, Student] = field(default_factory=dict)


def _user(base: Base, login: str, first: str, last: str, profile: Profile | None = None) -> User:
    user = User(base=base, login=login, first_name=first, last_name=last, profile=profile)
    user.set_password(PASSWORD)
    user.save()
    return user


def make_school(name: str = "a", *, starts_at: datetime = TEN, ends_at: datetime = NOON) -> School:
    """A school whose host is ``<name>.localhost``, active, with one meeting subject to sign-in."""
    account = HostingAccount.objects.create(name=f"Account {name}")
    planning = Planning.objects.create(account=account, name="planning01")
    base = Base.objects.create(planning=planning, name="2026-2027", domain=f"{name}.localhost")
    code = InstitutionCode.objects.create(account=account, code=f"École-{name}", log=f"log-{name}")
    with scope(base=base):
        profiles = {
            key: Profile.objects.create(base=base, name=key, rights=[right.value for right in rights])
            for key, rights in _RIGHTS.items()
        }
        Parameters.objects.create(base=base, active=True, institution_code=code)
        teachers = [
            Teacher.objects.create(
                base=base,
                last_name=last,
                first_name=first,
                user=_user(base, first.lower(), first, last, profile),
            )
            for first, last, profile in [
                ("Thomas", "TESSIER", profiles["teacher"]),
                ("Colette", "COLIN", profiles["teacher"]),
                ("Hugo", "HAMON", None),
            ]
        ]
        group = Group.objects.create(base=base, kind=Group.Kind.GROUP, name="INFO1-G1")
        school = School(
            base=base,
            code=code,
            teacher=teachers[0],
            colleague=teachers[1],
            helpless=teachers[2],
            secretary=_user(base, "sylvie", "Sylvie", "SIMON", profiles["secretary"]),
            director=_user(base, "denis", "Denis", "DUPRE", profiles["director"]),
            group=group,
            meeting=_meeting(base, group, teachers, starts_at, ends_at),
        )
        for number, (first, last, subject) in enumerate(
            [
                ("Alice", "ADAM", True),
                ("Bao", "BENOÎT", True),
                ("Chloe", "CARON", True),
                ("Dan", "DAVID", False),
            ]
        ):
            student = Student.objects.create(
                base=base,
                last_name=last,
                first_name=first,
                birth_on=date(2005, 1, 1 + number),
                identifier_type="ine",
                identifier=f"11117210{number}HG",
                subject_to_sign_in=subject,
                user=_user(base, first.lower(), first, last),
            )
            student.groups.add(group)
            school.students[first.lower()] = student
    return school


def _meeting(base: Base, group: Group, teachers: list[Teacher], starts_at: datetime, ends_at: datetime) -> ClassMeeting:
    course = Course.objects.create(
        base=base,
        subject=Subject.objects.create(base=base, name="R1.01 Initiation au développement"),
        course_type=CourseType.objects.create(base=base, name="TD"),
        digital_sign_in=True,
    )
    course.groups.add(group)
    meeting = ClassMeeting.objects.create(
        base=base,
        course=course,
        starts_at=starts_at,
        ends_at=ends_at,
        room=Room.objects.create(base=base, name="S102"),
    )
    meeting.teachers.set(teachers)
    return meeting
