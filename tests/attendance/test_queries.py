from datetime import date, timedelta

import pytest

from emarge.attendance import actions, queries
from emarge.attendance.models import RollCall
from emarge.attendance.queries import Filter, Tally
from emarge.attendance.rules import SignInStatus
from emarge.timetable.models import ClassMeeting
from tests.attendance.journey import DRAWING, call_roll, line_of, open_the_sign_in, sign
from tests.cast import NOON, TEN, make_school

TODAY = date(2026, 11, 23)
CLOSE = NOON + timedelta(minutes=15)
AFTER = CLOSE + timedelta(seconds=1)


def _another(school, *, days=0, cancelled=False) -> ClassMeeting:
    shift = timedelta(days=days)
    meeting = ClassMeeting.objects.create(
        base=school.base,
        course=school.meeting.course,
        starts_at=TEN + shift,
        ends_at=NOON + shift,
        cancelled=cancelled,
    )
    meeting.teachers.set([school.teacher])
    return meeting


def test_the_status_of_each_line(school):
    roll_call = open_the_sign_in(school)
    sign(school, roll_call, "alice")
    actions.settle(line_of(roll_call, school, "bao"), by=school.secretary, reason="ill", at=AFTER)

    def statuses(now):
        return [queries.sign_in_status(line, now) for line in queries.roll_call_lines(roll_call)]

    nobody = SignInStatus.NOT_EXPECTED
    assert statuses(TEN) == [SignInStatus.SIGNED, SignInStatus.REGULARISED, nobody, nobody]


def test_a_line_waits_then_stays_unsigned(school):
    line = line_of(open_the_sign_in(school), school, "alice")
    assert queries.sign_in_status(line, CLOSE) == SignInStatus.EXPECTED
    assert queries.sign_in_status(line, AFTER) == SignInStatus.UNSIGNED_AT_CLOSE


def test_the_tally_of_a_roll_call(school):
    roll_call = open_the_sign_in(school)
    sign(school, roll_call, "alice")
    assert queries.tally(roll_call) == Tally(
        expected=2, signed=1, regularised=0, absent=1, late=0, awaited=0, students=4
    )


@pytest.mark.parametrize(
    ("now", "answer"), [(TEN - timedelta(seconds=1), False), (TEN, True), (CLOSE, True), (AFTER, False)]
)
def test_open_from_the_teacher_s_signature_to_the_close(school, now, answer):
    roll_call = open_the_sign_in(school)
    assert queries.is_open(roll_call, now) is answer


def test_not_open_before_the_teacher_signs(school):
    assert queries.is_open(call_roll(school), TEN) is False


def test_the_timetable_is_cut_at_local_midnights(school):
    midnight = _another(school)
    ClassMeeting.objects.filter(pk=midnight.pk).update(  # 00:30 in Paris on the 24th
        starts_at=TEN.replace(hour=23, minute=30), ends_at=TEN.replace(hour=23, minute=45)
    )
    tomorrow = date(2026, 11, 24)
    assert list(queries.timetable_of_teacher(school.teacher, TODAY, TODAY)) == [school.meeting]
    assert list(queries.timetable_of_teacher(school.teacher, tomorrow, tomorrow)) == [midnight]
    assert list(queries.timetable_of_teacher(school.teacher, TODAY, tomorrow)) == [school.meeting, midnight]
    assert list(queries.timetable_of_teacher(make_school("b").teacher, TODAY, TODAY)) == []


def test_the_timetable_of_a_student(school):
    alice = school.students["alice"]
    assert list(queries.timetable_of_student(alice, TODAY, TODAY)) == [school.meeting]
    alice.groups.clear()
    assert list(queries.timetable_of_student(alice, TODAY, TODAY)) == []


def test_open_lines_are_those_a_student_may_sign_now(school):
    roll_call = open_the_sign_in(school)
    students = school.students
    assert list(queries.open_lines_of(students["alice"], TEN)) == [line_of(roll_call, school, "alice")]
    assert list(queries.open_lines_of(students["alice"], AFTER)) == []
    assert list(queries.open_lines_of(students["chloe"], TEN)) == []
    assert list(queries.open_lines_of(students["dan"], TEN)) == []
    sign(school, roll_call, "alice")
    assert list(queries.open_lines_of(students["alice"], TEN)) == []


def test_the_summary_of_a_student_s_sign_ins(school):
    roll_call = open_the_sign_in(school)
    assert list(queries.sign_ins_of(school.students["alice"])) == [line_of(roll_call, school, "alice")]
    assert list(queries.sign_ins_of(school.students["dan"])) == []


def _supervised(school, **facts):
    return list(queries.supervised_meetings(school.base, **{"now": TEN, **facts}))


def test_supervision_lists_the_latest_first_within_the_days(school):
    later = _another(school, days=1)
    assert _supervised(school) == [later, school.meeting]
    assert _supervised(school, from_on=date(2026, 11, 24)) == [later]
    assert _supervised(school, to_on=TODAY) == [school.meeting]


def test_supervision_leaves_out_what_was_never_subject(school):
    plain = _another(school)
    plain.course = type(plain.course).objects.create(
        base=school.base, subject=plain.course.subject, course_type=plain.course.course_type
    )
    plain.save()
    assert _supervised(school) == [school.meeting]


def test_incomplete_meetings(school):
    def incomplete(now):
        return _supervised(school, filter=Filter.INCOMPLETE, now=now)

    _another(school, cancelled=True)
    assert incomplete(TEN - timedelta(minutes=1)) == []
    assert incomplete(TEN) == [school.meeting]
    roll_call = open_the_sign_in(school)
    assert incomplete(TEN) == [school.meeting]
    sign(school, roll_call, "alice")
    assert incomplete(TEN) == [school.meeting]
    sign(school, roll_call, "bao")
    assert incomplete(TEN) == []


def test_unsigned_and_open_meetings(school):
    roll_call = open_the_sign_in(school)
    _another(school)
    assert _supervised(school, filter=Filter.UNSIGNED) == [school.meeting]
    assert _supervised(school, filter=Filter.OPEN_NOW) == [school.meeting]
    assert _supervised(school, filter=Filter.OPEN_NOW, now=AFTER) == []
    sign(school, roll_call, "alice")
    actions.settle(line_of(roll_call, school, "bao"), by=school.secretary, reason="ill", at=AFTER)
    assert _supervised(school, filter=Filter.UNSIGNED) == []


def _touch(meetings):
    """Read what the screens read of a list of meetings."""
    for meeting in meetings:
        str(meeting.course), meeting.room, meeting.base.tz
        [str(teacher) for teacher in meeting.teachers.all()]
        [str(group) for group in meeting.course.groups.all()]
        roll_call = RollCall.objects.none() if not hasattr(meeting, "roll_call") else meeting.roll_call
        if isinstance(roll_call, RollCall):
            queries.tally(roll_call)
            [queries.sign_in_status(line, TEN) for line in roll_call.lines.all()]
            [str(signature.teacher) for signature in roll_call.teacher_signatures.all()]


@pytest.mark.parametrize("more", [0, 2])
def test_the_number_of_queries_does_not_grow(school, django_assert_num_queries, more):
    roll_call = open_the_sign_in(school)
    sign(school, roll_call, "alice")
    teacher = school.teacher.user
    for _ in range(more):
        actions.open_roll_call(_another(school), by=teacher, at=TEN)
    with django_assert_num_queries(5):
        _touch(queries.supervised_meetings(school.base, now=TEN))
    with django_assert_num_queries(5):
        _touch(queries.timetable_of_teacher(school.teacher, TODAY, TODAY))
    with django_assert_num_queries(2):
        for line in queries.sign_ins_of(school.students["alice"]):
            queries.sign_in_status(line, TEN), line.roll_call.meeting.uuid
            [str(one) for one in line.roll_call.meeting.teachers.all()]


@pytest.mark.parametrize("drawings", [False, True])
def test_the_list_loads_no_signature_and_a_sheet_loads_them_at_once(school, django_assert_num_queries, drawings):
    roll_call = open_the_sign_in(school)
    sign(school, roll_call, "alice")
    (found,) = queries.supervised_meetings(school.base, now=TEN, drawings=drawings)
    signatures = [*found.roll_call.teacher_signatures.all(), found.roll_call.lines.all()[0].sign_in]
    assert ["drawing" in one.__dict__ for one in signatures] == [drawings] * 2
    with django_assert_num_queries(0 if drawings else 2):
        assert [bytes(one.drawing).decode() for one in signatures] == [DRAWING] * 2
