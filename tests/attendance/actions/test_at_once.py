"""Two devices at the same moment: real threads, real transactions."""

import threading

import pytest
from django.db import connection
from django_scopes import scope

from emarge.attendance import actions
from emarge.attendance.models import RollCall, SignIn
from emarge.audit.models import OutboxEvent
from tests.attendance.journey import open_the_sign_in, sign
from tests.cast import TEN, make_school

pytestmark = pytest.mark.django_db(transaction=True)


def _at_once(school, *acts):
    """Run acts in threads that start together; answer what each returned or raised."""
    barrier, answers = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number, act):
        try:
            with scope(base=school.base):
                barrier.wait()
                answers[number] = act()
        except Exception as error:  # noqa: BLE001 - given back to the test
            answers[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_two_devices_make_one_sign_in_and_both_succeed():
    school = make_school()
    with scope(base=school.base):
        roll_call = open_the_sign_in(school)
    answers = _at_once(school, *[lambda: sign(school, roll_call, "alice")] * 4)
    with scope(base=school.base):
        only = SignIn.objects.get()
    assert answers == [only] * 4
    assert OutboxEvent.objects.filter(event="sign_in.signed").count() == 1


def test_two_teachers_open_one_roll_call():
    school = make_school()

    def opens(teacher):
        return lambda: actions.open_roll_call(school.meeting, by=teacher.user, at=TEN)

    answers = _at_once(school, opens(school.teacher), opens(school.colleague))
    with scope(base=school.base):
        only = RollCall.objects.get()
    assert answers == [only] * 2
    assert OutboxEvent.objects.filter(event="roll_call.opened").count() == 1


def test_students_sign_beside_each_other():
    school = make_school()
    with scope(base=school.base):
        roll_call = open_the_sign_in(school)
    answers = _at_once(
        school,
        lambda: sign(school, roll_call, "alice").line.student.first_name,
        lambda: sign(school, roll_call, "bao").line.student.first_name,
    )
    assert answers == ["Alice", "Bao"]
