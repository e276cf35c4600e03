import pytest

from emarge.attendance import actions
from emarge.attendance.models import Parameters
from emarge.attendance.queries import mode_of
from emarge.attendance.rules import Mode
from emarge.audit.actions import OPERATOR, pseudonyms
from emarge.audit.models import OutboxEvent
from emarge.institutions.models import InstitutionCode, Student
from emarge.institutions.rules import Lack
from emarge.lib.refusal import Refused
from emarge.proof.evidence import records
from emarge.timetable.models import Course
from tests.attendance.journey import events, last_event, opened
from tests.cast import TEN, make_school

ROLLING = {"period_seconds": 15, "grace_seconds": 15}


@pytest.fixture
def code(school):
    """A second code of the same customer."""
    return InstitutionCode.objects.create(account=school.base.planning.account, code="LyCÉE n°2", log="log-2")


def _refused(action) -> str:
    """The code of a refusal, after checking that nothing was written."""
    before = OutboxEvent.objects.count()
    with pytest.raises(Refused) as refused:
        action()
    assert OutboxEvent.objects.count() == before
    return refused.value.code


def _details():
    return records.parse(bytes(last_event().record)).details


def test_the_first_activation_of_a_code_opens_its_log(school, code):
    parameters = actions.activate(school.base, code=code, by=school.secretary, at=TEN)
    assert (parameters.active, parameters.institution_code) == (True, code)
    assert events() == ["log.opened", "parameters.changed"]
    row = last_event()
    assert (row.log, records.parse(bytes(row.record)).code) == ("log-2", "LyCÉE n°2")
    assert _details() == {"active": True, "extension_minutes": 15, **ROLLING}
    assert [person["name"] for person in opened(row)["people"]] == ["SIMON Sylvie"]


def test_the_same_activation_again_is_no_event(school, code):
    for _ in range(2):
        actions.activate(school.base, code=code, by=school.secretary, at=TEN)
    assert events() == ["log.opened", "parameters.changed"]


def test_a_known_log_is_not_opened_again(school, code):
    actions.activate(school.base, code=code, by=school.secretary, at=TEN)
    actions.deactivate(school.base, by=school.secretary, at=TEN)
    assert _details() == {"active": False, "extension_minutes": 15, **ROLLING}
    actions.deactivate(school.base, by=school.secretary, at=TEN)
    actions.activate(school.base, code=code, by=school.secretary, at=TEN)
    assert events() == ["log.opened", *["parameters.changed"] * 3]
    assert Parameters.objects.get().active


def test_a_base_without_parameters_is_activated_too(school, code):
    Parameters.objects.all().delete()
    assert actions.deactivate(school.base, by=school.secretary, at=TEN).active is False
    assert actions.activate(school.base, code=code, by=school.secretary, at=TEN).active is True


def test_the_operator_activates_from_the_command_line(school, code):
    actions.activate(school.base, code=code, by=None, at=TEN)
    actor = records.parse(bytes(last_event().record)).actor
    assert (actor.role, actor.person) == ("operator", pseudonyms([OPERATOR])[OPERATOR])


def test_a_code_of_another_customer_is_refused(school):
    stranger = make_school("b").code
    assert (
        _refused(lambda: actions.activate(school.base, code=stranger, by=school.secretary, at=TEN))
        == "code_of_another_account"
    )


def test_the_extension_is_set_within_its_range(school):
    assert actions.set_extension(school.base, minutes=14_400, by=school.secretary, at=TEN).extension_minutes == 14_400
    assert _details() == {"active": True, "extension_minutes": 14_400, **ROLLING}
    actions.set_extension(school.base, minutes=14_400, by=school.secretary, at=TEN)
    assert events() == ["parameters.changed"]
    for minutes in (0, -1, 14_401):
        assert (
            _refused(lambda m=minutes: actions.set_extension(school.base, minutes=m, by=school.secretary, at=TEN))
            == "extension_out_of_range"
        )


def test_before_the_first_activation_there_is_no_log_to_record_in(school):
    Parameters.objects.all().delete()
    actions.set_extension(school.base, minutes=30, by=school.secretary, at=TEN)
    assert (Parameters.objects.get().extension_minutes, events()) == (30, [])


def test_each_needs_its_right(school, code):
    teacher, student = school.teacher.user, school.students["alice"]
    course = school.meeting.course
    for act in (
        lambda: actions.activate(school.base, code=code, by=teacher, at=TEN),
        lambda: actions.deactivate(school.base, by=teacher, at=TEN),
        lambda: actions.set_extension(school.base, minutes=30, by=teacher, at=TEN),
        lambda: actions.flag_courses([course], subject_to=False, by=teacher, at=TEN),
        lambda: actions.flag_students([student], subject_to=False, by=student.user, at=TEN),
    ):
        assert _refused(act) == "no_right"


def test_courses_are_flagged_and_only_changes_are_recorded(school):
    course = school.meeting.course
    other = Course.objects.create(base=school.base, subject=course.subject, course_type=course.course_type)
    flag = actions.flag_courses
    assert flag([course, other], subject_to=True, by=school.secretary, at=TEN) == 1
    assert _details() == {"course": str(other.uuid), "flagged": True}
    assert opened(last_event())["title"] == "R1.01 Initiation au développement"
    assert flag([course, other], subject_to=True, by=school.secretary, at=TEN) == 0
    assert flag([course, other], subject_to=False, by=school.secretary, at=TEN) == 2
    assert events() == ["course.flagged"] * 3
    assert set(Course.objects.values_list("digital_sign_in", flat=True)) == {False}


def test_incomplete_students_are_answered_and_the_others_flagged(school):
    dan = school.students["dan"]
    bare = Student.objects.create(base=school.base, last_name="BARE", first_name="Bo")
    undated = Student.objects.create(
        base=school.base, last_name="UNDATED", first_name="Una", identifier_type="internal", identifier="7"
    )
    missing = actions.flag_students([dan, bare, undated], subject_to=True, by=school.secretary, at=TEN)
    assert [(str(one.student), one.lacks) for one in missing] == [
        ("BARE Bo", (Lack.IDENTIFIER, Lack.BIRTH_DATE)),
        ("UNDATED Una", (Lack.BIRTH_DATE,)),
    ]
    flagged = Student.objects.filter(subject_to_sign_in=True).values_list("first_name", flat=True)
    assert sorted(flagged) == ["Alice", "Bao", "Chloe", "Dan"]
    row = last_event()
    record = records.parse(bytes(row.record))
    assert (events(), record.details) == (["student.flagged"], {"flagged": True})
    assert (record.student, row.subject) == (pseudonyms([dan.uuid])[dan.uuid], dan.uuid)
    assert {person["name"] for person in opened(row)["people"]} == {"SIMON Sylvie", "DAVID Dan"}


def test_an_incomplete_student_may_be_unflagged(school):
    alice = school.students["alice"]
    Student.objects.filter(pk=alice.pk).update(identifier="", subject_to_sign_in=True)
    assert actions.flag_students([alice], subject_to=False, by=school.secretary, at=TEN) == []
    alice.refresh_from_db()
    assert alice.subject_to_sign_in is False


def test_students_and_courses_of_another_base_are_left_alone(school):
    other = make_school("b")
    stranger = other.students["dan"]
    assert actions.flag_students([stranger], subject_to=True, by=school.secretary, at=TEN) == []
    assert actions.flag_courses([other.meeting.course], subject_to=False, by=school.secretary, at=TEN) == 0
    assert events() == []


# Codes


def test_the_pace_of_rolling_codes(school):
    parameters = actions.set_rolling(school.base, period=20, grace=5, by=school.secretary, at=TEN)
    assert (parameters.period_seconds, parameters.grace_seconds) == (20, 5)
    assert _details() == {"active": True, "extension_minutes": 15, "period_seconds": 20, "grace_seconds": 5}
    actions.set_rolling(school.base, period=20, grace=5, by=school.secretary, at=TEN)
    actions.set_rolling(school.base, period=20, grace=None, by=school.secretary, at=TEN)
    assert events().count("parameters.changed") == 2
    assert _details()["grace_seconds"] == 20


@pytest.mark.parametrize(
    ("period", "grace", "code"), [(4, None, "period_out_of_range"), (15, 301, "grace_out_of_range")]
)
def test_a_pace_out_of_range_is_refused(school, period, grace, code):
    with pytest.raises(Refused) as refused:
        actions.set_rolling(school.base, period=period, grace=grace, by=school.secretary, at=TEN)
    assert (refused.value.code, events()) == (code, [])


def test_the_mode_of_a_course_is_its_own_or_its_type_s(school):
    course = school.meeting.course
    assert mode_of(course) is Mode.BY_TEACHER
    actions.set_mode_of_type(course.course_type, Mode.ROLLING_QR, by=school.secretary, at=TEN)
    assert mode_of(course) is Mode.ROLLING_QR
    assert actions.set_mode_of_courses([course], Mode.SET_QR, by=school.secretary, at=TEN) == 1
    assert actions.set_mode_of_courses([course], Mode.SET_QR, by=school.secretary, at=TEN) == 0
    assert mode_of(course) is Mode.SET_QR
    assert _details() == {"course": str(course.uuid), "mode": "set_qr"}
    actions.set_mode_of_courses([course], None, by=school.secretary, at=TEN)
    assert (mode_of(course), _details()) == (Mode.ROLLING_QR, {"course": str(course.uuid)})
    actions.set_mode_of_type(course.course_type, Mode.ROLLING_QR, by=school.secretary, at=TEN)
    assert events() == ["course_type.mode_set", "course.mode_set", "course.mode_set"]


@pytest.mark.parametrize(
    "act",
    [
        lambda school, by: actions.set_rolling(school.base, period=20, grace=5, by=by, at=TEN),
        lambda school, by: actions.set_mode_of_type(school.meeting.course.course_type, Mode.SET_QR, by=by, at=TEN),
        lambda school, by: actions.set_mode_of_courses([school.meeting.course], Mode.SET_QR, by=by, at=TEN),
    ],
)
def test_modes_and_pace_need_a_right(school, act):
    with pytest.raises(Refused) as refused:
        act(school, school.teacher.user)
    assert (refused.value.code, events()) == ("no_right", [])
