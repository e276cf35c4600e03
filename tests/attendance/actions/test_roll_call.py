from datetime import timedelta
from uuid import UUID

import pytest
from django_scopes import scope

from emarge.attendance import actions
from emarge.attendance.actions.events import record_who_is_listed
from emarge.attendance.models import Parameters, RollCall, RollCallLine
from emarge.attendance.rules import MAX_ROSTER, Presence
from emarge.audit.actions import pseudonyms
from emarge.audit.models import OutboxEvent
from emarge.institutions.models import Group, InstitutionCode, Student
from emarge.lib.refusal import Refused
from emarge.proof.evidence import records
from emarge.timetable.models import ClassMeeting
from tests.attendance.journey import call_roll, events, last_event, line_of, open_the_sign_in, opened
from tests.cast import NOON, TEN, make_school

LISTED = ["student.listed"] * 4


def _open(school, *, by=None, at=TEN):
    return actions.open_roll_call(school.meeting, by=by or school.teacher.user, at=at)


def _again(school):
    """The same course, met once more."""
    meeting = ClassMeeting.objects.create(
        base=school.base, course=school.meeting.course, starts_at=TEN, ends_at=NOON, room=school.meeting.room
    )
    meeting.teachers.set([school.teacher])
    return meeting


def _refused(action) -> str:
    """The code of a refusal, after checking that nothing was written."""
    before = OutboxEvent.objects.count()
    with pytest.raises(Refused) as refused:
        action()
    assert OutboxEvent.objects.count() == before
    return refused.value.code


def test_opening_freezes_the_roster_and_what_the_meeting_was(school):
    roll_call = _open(school)
    assert [(str(line), line.expected, line.presence) for line in roll_call.lines.all()] == [
        ("ADAM Alice", True, "present"),
        ("BENOÎT Bao", True, "present"),
        ("CARON Chloe", True, "present"),
        ("DAVID Dan", False, "present"),
    ]
    assert (roll_call.subject, roll_call.course_type, roll_call.room, roll_call.public) == (
        "R1.01 Initiation au développement",
        "TD",
        "S102",
        "INFO1-G1",
    )
    assert (roll_call.starts_at, roll_call.ends_at, roll_call.extension_minutes) == (TEN, NOON, 15)
    assert roll_call.teacher_uuids == sorted(
        str(teacher.uuid) for teacher in (school.teacher, school.colleague, school.helpless)
    )


def test_later_changes_of_groups_names_flags_and_extension_never_reach_it(school):
    roll_call = _open(school)
    alice = school.students["alice"]
    alice.groups.clear()
    Student.objects.filter(pk=alice.pk).update(last_name="ZOLA", subject_to_sign_in=False)
    actions.set_extension(school.base, minutes=60, by=school.secretary, at=TEN)
    Student.objects.create(base=school.base, last_name="NEW", first_name="Nina").groups.add(school.group)
    roll_call.refresh_from_db()
    assert [str(line) for line in roll_call.lines.all()] == [
        "ADAM Alice",
        "BENOÎT Bao",
        "CARON Chloe",
        "DAVID Dan",
    ]
    assert (roll_call.lines.first().expected, roll_call.extension_minutes) == (True, 15)


def test_opening_twice_returns_the_first_and_records_once(school):
    assert _open(school) == _open(school, by=school.colleague.user, at=NOON)
    assert events() == [*LISTED, "roll_call.opened"]


def test_the_opening_is_recorded_without_a_name(school):
    roll_call = _open(school)
    row = last_event()
    people = [school.teacher, school.colleague, school.helpless, *school.students.values()]
    names = pseudonyms(person.uuid for person in people)
    record = records.parse(bytes(row.record))
    assert (record.event, record.at, record.code, record.meeting) == (
        "roll_call.opened",
        TEN,
        "École-a",
        str(school.meeting.uuid),
    )
    assert (record.actor.role, record.actor.person) == ("teacher", names[school.teacher.uuid])
    assert record.teachers == tuple(names[UUID(teacher)] for teacher in roll_call.teacher_uuids)
    assert record.details["roster"] == [
        {"student": names[student.uuid], "expected": student.last_name != "DAVID"}
        for student in school.students.values()
    ]
    assert (row.log, row.base, row.subject) == ("log-a", school.base.uuid, roll_call.uuid)
    assert row.labels == [
        "event:roll_call.opened",
        "day:2026-11-23",
        f"meeting:{school.meeting.uuid}",
        *(f"teacher:{name}" for name in record.teachers),
    ]


def test_the_opening_seals_the_meeting_in_words_and_its_teachers_only(school):
    _open(school)
    content = opened(last_event())
    assert content["meeting"] == {
        "title": "R1.01 Initiation au développement",
        "type": "TD",
        "room": "S102",
        "public": "INFO1-G1",
        "starts_at": "2026-11-23T09:00:00.000000Z",
        "ends_at": "2026-11-23T11:00:00.000000Z",
        "time_zone": "Europe/Paris",
    }
    assert sorted(person["name"] for person in content["people"]) == [
        "COLIN Colette",
        "HAMON Hugo",
        "TESSIER Thomas",
    ]


def test_everybody_in_the_roster_is_named_before_the_roll_call_opens(school):
    _open(school)
    rows = list(OutboxEvent.objects.filter(event="student.listed").order_by("id"))
    found = [records.parse(bytes(row.record)) for row in rows]
    students = list(school.students.values())
    names = pseudonyms(student.uuid for student in students)
    assert [(row.log, row.base, row.subject, row.labels) for row in rows] == [
        (
            "log-a",
            school.base.uuid,
            student.uuid,
            ["event:student.listed", "day:2026-11-23", f"student:{names[student.uuid]}"],
        )
        for student in students
    ]
    assert [(one.student, one.meeting, one.at, one.details) for one in found] == [
        (names[student.uuid], None, TEN, {}) for student in students
    ]
    teacher, dan = opened(rows[3])["people"]
    assert teacher["name"] == "TESSIER Thomas"
    assert dan == {
        "pseudonym": names[students[3].uuid],
        "name": "DAVID Dan",
        "last_name": "DAVID",
        "first_name": "Dan",
        "identifier_type": "ine",
        "identifier": "111172103HG",
        "birth_on": "2005-01-04",
    }


def test_whom_the_log_names_already_is_not_listed_again(school):
    actions.flag_students([school.students["dan"]], subject_to=True, by=school.secretary, at=TEN)
    _open(school)
    assert events() == ["student.flagged", *["student.listed"] * 3, "roll_call.opened"]
    newcomer = Student.objects.create(base=school.base, last_name="NEW", first_name="Nina")
    newcomer.groups.add(school.group)
    actions.open_roll_call(_again(school), by=school.teacher.user, at=TEN)
    assert events()[5:] == ["student.listed", "roll_call.opened"]
    assert OutboxEvent.objects.get(pk=last_event().pk - 1).subject == newcomer.uuid


def test_each_log_names_its_own(school):
    _open(school)
    account = school.base.planning.account
    code = InstitutionCode.objects.create(account=account, code="Other", log="log-other")
    actions.activate(school.base, code=code, by=school.secretary, at=TEN)
    actions.open_roll_call(_again(school), by=school.teacher.user, at=TEN)
    assert OutboxEvent.objects.filter(event="student.listed", log="log-other").count() == 4


@pytest.mark.parametrize("more", [0, 40])
def test_a_second_roll_call_asks_once_who_is_named_whatever_the_roster(school, django_assert_num_queries, more):
    _fill(school, more)
    roll_call, roster = _open(school), list(school.group.students.all())
    before = OutboxEvent.objects.count()
    with django_assert_num_queries(1):
        record_who_is_listed(roll_call, roster, by=school.teacher.user, at=TEN)
    assert (len(roster), OutboxEvent.objects.count()) == (4 + more, before)


def test_who_may_not_open(school):
    stranger = make_school("b").teacher.user
    assert _refused(lambda: _open(school, by=stranger)) == "not_your_meeting"
    assert _refused(lambda: _open(school, by=school.secretary)) == "not_your_meeting"
    assert _refused(lambda: _open(school, by=school.students["alice"].user)) == "not_your_meeting"
    assert _refused(lambda: _open(school, by=school.helpless.user)) == "no_right"
    assert RollCall.objects.count() == 0


def test_a_meeting_of_another_base_does_not_exist_here(school):
    other = make_school("b")
    with pytest.raises(type(school.meeting).DoesNotExist):
        actions.open_roll_call(other.meeting, by=school.teacher.user, at=TEN)


def test_when_it_may_not_open(school):
    assert _refused(lambda: _open(school, at=TEN - timedelta(minutes=16))) == "too_early_to_call"
    assert _refused(lambda: _open(school, at=NOON + timedelta(days=7, minutes=1))) == "too_late_to_call"
    school.meeting.cancelled = True
    school.meeting.save()
    assert _refused(lambda: _open(school)) == "meeting_cancelled"
    Parameters.objects.update(active=False)
    assert _refused(lambda: _open(school)) == "not_active"


def test_a_cohort_brings_the_students_of_its_groups_once(school):
    cohort = Group.objects.create(base=school.base, kind=Group.Kind.COHORT, name="INFO1")
    Group.objects.filter(pk=school.group.pk).update(cohort=cohort)
    school.students["alice"].groups.add(cohort)
    school.meeting.course.groups.set([cohort])
    assert _open(school).lines.count() == 4


def test_a_student_outside_the_groups_is_not_in_the_roster(school):
    Student.objects.create(base=school.base, last_name="ELSE", first_name="Eve")
    assert _open(school).lines.count() == 4


def _fill(school, count):
    students = Student.objects.bulk_create(
        Student(base=school.base, last_name=f"S{number:03}", first_name="X") for number in range(count)
    )
    school.group.students.add(*students)


def _rosters(event):
    """The records of an event: part and parts, students, and whether something is sealed."""
    found = [records.parse(bytes(row.record)) for row in OutboxEvent.objects.filter(event=event).order_by("id")]
    return [
        (one.details["part"], one.details["parts"], len(one.details["roster"]), one.commitment is not None)
        for one in found
    ]


def test_a_lecture_hall_stands_in_several_records_of_one_act(school):
    _fill(school, 696)
    roll_call = _open(school)
    roll_call.lines.update(presence="late", expected=False, minutes_late=1440)
    actions.end_roll_call(roll_call, by=school.teacher.user, at=TEN)
    parts = [(1, 3, 300, True), (2, 3, 300, False), (3, 3, 100, False)]
    assert (_rosters("roll_call.opened"), _rosters("roll_call.ended")) == (parts, parts)
    rows = list(OutboxEvent.objects.order_by("id"))
    assert max(len(row.record) for row in rows) < 49_152
    found = [records.parse(bytes(row.record)) for row in rows]
    rosters = [one for one in found if one.meeting]
    assert {(one.at, one.meeting, one.actor.role) for one in rosters} == {(TEN, str(school.meeting.uuid), "teacher")}
    names = pseudonyms(roll_call.lines.values_list("student__uuid", flat=True))
    for event in ("roll_call.opened", "roll_call.ended"):
        listed = [line["student"] for one in found if one.event == event for line in one.details["roster"]]
        assert sorted(listed) == sorted(names.values())


def test_an_empty_room_has_one_empty_roster(school):
    school.group.students.clear()
    actions.end_roll_call(_open(school), by=school.teacher.user, at=TEN)
    assert (_rosters("roll_call.opened"), _rosters("roll_call.ended")) == ([(1, 1, 0, True)], [(1, 1, 0, True)])


def test_more_students_than_any_hall_holds_are_refused(school):
    _fill(school, MAX_ROSTER - 3)
    assert _refused(lambda: _open(school)) == "roster_too_large"
    assert RollCallLine.objects.count() == 0


def test_marking_writes_the_line_and_its_event(school):
    roll_call = _open(school)
    line = actions.mark(
        line_of(roll_call, school, "bao"),
        Presence.LATE,
        minutes_late=10,
        reason=" missed the bus ",
        by=school.teacher.user,
        at=TEN,
    )
    line.refresh_from_db()
    assert (line.presence, line.minutes_late, line.reason) == ("late", 10, "missed the bus")
    row = last_event()
    record, content = records.parse(bytes(row.record)), opened(row)
    bao = pseudonyms([school.students["bao"].uuid])[school.students["bao"].uuid]
    assert (record.event, record.student) == ("roll_call.marked", bao)
    assert record.details == {"presence": "late", "minutes_late": 10}
    assert record.corrects is None
    assert content["reason"] == "missed the bus"
    assert {person["pseudonym"]: person["name"] for person in content["people"]}[bao] == "BENOÎT Bao"
    assert row.subject == line.uuid


def test_a_changed_mark_names_the_one_it_corrects(school):
    roll_call = _open(school)
    line, teacher = line_of(roll_call, school, "bao"), school.teacher.user
    actions.mark(line, Presence.ABSENT, by=teacher, at=TEN)
    first = last_event()
    actions.mark(line, Presence.PRESENT, by=teacher, at=TEN)
    assert records.parse(bytes(last_event().record)).corrects == str(first.uuid)


def test_the_same_mark_again_is_no_event(school):
    roll_call = _open(school)
    line, teacher = line_of(roll_call, school, "bao"), school.teacher.user
    actions.mark(line, Presence.ABSENT, by=teacher, at=TEN)
    actions.mark(line, Presence.ABSENT, by=teacher, at=TEN)
    assert events() == [*LISTED, "roll_call.opened", "roll_call.marked"]


def test_who_may_not_mark(school):
    line = line_of(_open(school), school, "bao")

    def mark(by):
        return lambda: actions.mark(line, Presence.ABSENT, by=by, at=TEN)

    assert _refused(mark(make_school("b").teacher.user)) == "not_your_meeting"
    assert _refused(mark(school.students["bao"].user)) == "not_your_meeting"
    assert _refused(mark(school.helpless.user)) == "no_right"
    line.refresh_from_db()
    assert line.presence == "present"


def test_after_the_end_marks_are_refused_and_the_text_says_who_corrects(school):
    roll_call = call_roll(school)
    line = line_of(roll_call, school, "bao")
    with pytest.raises(Refused) as refused:
        actions.mark(line, Presence.ABSENT, by=school.teacher.user, at=TEN)
    assert refused.value.code == "roll_call_ended"
    assert "secretariat" in str(refused.value.text)


def test_a_mark_out_of_range_is_refused(school):
    line = line_of(_open(school), school, "bao")
    teacher = school.teacher.user
    assert (
        _refused(lambda: actions.mark(line, Presence.ABSENT, minutes_late=5, by=teacher, at=TEN))
        == "minutes_out_of_range"
    )
    assert (
        _refused(lambda: actions.mark(line, Presence.ABSENT, reason="x" * 201, by=teacher, at=TEN)) == "reason_too_long"
    )


def test_ending_records_the_roster_as_marked(school):
    roll_call = call_roll(school)
    assert roll_call.ended_at == TEN
    names = pseudonyms(student.uuid for student in school.students.values())
    assert records.parse(bytes(last_event().record)).details == {
        "roster": [
            {
                "student": names[student.uuid],
                "presence": "absent" if name == "chloe" else "present",
                "minutes_late": 0,
                "expected": name != "dan",
            }
            for name, student in school.students.items()
        ],
        "part": 1,
        "parts": 1,
    }
    assert opened(last_event())["meeting"]["title"] == "R1.01 Initiation au développement"


def test_ending_twice_changes_nothing(school):
    roll_call = call_roll(school)
    again = actions.end_roll_call(roll_call, by=school.colleague.user, at=NOON)
    assert again.ended_at == TEN
    assert events() == [*LISTED, "roll_call.opened", "roll_call.marked", "roll_call.ended"]


def test_who_may_not_end(school):
    roll_call = _open(school)
    end = actions.end_roll_call
    assert _refused(lambda: end(roll_call, by=school.helpless.user, at=TEN)) == "no_right"
    assert _refused(lambda: end(roll_call, by=school.secretary, at=TEN)) == "not_your_meeting"


def test_records_say_the_school_s_local_day_of_the_meeting(db):
    late = TEN.replace(hour=23, minute=30)
    school = make_school("late", starts_at=late, ends_at=late + timedelta(hours=1))
    with scope(base=school.base):
        open_the_sign_in(school, late)
        assert {row.labels[1] for row in OutboxEvent.objects.all()} == {"day:2026-11-24"}
