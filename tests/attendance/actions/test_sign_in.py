from datetime import timedelta

import pytest

from emarge.attendance import actions
from emarge.attendance.models import SignIn, TeacherSignature
from emarge.attendance.rules import Method
from emarge.audit import actions as audit
from emarge.audit.actions import pseudonyms
from emarge.audit.models import OutboxEvent
from emarge.lib.refusal import Refused
from emarge.proof.evidence import records
from tests.attendance.journey import (
    DRAWING,
    call_roll,
    events,
    last_event,
    line_of,
    open_the_sign_in,
    opened,
    sign,
)
from tests.cast import NOON, TEN, make_school

CLOSE = NOON + timedelta(minutes=15)
SECOND = timedelta(seconds=1)


def _open(school, roll_call, *, teacher=None, by=None, at=TEN, **changes):
    teacher = teacher or school.teacher
    facts = {"method": Method.DRAWN, "drawing": DRAWING}
    return actions.open_sign_in(roll_call, teacher=teacher, by=by or teacher.user, at=at, **{**facts, **changes})


def _refused(action) -> str:
    """The code of a refusal, after checking that nothing was written."""
    before = OutboxEvent.objects.count(), SignIn.objects.count(), TeacherSignature.objects.count()
    with pytest.raises(Refused) as refused:
        action()
    assert (OutboxEvent.objects.count(), SignIn.objects.count(), TeacherSignature.objects.count()) == before
    return refused.value.code


# Teachers


def test_the_teacher_s_signature_opens_the_window(school):
    roll_call = call_roll(school)
    signature = _open(school, roll_call)
    roll_call.refresh_from_db()
    assert (roll_call.sign_in_opened_at, roll_call.sign_in_closes_at) == (TEN, CLOSE)
    assert (bytes(signature.drawing), signature.method) == (DRAWING.encode(), "drawn")
    row = last_event()
    record, content = records.parse(bytes(row.record)), opened(row)
    assert (record.event, record.method) == ("sign_in.opened", "drawn")
    assert record.details == {"closes_at": "2026-11-23T11:15:00.000000Z"}
    assert content["drawing"] == DRAWING
    assert [person["name"] for person in content["people"]] == ["TESSIER Thomas"]
    assert row.subject == signature.uuid


def test_a_colleague_signs_too_and_the_window_stays(school):
    roll_call = open_the_sign_in(school)
    _open(school, roll_call, teacher=school.colleague, at=NOON)
    roll_call.refresh_from_db()
    assert (roll_call.sign_in_opened_at, last_event().event) == (TEN, "teacher.signed")
    assert roll_call.teacher_signatures.count() == 2


def test_signing_again_returns_the_first(school):
    roll_call = open_the_sign_in(school)
    first = TeacherSignature.objects.get()
    assert _open(school, roll_call, at=NOON) == first
    assert events().count("sign_in.opened") == 1


def test_without_the_right_one_may_co_sign_but_not_open(school):
    roll_call = call_roll(school)
    assert _refused(lambda: _open(school, roll_call, teacher=school.helpless)) == "no_right"
    _open(school, roll_call)
    _open(school, roll_call, teacher=school.helpless)
    assert last_event().event == "teacher.signed"


def test_who_may_not_sign_as_a_teacher(school):
    roll_call, stranger = call_roll(school), make_school("b").teacher
    assert _refused(lambda: _open(school, roll_call, teacher=stranger)) == "not_your_meeting"
    assert _refused(lambda: _open(school, roll_call, by=school.colleague.user)) == "someone_else"
    assert _refused(lambda: _open(school, roll_call, by=school.secretary)) == "someone_else"


def test_when_the_sign_in_may_not_open(school):
    roll_call = actions.open_roll_call(school.meeting, by=school.teacher.user, at=TEN)
    assert _refused(lambda: _open(school, roll_call)) == "roll_call_not_ended"
    actions.end_roll_call(roll_call, by=school.teacher.user, at=TEN)
    early, late = TEN - timedelta(minutes=16), CLOSE + SECOND
    assert _refused(lambda: _open(school, roll_call, at=early)) == "sign_in_too_early"
    assert _refused(lambda: _open(school, roll_call, at=late)) == "window_closed"


# Students


def test_a_student_signs(school):
    signed = sign(school, open_the_sign_in(school), "alice", TEN + SECOND)
    assert (bytes(signed.drawing), signed.method, signed.signed_at) == (
        DRAWING.encode(),
        "drawn",
        TEN + SECOND,
    )
    row = last_event()
    record, content = records.parse(bytes(row.record)), opened(row)
    alice = pseudonyms([school.students["alice"].uuid])[school.students["alice"].uuid]
    assert (record.event, record.student, record.method) == ("sign_in.signed", alice, "drawn")
    assert (record.actor.role, record.actor.person) == ("student", alice)
    assert content == {
        "event": "sign_in.signed",
        "record": str(row.uuid),
        "drawing": DRAWING,
        "ip": "192.0.2.7",
        "people": [
            {
                "pseudonym": alice,
                "name": "ADAM Alice",
                "last_name": "ADAM",
                "first_name": "Alice",
                "identifier_type": "ine",
                "identifier": "111172100HG",
                "birth_on": "2005-01-01",
            }
        ],
    }
    assert f"student:{alice}" in row.labels
    assert row.subject == signed.uuid


def test_no_personal_data_stands_in_any_record(school):
    sign(school, open_the_sign_in(school), "alice")
    text = b"".join(bytes(row.record) for row in OutboxEvent.objects.all()).decode()
    labels = " ".join(label for row in OutboxEvent.objects.all() for label in row.labels)
    for word in (
        "Alice",
        "ADAM",
        "TESSIER",
        "111172100HG",
        "2005-01-01",
        "192.0.2.7",
        "S102",
        "R1.01",
        DRAWING,
    ):
        assert word not in text
        assert word not in labels


def test_the_keyboard_is_recorded_as_such(school):
    signed = sign(
        school,
        open_the_sign_in(school),
        "alice",
        method=Method.KEYBOARD,
        drawing="",
        consent=True,
        typed_name=" Alice Adam ",
    )
    assert (signed.method, bytes(signed.drawing)) == ("keyboard", b"")
    assert records.parse(bytes(last_event().record)).method == "keyboard"
    assert opened(last_event())["typed_name"] == "Alice Adam"


def test_names_typed_in_any_unicode_form_are_sealed(school):
    sign(
        school,
        open_the_sign_in(school),
        "alice",
        method=Method.KEYBOARD,
        drawing="",
        consent=True,
        typed_name="Ade\u0301lai\u0308de",
    )
    assert opened(last_event())["typed_name"] == "Adélaïde"


def test_validating_again_answers_success_even_after_the_window(school):
    roll_call = open_the_sign_in(school)
    first = sign(school, roll_call, "alice")
    assert sign(school, roll_call, "alice", CLOSE + SECOND, drawing="") == first
    assert events().count("sign_in.signed") == 1


def test_each_refusal_of_row_m5_4(school):
    roll_call = call_roll(school)
    assert _refused(lambda: sign(school, roll_call, "alice")) == "sign_in_not_open"
    _open(school, roll_call)
    bao = school.students["bao"].user
    assert _refused(lambda: sign(school, roll_call, "alice", CLOSE + SECOND)) == "window_closed"
    assert _refused(lambda: sign(school, roll_call, "chloe")) == "absent"
    assert _refused(lambda: sign(school, roll_call, "dan")) == "not_expected"
    assert _refused(lambda: sign(school, roll_call, "alice", by=bao)) == "someone_else"
    assert _refused(lambda: sign(school, roll_call, "alice", by=school.teacher.user)) == "someone_else"


def test_somebody_else_is_refused_on_a_signed_line_too(school):
    roll_call = open_the_sign_in(school)
    sign(school, roll_call, "alice")
    bao = school.students["bao"].user
    assert _refused(lambda: sign(school, roll_call, "alice", by=bao)) == "someone_else"


def test_a_late_student_signs(school):
    roll_call = open_the_sign_in(school)
    line = line_of(roll_call, school, "bao")
    line.presence, line.minutes_late = "late", 10
    line.save()
    assert sign(school, roll_call, "bao").line == line


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"drawing": ""}, "drawing_empty"),
        ({"drawing": "v1;300x150;1,1 1,0"}, "drawing_empty"),
        ({"drawing": "v1;300x150;1,1 " + "1,0 -1,0 " * 4000}, "drawing_too_large"),
        ({"drawing": "<script>"}, "drawing_malformed"),
        ({"drawing": "v1;300x150;1,1 é"}, "drawing_malformed"),
        ({"method": Method.KEYBOARD, "drawing": ""}, "consent_missing"),
        ({"method": Method.KEYBOARD, "drawing": "", "typed_name": "Alice"}, "consent_missing"),
        ({"method": Method.KEYBOARD, "drawing": "", "consent": True}, "consent_missing"),
    ],
)
def test_bad_signatures_are_refused_for_students_and_teachers(school, changes, code):
    roll_call = open_the_sign_in(school)
    assert _refused(lambda: sign(school, roll_call, "alice", **changes)) == code
    assert _refused(lambda: _open(school, roll_call, teacher=school.colleague, **changes)) == code


def test_a_sealed_or_settled_line_is_not_signed(school):
    roll_call = open_the_sign_in(school)
    line = line_of(roll_call, school, "alice")
    actions.settle(line, by=school.secretary, reason="ill", at=CLOSE + SECOND)
    assert _refused(lambda: sign(school, roll_call, "alice", CLOSE)) == "already_settled"
    actions.settle(line_of(roll_call, school, "bao"), by=school.secretary, reason="ill", at=CLOSE + SECOND)
    actions.validate_meeting(roll_call, by=school.secretary, at=CLOSE + SECOND)
    assert _refused(lambda: sign(school, roll_call, "bao", CLOSE)) == "meeting_sealed"
    assert _refused(lambda: _open(school, roll_call, teacher=school.colleague)) == "meeting_sealed"


def test_a_rolled_back_act_leaves_no_event(school, monkeypatch):
    roll_call = open_the_sign_in(school)
    before = events()

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(audit, "insert", fail)
    with pytest.raises(OSError, match="disk full"):
        sign(school, roll_call, "alice")
    assert SignIn.objects.count() == 0
    assert events() == before
