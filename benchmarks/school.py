"""A school ready to sign: students logged in, class meetings open. ``python -m benchmarks.school DATA`` prints it.

Everything goes through the product's own actions but the accounts and sessions, which are only the way in.
"""

import argparse
import json
import secrets
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

DRAWING = "v1;600x300;100,150 20,-40 25,30 30,-35 40,60 35,-20 15,-10 20,35;320,140 12,18 20,-30 25,25 30,-10"
PASSWORD = "a password for the benchmarks"


def build(
    *, students: int, meetings: int, base_name: str, by_code: bool = False, password: bool = False
) -> dict[str, Any]:
    """Make a base with one group, one teacher and open sign-ins; answer cookies and the lines each may sign.

    With ``password`` the students may log in with PASSWORD.
    """
    from django.conf import settings
    from django.contrib.auth.hashers import make_password
    from django_scopes import scope

    from emarge.attendance.models import RollCall, RollCallLine
    from emarge.hosting.models import Base, HostingAccount, Planning

    account = HostingAccount.objects.create(name=f"Load {base_name}")
    planning = Planning.objects.create(account=account, name="planning01")
    base = Base.objects.create(planning=planning, name=base_name)
    with scope(base=base):
        people = _people(base, account, students, make_password(PASSWORD) if password else "!")
        _open_meetings(base, people, meetings, by_code=by_code)
        lines: dict[int, list[str]] = {}
        for user_id, uuid in RollCallLine.objects.order_by("roll_call_id").values_list("student__user_id", "uuid"):
            lines.setdefault(user_id, []).append(str(uuid))
        return {
            "session_cookie": settings.SESSION_COOKIE_NAME,
            "csrf_cookie": settings.CSRF_COOKIE_NAME,
            "teacher": _session(people["teacher"].user),
            "meetings": [str(call.meeting.uuid) for call in RollCall.objects.order_by("id").select_related("meeting")],
            "roll_calls": _codes() if by_code else [],
            "students": [{"session": _session(user), "lines": lines[user.pk]} for user in people["students"]],
        }


def _people(base: Any, account: Any, students: int, password: str) -> dict[str, Any]:
    from emarge.accounts.models import Profile, Right, User
    from emarge.institutions.models import Group, InstitutionCode, Student, Teacher

    profile = Profile.objects.create(
        base=base, name="All", rights=[Right.ENTER_ABSENCES.value, Right.EDIT_PARAMETERS.value]
    )
    teacher_user = User.objects.create(base=base, login="teacher", password="!", profile=profile)
    group = Group.objects.create(base=base, kind=Group.Kind.GROUP, name="Group")
    users = User.objects.bulk_create(
        User(base=base, login=f"student{number}", password=password) for number in range(students)
    )
    rows = Student.objects.bulk_create(
        Student(
            base=base,
            user=user,
            last_name=f"NAME{number}",
            first_name="First",
            birth_on=date(2005, 1, 1) + timedelta(days=number),
            identifier_type="ine",
            identifier=f"{number:09}HG",
            subject_to_sign_in=True,
        )
        for number, user in enumerate(users)
    )
    group.students.add(*rows)
    return {
        "students": users,
        "teacher": Teacher.objects.create(base=base, user=teacher_user, last_name="TEACHER", first_name="A"),
        "group": group,
        "code": InstitutionCode.objects.create(account=account, code=base.name, log=secrets.token_hex(8)),
    }


def _open_meetings(base: Any, people: dict[str, Any], count: int, *, by_code: bool) -> None:
    from emarge.attendance import actions
    from emarge.attendance.models import ModeOfCourse
    from emarge.attendance.rules import Method, Mode
    from emarge.institutions.models import Subject
    from emarge.timetable.models import ClassMeeting, Course, CourseType

    now = datetime.now(UTC)
    teacher = people["teacher"]
    actions.activate(base, code=people["code"], by=teacher.user, at=now)
    course = Course.objects.create(
        base=base,
        subject=Subject.objects.create(base=base, name="Load"),
        course_type=CourseType.objects.create(base=base, name="TD"),
        digital_sign_in=True,
    )
    course.groups.add(people["group"])
    if by_code:
        ModeOfCourse.objects.create(base=base, course=course, mode=Mode.ROLLING_QR.value)
    for _ in range(count):
        meeting = ClassMeeting.objects.create(
            base=base, course=course, starts_at=now - timedelta(minutes=30), ends_at=now + timedelta(hours=6)
        )
        meeting.teachers.add(teacher)
        roll_call = actions.open_roll_call(meeting, by=teacher.user, at=now)
        if not by_code:
            actions.end_roll_call(roll_call, by=teacher.user, at=now)
        actions.open_sign_in(roll_call, teacher=teacher, by=teacher.user, method=Method.DRAWN, drawing=DRAWING, at=now)


def _codes() -> list[dict[str, Any]]:
    """What the projector of each roll call will show during the next half hour, and at which path."""
    from emarge.attendance import codes
    from emarge.attendance.models import RollCall
    from emarge.attendance.queries import pace_of
    from emarge.attendance.tickets import key

    shown = []
    for roll_call in RollCall.objects.order_by("id"):
        pace = pace_of(roll_call)
        first = pace.step_at(datetime.now(UTC))
        steps = {step: codes.scan_code(key(), pace, step) for step in range(first, first + 120)}
        path = f"/Q/{codes.base36(roll_call.pk)}"
        shown.append({"path": path, "period": roll_call.period_seconds, "codes": steps})
    return shown


def _session(user: Any) -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    from emarge.accounts.session_store import SessionStore

    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = "emarge.accounts.backends.BaseLoginBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.save()
    return str(store.session_key)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument("--meetings", type=int, default=1)
    parser.add_argument("--base", default="load")
    parser.add_argument("--by-code", action="store_true", help="roll calls by rolling QR code")
    parser.add_argument("--password", action="store_true", help="let the students log in")
    args = parser.parse_args()

    from emarge.cli.django_setup import setup

    setup(args.data, create=True)
    given = {"by_code": args.by_code, "password": args.password}
    made = build(students=args.students, meetings=args.meetings, base_name=args.base, **given)
    print(json.dumps(made))


if __name__ == "__main__":
    main()
