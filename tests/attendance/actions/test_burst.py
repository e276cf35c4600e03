"""Many students in one transaction."""

from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from emarge.attendance import actions
from emarge.attendance.actions import burst
from emarge.attendance.actions.burst import Scanned, Scanning, Signed, Signing, take
from emarge.attendance.models import ModeOfCourse, Scan, SignIn
from emarge.attendance.rules import Method, Mode, Way
from emarge.attendance.tickets import Ticket, Trace
from emarge.audit.models import OutboxEvent
from emarge.lib.refusal import Refused
from tests.attendance.journey import DRAWING, line_of, open_the_sign_in
from tests.cast import TEN


def _signing(school, roll_call, name, **changes):
    user = school.students[name].user.pk
    facts = {"line": line_of(roll_call, school, name).uuid, "by": user, "method": Method.DRAWN, "drawing": DRAWING}
    return Signing(**{**facts, "at": TEN, **changes})


def test_a_refusal_holds_no_other_back_and_the_same_ask_twice_is_one(school):
    roll_call = open_the_sign_in(school)
    asks = [
        _signing(school, roll_call, "alice"),
        _signing(school, roll_call, "chloe"),
        _signing(school, roll_call, "bao", drawing="v2"),
        _signing(school, roll_call, "alice"),
        _signing(school, roll_call, "bao", by=school.students["alice"].user.pk),
    ]
    answers = take(asks)
    assert [one.code for one in answers if isinstance(one, Refused)] == ["absent", "drawing_malformed", "someone_else"]
    assert isinstance(answers[0], Signed)
    assert answers[3] is answers[0]
    assert SignIn.objects.get().uuid == answers[0].sign_in
    assert OutboxEvent.objects.filter(event="sign_in.signed").count() == 1


def test_an_ask_that_fails_holds_no_other_back(school, monkeypatch, caplog):
    roll_call = open_the_sign_in(school)

    def fails(text):
        if text == "broken":
            raise ZeroDivisionError
        return text

    monkeypatch.setattr(burst, "check_drawing", fails)
    broken, good = take([_signing(school, roll_call, "alice", drawing="broken"), _signing(school, roll_call, "bao")])
    assert isinstance(broken, ZeroDivisionError)
    assert isinstance(good, Signed)
    assert "could not be taken" in caplog.text


@pytest.fixture
def by_code(school):
    ModeOfCourse.objects.create(base=school.base, course=school.meeting.course, mode=Mode.SET_QR.value)
    roll_call = actions.open_roll_call(school.meeting, by=school.teacher.user, at=TEN)
    return actions.open_for_teacher(roll_call, by=school.secretary, at=TEN)


def test_whoever_is_listed_scans_and_the_number_of_reads_does_not_grow(school, by_code):
    trace = Trace("d" * 32, "n" * 32, "s" * 32)
    ticket = Ticket(by_code.pk, 0, Way.CAMERA, TEN, trace.device)

    def scans(*names):
        asks = [Scanning(ticket, school.students[name].user.pk, TEN, trace) for name in names]
        with CaptureQueriesContext(connection) as queries:
            answers = take(asks)
        return answers, Counter(query["sql"].split(maxsplit=1)[0].strip("-0123456789 times:'") for query in queries)

    [one], alone = scans("alice")
    assert one == Scanned(line_of(by_code, school, "alice").uuid, TEN, expected=True)
    several, together = scans("bao", "chloe", "dan", "bao")
    assert [answer.expected for answer in several] == [True, True, False, True]
    assert alone["SELECT"] == together["SELECT"] <= 3 + 2 * connection.features.has_select_for_update
    assert sum(together.values()) <= 6 * 3
    assert Scan.objects.count() == 4
    assert OutboxEvent.objects.filter(event="roll_call.scanned").count() == 4
