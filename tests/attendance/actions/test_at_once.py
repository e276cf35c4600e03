"""Two devices at the same moment: real threads, real transactions."""

import pytest
from django_scopes import scope

from emarge.attendance import actions
from emarge.attendance.models import RollCall, SignIn
from emarge.audit.models import OutboxEvent
from tests.attendance.at_once import at_once
from tests.attendance.journey import open_the_sign_in, sign
from tests.cast import TEN, make_school

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_devices_make_one_sign_in_and_both_succeed():
    school = make_school()
    with scope(base=school.base):
        roll_call = open_the_sign_in(school)
    answers = at_once(school.base, *[lambda: sign(school, roll_call, "alice")] * 4)
    with scope(base=school.base):
        only = SignIn.objects.get()
    assert answers == [only] * 4
    assert OutboxEvent.objects.filter(event="sign_in.signed").count() == 1


def test_two_teachers_open_one_roll_call():
    school = make_school()

    def opens(teacher):
        return lambda: actions.open_roll_call(school.meeting, by=teacher.user, at=TEN)

    answers = at_once(school.base, opens(school.teacher), opens(school.colleague))
    with scope(base=school.base):
        only = RollCall.objects.get()
    assert answers == [only] * 2
    assert OutboxEvent.objects.filter(event="roll_call.opened").count() == 1


def test_students_sign_beside_each_other():
    school = make_school()
    with scope(base=school.base):
        roll_call = open_the_sign_in(school)
    answers = at_once(
        school.base,
        lambda: sign(school, roll_call, "alice").line.student.first_name,
        lambda: sign(school, roll_call, "bao").line.student.first_name,
    )
    assert answers == ["Alice", "Bao"]
