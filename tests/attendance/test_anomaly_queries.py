from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from emarge.attendance.anomalies import Kind
from emarge.attendance.anomaly_queries import anomalies_of_days, anomalies_of_meeting
from emarge.attendance.models import SignIn
from emarge.attendance.tickets import Trace
from emarge.institutions.models import Student
from tests.attendance.journey import open_the_sign_in, sign
from tests.cast import TEN

PHONE = Trace(device="a" * 32, network="b" * 32, session="c" * 32)
DAY = TEN.date()


@pytest.fixture
def shared(school):
    """Alice and Bao signed on one phone."""
    roll_call = open_the_sign_in(school)
    for name in ("alice", "bao"):
        sign(school, roll_call, name, trace=Trace(PHONE.device, PHONE.network, name * 4))
    return roll_call


def test_a_shared_phone_is_told_of_both_students(school, shared):
    found = anomalies_of_meeting(shared)
    told = [(str(one.line), one.anomaly.kind, str(one.lines[one.anomaly.others[0].line])) for one in found]
    assert told == [
        ("ADAM Alice", Kind.SHARED_DEVICE, "BENOÎT Bao"),
        ("BENOÎT Bao", Kind.SHARED_DEVICE, "ADAM Alice"),
    ]
    assert all(one.reviewed is None for one in found)


def test_the_days_are_those_of_the_base_both_included(school, shared):
    day = timedelta(days=1)
    assert len(anomalies_of_days(school.base, DAY - day, DAY)) == 2
    assert len(anomalies_of_days(school.base, DAY, DAY + day)) == 2
    assert anomalies_of_days(school.base, DAY - day, DAY - day) == []
    assert anomalies_of_days(school.base, DAY + day, DAY + day) == []


def test_the_number_of_queries_does_not_grow(school, shared):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            found = anomalies_of_days(school.base, DAY, DAY)
            assert [str(one.line) + one.roll_call.subject for one in found]
        return len(captured), len(found)

    few, two = queries()
    for number in range(20):
        student = Student.objects.create(base=school.base, last_name=f"N{number:02}", first_name="F")
        line = shared.lines.create(
            base=school.base, student=student, last_name=student.last_name, first_name="F", expected=True
        )
        SignIn.objects.create(
            base=school.base, line=line, signed_at=TEN, method="drawn", drawing=b"", device=PHONE.device
        )
    many, more = queries()
    assert (two, more, many) == (2, 22, few)
    assert few <= 5
