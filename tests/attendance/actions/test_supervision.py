from datetime import timedelta

import pytest

from emarge.attendance import actions
from emarge.attendance.rules import Presence
from emarge.audit.actions import pseudonyms
from emarge.audit.models import OutboxEvent
from emarge.lib.refusal import Refused
from emarge.proof.evidence import records
from tests.attendance.journey import call_roll, events, last_event, line_of, open_the_sign_in, opened, sign
from tests.cast import NOON, TEN, make_school

CLOSE = NOON + timedelta(minutes=15)
AFTER = CLOSE + timedelta(seconds=1)


def _refused(action) -> str:
    """The code of a refusal, after checking that nothing was written."""
    before = OutboxEvent.objects.count()
    with pytest.raises(Refused) as refused:
        action()
    assert OutboxEvent.objects.count() == before
    return refused.value.code


def _settle(school, roll_call, name, *, by=None, reason="forgot the phone", at=AFTER):
    line = line_of(roll_call, school, name)
    return actions.settle(line, by=by or school.secretary, reason=reason, at=at)


def _validate(school, roll_call, *, by=None, at=AFTER):
    return actions.validate_meeting(roll_call, by=by or school.secretary, at=at)


def test_settling_keeps_author_reason_and_time(school):
    line = _settle(school, open_the_sign_in(school), "alice", reason=" no phone ")
    line.refresh_from_db()
    assert (line.settled_at, line.settled_by, line.settled_reason) == (AFTER, school.secretary, "no phone")
    row = last_event()
    record, content = records.parse(bytes(row.record)), opened(row)
    alice = pseudonyms([school.students["alice"].uuid])[school.students["alice"].uuid]
    assert (record.event, record.student, record.actor.role) == ("sign_in.regularised", alice, "staff")
    assert content["reason"] == "no phone"
    assert sorted(person["name"] for person in content["people"]) == ["ADAM Alice", "SIMON Sylvie"]
    assert row.subject == line.uuid


def test_the_presence_stays_apart_from_the_settled_sign_in(school):
    assert _settle(school, open_the_sign_in(school), "alice").presence == "present"


def test_what_is_not_settled(school):
    ended = call_roll(school)
    assert _refused(lambda: _settle(school, ended, "alice", at=TEN)) == "window_still_open"
    assert _refused(lambda: _settle(school, ended, "chloe")) == "not_expected"
    assert _refused(lambda: _settle(school, ended, "dan")) == "not_expected"
    assert _refused(lambda: _settle(school, ended, "alice", reason="  ")) == "reason_missing"
    assert _refused(lambda: _settle(school, ended, "alice", reason="x" * 501)) == "reason_too_long"
    _settle(school, ended, "alice")
    assert _refused(lambda: _settle(school, ended, "alice")) == "already_settled"


def test_a_signed_line_is_not_settled(school):
    roll_call = open_the_sign_in(school)
    sign(school, roll_call, "alice")
    assert _refused(lambda: _settle(school, roll_call, "alice")) == "already_signed"


def test_a_roll_call_that_never_ended_is_not_settled(school):
    roll_call = actions.open_roll_call(school.meeting, by=school.teacher.user, at=TEN)
    assert _refused(lambda: _settle(school, roll_call, "alice")) == "roll_call_not_ended"
    assert _refused(lambda: _validate(school, roll_call)) == "roll_call_not_ended"


def test_settling_and_validating_need_their_rights(school):
    roll_call, stranger = open_the_sign_in(school), make_school("b").teacher.user
    for person in (school.teacher.user, school.students["alice"].user, stranger):
        assert _refused(lambda by=person: _settle(school, roll_call, "alice", by=by)) == "no_right"
        assert _refused(lambda by=person: _validate(school, roll_call, by=by)) == "no_right"
    assert _refused(lambda: _validate(school, roll_call, by=school.director)) == "no_right"


def test_validation_waits_for_the_window_or_for_everyone(school):
    roll_call = open_the_sign_in(school)
    sign(school, roll_call, "alice")
    assert _refused(lambda: _validate(school, roll_call, at=TEN)) == "window_still_open"
    assert _refused(lambda: _validate(school, roll_call)) == "lines_unsettled"
    sign(school, roll_call, "bao")
    validated = _validate(school, roll_call, at=TEN)
    assert (validated.validated_at, validated.validated_by) == (TEN, school.secretary)
    assert records.parse(bytes(last_event().record)).details == {"signed": 2, "regularised": 0, "absent": 1}


def test_a_settled_meeting_is_validated_and_sealed(school):
    roll_call = open_the_sign_in(school)
    for name in ("alice", "bao"):
        _settle(school, roll_call, name)
    _validate(school, roll_call)
    assert events()[-3:] == ["sign_in.regularised", "sign_in.regularised", "meeting.validated"]
    assert _refused(lambda: _validate(school, roll_call)) == "meeting_sealed"
    assert _refused(lambda: _settle(school, roll_call, "chloe")) == "meeting_sealed"
    line = line_of(roll_call, school, "alice")
    with pytest.raises(Refused) as refused:
        actions.mark(line, Presence.ABSENT, by=school.teacher.user, at=AFTER)
    assert refused.value.code == "meeting_sealed"
