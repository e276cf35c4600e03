"""The demo school: its people and its term from the files beside, its logins, and class meetings around now."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from importlib.resources import files
from pathlib import Path

from django.db import transaction
from django.db.models import Q
from django_scopes import scope

from emarge.accounts.actions import (
    ADMINISTRATION,
    SECRETARIAT,
    create_user,
    ensure_default_profiles,
    generate_password,
    set_password,
)
from emarge.accounts.models import User
from emarge.attendance.actions import activate, flag_courses
from emarge.attendance.rules import OPENS_BEFORE
from emarge.cli.import_ import flag_as_subject, roll_call_lockings
from emarge.hosting.actions import create_base
from emarge.hosting.models import Base
from emarge.institutions.codes import find_or_create_code
from emarge.institutions.models import Group, Teacher
from emarge.lib.files import write_secret
from emarge.timetable.actions import Lesson, plan_meeting
from emarge.timetable.files_import import SourceFile, import_files
from emarge.timetable.models import ClassMeeting, Course

ACCOUNT, PLANNING, NAME, CODE = "Campus des Tilleuls", "planning01", "2026-2027", "DÉMO-2026"
LOGINS = "demo-logins.txt"
_FILES = ("enseignants.csv", "etudiants.csv", "emploi-du-temps.ics")
_IMPORTED = (
    ("teacher", "camille.moreau", "camille.moreau@tilleuls.example"),
    ("student", "lea.martin", "lea.martin@etu.tilleuls.example"),
    ("student", "sofia.benali", "sofia.benali@etu.tilleuls.example"),
    ("student", "jules.petit", "jules.petit@etu.tilleuls.example"),
)
_STAFF = (
    ("secretary", "nadia.lefevre", "Nadia", "LEFÈVRE", SECRETARIAT),
    ("director", "paul.girard", "Paul", "GIRARD", ADMINISTRATION),
)
_STEP = timedelta(minutes=5)
_LEFT_TO_PLAY = timedelta(minutes=10)
_WEEK_UID, _NOW_UID = "demo:week", "demo:now"
# The cohort whose students can log in: nothing else is planned for it while the meetings around now run.
_COHORT, _GROUP, _OTHER_GROUP, _TOUR_GROUP = "BTS SIO 1", "SIO1-A", "SIO1-B", "Projet web"


class DemoExistsError(RuntimeError):
    """The data folder holds a base already."""


@dataclass(frozen=True)
class _Slot:
    """A class meeting that is planned, in the base's wall clock made aware."""

    lesson: Lesson
    teachers: list[Teacher]
    starts_at: datetime
    ends_at: datetime
    uid: str


def demo_base() -> Base | None:
    """The base of the demo school, None when it was not made."""
    return Base.objects.filter(planning__account__name=ACCOUNT, planning__name=PLANNING, name=NAME).first()


def build_demo(data: Path, *, at: datetime) -> Base:
    """Make the demo school in the data folder and write its logins to ``demo-logins.txt``, all or nothing.

    Raises DemoExistsError when a base is there.
    """
    with transaction.atomic():
        if Base.objects.exists():
            raise DemoExistsError
        base = create_base(ACCOUNT, PLANNING, NAME)
        folder = files("emarge.cli") / "demo_data"
        sources = [SourceFile(name, (folder / name).read_bytes()) for name in _FILES]
        reports = import_files(base, sources, at=at, lockings=roll_call_lockings(at))
        flag_as_subject(base, reports, at=at)
        with scope(base=base):
            logins = _make_logins(base)
        # Left by an attempt that failed after this line: its base is not there, so its passwords open nothing.
        (data / LOGINS).unlink(missing_ok=True)
        write_secret(data / LOGINS, "".join(f"{role:<10} {login:<16} {password}\n" for role, login, password in logins))
    return base


def read_logins(data: Path) -> dict[str, tuple[str, str]]:
    """Login and password by role: teacher, student1, student2, student3, secretary, director."""
    logins = {}
    students = 0
    for line in (data / LOGINS).read_text(encoding="utf-8").splitlines():
        role, login, password = line.split()
        if role == "student":
            students += 1
            role = f"student{students}"
        logins[role] = (login, password)
    return logins


def activate_demo(base: Base, *, at: datetime) -> None:
    """Activate digital sign-in under the demo code; harmless when it is active already."""
    with scope(base=base):
        activate(base, code=find_or_create_code(base.planning.account, CODE), by=None, at=at)


@transaction.atomic
def add_meetings_around(base: Base, now: datetime) -> None:
    """Plan today's three meetings of the demo teacher (ended, running, next), and the week when it is empty.

    Called again while one of them runs and is not validated, it changes nothing.
    """
    with scope(base=base):
        around = list(_around(now))
        week = list(_week(base, now))
        today = now.astimezone(base.tz).date()
        if _one_runs(now) or ClassMeeting.objects.filter(source_uid=around[0].uid).exists():
            return
        _clear(around)
        for slot in around:
            _plan(base, slot)
        planned = ClassMeeting.objects.filter(source_uid__in=[slot.uid for slot in week]).exists()
        if not planned and not _has_imported_week(week):
            for slot in week:
                on_today = slot.starts_at.astimezone(base.tz).date() == today
                if not (on_today and _clashes(slot, around)):
                    _plan(base, slot)
        flag_courses(Course.objects.all(), subject_to=True, by=None, at=now)


def _one_runs(now: datetime) -> bool:
    """Whether somebody who starts the demo now finds a class meeting to call, or to go on with."""
    return (
        ClassMeeting.objects.filter(source_uid__startswith=_NOW_UID)
        .filter(starts_at__lte=now + OPENS_BEFORE, ends_at__gt=now + _LEFT_TO_PLAY)
        .filter(Q(roll_call=None) | Q(roll_call__validated_at=None))
        .exists()
    )


def plan_tour(base: Base, *, starts_at: datetime, ends_at: datetime) -> ClassMeeting:
    """Plan the small class meeting that `emarge demo play` certifies."""
    with scope(base=base):
        meeting = plan_meeting(
            base,
            Lesson("Projet web", "Projet", [_group(_TOUR_GROUP)], "Salle 204"),
            teachers=[_demo_teacher()],
            starts_at=starts_at,
            ends_at=ends_at,
        )
        flag_courses([meeting.course], subject_to=True, by=None, at=starts_at)
        return meeting


def _make_logins(base: Base) -> list[tuple[str, str, str]]:
    profiles = ensure_default_profiles(base)
    logins = []
    for role, login, email in _IMPORTED:
        user = User.objects.get(base=base, login=email)
        user.login = login
        user.save(update_fields=["login"])
        logins.append((role, user))
    for role, login, first, last, profile in _STAFF:
        user = create_user(base, login=login, first_name=first, last_name=last, profile=profiles[profile])
        logins.append((role, user))
    made = []
    for role, user in logins:
        password = generate_password()
        set_password(user, password)
        made.append((role, user.login, password))
    return made


def _demo_teacher() -> Teacher:
    return Teacher.objects.get(email=_IMPORTED[0][2])


def _group(name: str) -> Group:
    return Group.objects.get(name=name)


def _around(now: datetime) -> Iterator[_Slot]:
    """Ended an hour ago; running for forty minutes; beginning in three quarters of an hour."""
    start = now - timedelta(seconds=now.timestamp() % _STEP.total_seconds())
    teacher = _demo_teacher()
    for name, group, lesson, begins, ends in (
        ("ended", _COHORT, ("Algorithmique", "CM", "Amphi Tilleul"), -180, -60),
        ("running", _GROUP, ("Développement web", "TP", "Salle 204"), -40, 40),
        ("next", _OTHER_GROUP, ("Développement web", "TP", "Salle 204"), 45, 165),
    ):
        subject, course_type, room = lesson
        yield _Slot(
            Lesson(subject, course_type, [_group(group)], room),
            [teacher],
            start + timedelta(minutes=begins),
            start + timedelta(minutes=ends),
            f"{_NOW_UID}:{start:%Y-%m-%dT%H:%M}:{name}",
        )


def _week(base: Base, now: datetime) -> Iterator[_Slot]:
    """The meetings of an ordinary week of the school, in the week of ``now``."""
    today = now.astimezone(base.tz).date()
    monday = today - timedelta(days=today.weekday())
    teachers = {str(teacher): teacher for teacher in Teacher.objects.all()}
    text = (files("emarge.cli") / "demo_data" / "semaine.csv").read_text(encoding="utf-8")
    for number, row in enumerate(csv.DictReader(text.splitlines(), delimiter=";")):
        day = monday + timedelta(days=int(row["day"]))
        yield _Slot(
            Lesson(row["subject"], row["type"], [_group(row["public"])], row["room"]),
            [teachers[name] for name in row["teachers"].split(",")],
            datetime.combine(day, time.fromisoformat(row["start"]), base.tz),
            datetime.combine(day, time.fromisoformat(row["end"]), base.tz),
            f"{_WEEK_UID}:{monday}:{number}",
        )


def _has_imported_week(week: list[_Slot]) -> bool:
    """Whether the term's own timetable fills these days."""
    meetings = ClassMeeting.objects.filter(
        starts_at__gte=week[0].starts_at - timedelta(days=1), starts_at__lte=week[-1].ends_at
    )
    return meetings.exclude(source_uid__startswith="demo:").exclude(source_uid="").exists()


def _clashes(slot: _Slot, around: list[_Slot]) -> bool:
    """Whether it would need the demo teacher, or the cohort that logs in, at the time of a meeting around now."""
    involved = around[0].teachers[0] in slot.teachers or any(
        _COHORT in {group.name, group.cohort.name if group.cohort else ""} for group in slot.lesson.groups
    )
    return involved and any(slot.starts_at < one.ends_at and one.starts_at < slot.ends_at for one in around)


def _clear(around: list[_Slot]) -> None:
    """Take away what an earlier start planned for this time, unless its roll was called."""
    planned_here = Q(source_uid__startswith=_WEEK_UID) | Q(source_uid__startswith=_NOW_UID)
    for meeting in ClassMeeting.objects.filter(planned_here, roll_call=None):
        slot = _Slot(
            Lesson("", "", list(meeting.course.groups.all())),
            list(meeting.teachers.all()),
            meeting.starts_at,
            meeting.ends_at,
            meeting.source_uid,
        )
        if _clashes(slot, around):
            meeting.delete()


def _plan(base: Base, slot: _Slot) -> None:
    plan_meeting(
        base,
        slot.lesson,
        teachers=slot.teachers,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        source_uid=slot.uid,
    )
