from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django_scopes import scope

from emarge.accounts.models import User
from emarge.attendance.models import Parameters
from emarge.cli.demo_base import (
    DemoExistsError,
    activate_demo,
    add_meetings_around,
    build_demo,
    demo_base,
    plan_tour,
    read_logins,
)
from emarge.institutions.models import Group, Student, Teacher
from emarge.timetable.models import ClassMeeting, Course

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 9, 2, 30, tzinfo=UTC)  # a Tuesday, when the ordinary week has meetings too


@pytest.fixture
def base(tmp_path):
    base = build_demo(tmp_path, at=NOW)
    with scope(base=base):
        yield base


def test_the_demo_school_is_whole(base):
    assert demo_base() == base
    assert (Student.objects.count(), Teacher.objects.count(), ClassMeeting.objects.count()) == (60, 8, 217)
    assert sorted(Group.objects.filter(kind="cohort").values_list("name", flat=True)) == [
        "BTS SIO 1",
        "Licence pro Énergie (apprentis)",
    ]
    assert Student.objects.filter(subject_to_sign_in=True).count() == 59
    assert Course.objects.filter(digital_sign_in=False).count() == 0


def test_the_logins_open_and_are_kept_for_their_owner_alone(base, tmp_path):
    logins = read_logins(tmp_path)
    assert {role: login for role, (login, _password) in logins.items()} == {
        "teacher": "camille.moreau",
        "student1": "lea.martin",
        "student2": "sofia.benali",
        "student3": "jules.petit",
        "secretary": "nadia.lefevre",
        "director": "paul.girard",
    }
    assert all(User.objects.get(base=base, login=login).check_password(secret) for login, secret in logins.values())
    assert (tmp_path / "demo-logins.txt").stat().st_mode & 0o777 == 0o600


def test_a_second_demo_is_refused_and_the_logins_stay(base, tmp_path):
    before = read_logins(tmp_path)
    with pytest.raises(DemoExistsError):
        build_demo(tmp_path, at=NOW)
    assert read_logins(tmp_path) == before


def test_the_demo_is_active_under_its_code(base):
    for _again in range(2):
        activate_demo(base, at=NOW)
    parameters = Parameters.objects.get()
    assert (parameters.active, parameters.institution_code.code) == (True, "DÉMO-2026")


def around():
    return {
        meeting.source_uid.rpartition(":")[2]: (meeting.starts_at, meeting.ends_at)
        for meeting in ClassMeeting.objects.filter(source_uid__startswith="demo:now")
    }


def test_three_meetings_stand_around_now(base):
    add_meetings_around(base, NOW)
    start = NOW.replace(minute=0, second=0)
    assert around() == {
        "ended": (start - timedelta(hours=3), start - timedelta(hours=1)),
        "running": (start - timedelta(minutes=40), start + timedelta(minutes=40)),
        "next": (start + timedelta(minutes=45), start + timedelta(minutes=165)),
    }
    assert Course.objects.filter(digital_sign_in=False).count() == 0


def test_one_always_runs_and_never_two_at_a_time_for_the_demo_teacher(base):
    add_meetings_around(base, NOW)
    planned = list(ClassMeeting.objects.values_list("id", "starts_at"))
    add_meetings_around(base, NOW + timedelta(hours=2))
    assert list(ClassMeeting.objects.values_list("id", "starts_at")) == planned
    add_meetings_around(base, NOW + timedelta(days=2))
    mine = list(ClassMeeting.objects.filter(teachers__email="camille.moreau@tilleuls.example").order_by("starts_at"))
    assert all(first.ends_at <= second.starts_at for first, second in pairwise(mine))
    days = {meeting.starts_at.astimezone(base.tz).date() for meeting in mine if meeting.starts_at > NOW}
    assert {f"{day:%d}" for day in days} == {"24", "26", "27"}


def test_the_tour_is_small_and_holds_the_students_who_log_in(base):
    meeting = plan_tour(base, starts_at=NOW, ends_at=NOW + timedelta(hours=1))
    logins = Student.objects.filter(groups__courses=meeting.course).values_list("user__login", flat=True)
    assert len(logins) == 5
    assert {"lea.martin", "sofia.benali", "jules.petit"} - set(logins) == set()
    assert (meeting.course.digital_sign_in, [str(one) for one in meeting.teachers.all()]) == (True, ["MOREAU Camille"])
