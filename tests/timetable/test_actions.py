from datetime import timedelta

import pytest
from django_scopes import scope

from emarge.timetable.actions import Lesson, plan_meeting
from emarge.timetable.models import ClassMeeting, Course
from tests.cast import NOON, TEN, make_school

pytestmark = pytest.mark.django_db


def test_a_meeting_is_planned_with_its_course():
    school = make_school()
    with scope(base=school.base):
        lesson = Lesson("Droit", "CM", [school.group], "S9")
        first = plan_meeting(school.base, lesson, teachers=[school.teacher], starts_at=TEN, ends_at=NOON)
        second = plan_meeting(
            school.base, lesson, teachers=[], starts_at=TEN + timedelta(days=1), ends_at=NOON + timedelta(days=1)
        )
        assert (str(first.course), first.room.name, list(first.teachers.all())) == (
            "Droit (CM)",
            "S9",
            [school.teacher],
        )
        assert list(first.course.groups.all()) == [school.group]
        assert second.course == first.course


def test_a_named_meeting_is_planned_once():
    school = make_school()
    with scope(base=school.base):
        for start in (TEN, TEN - timedelta(hours=1)):
            plan_meeting(
                school.base,
                Lesson("Droit", "CM", [school.group]),
                teachers=[],
                starts_at=start,
                ends_at=NOON,
                source_uid="demo:1",
            )
        assert ClassMeeting.objects.get(source_uid="demo:1").starts_at == TEN
        assert Course.objects.count() == 2
