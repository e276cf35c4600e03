from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_scopes import scope

from emarge.hosting.actions import create_base
from emarge.institutions.models import Group, Teacher
from emarge.lib.import_report import FileReport
from emarge.timetable.calendar_file import read_calendar
from emarge.timetable.calendar_import import import_calendar
from emarge.timetable.models import ClassMeeting, Course

from .test_calendar_file import TIMES, calendar

pytestmark = pytest.mark.django_db
SAYS = r"DESCRIPTION:Matière : Maths\nEnseignants : ROY Anne\, LEGRAND Zoé\nPublic : BTS1\nType : TD" + "\n"
MEETING = "UID:a\nSEQUENCE:1\nLOCATION:S1\nSUMMARY:Maths - TD\n" + TIMES + SAYS
WEEKLY = "UID:w\nSUMMARY:Maths\nRRULE:FREQ=WEEKLY;COUNT=3\n" + TIMES + SAYS


@pytest.fixture
def base():
    base = create_base("School", "planning01", "2026-2027")
    with scope(base=base):
        cohort = Group.objects.create(base=base, kind=Group.Kind.COHORT, name="BTS1")
        for name in ("G1", "G2"):
            Group.objects.create(base=base, kind=Group.Kind.GROUP, name=name, cohort=cohort)
        for last, first, email in [
            ("ROY", "Anne", "anne@x.example"),
            ("LEGRAND", "Zoé", ""),
            ("PETIT", "Marc", ""),
            ("PETIT", "Luc", ""),
        ]:
            Teacher.objects.create(base=base, last_name=last, first_name=first, email=email)
        yield base


def take(base, *events, locked=lambda _keys: set()):
    report = FileReport("timetable.ics")
    import_calendar(
        base,
        read_calendar(calendar(*events).encode()),
        report,
        locked=locked,
        progress=lambda _done, _total: None,
    )
    return report


def told(report):
    return [(line.number, line.outcome.value, *line.remarks) for line in report.lines]


def only():
    meeting = ClassMeeting.objects.get()
    return {
        "at": f"{meeting.starts_at:%d %H:%M}-{meeting.ends_at:%H:%M}",
        "what": str(meeting.course),
        "groups": [group.name for group in meeting.course.groups.order_by("id")],
        "teachers": [str(teacher) for teacher in meeting.teachers.order_by("id")],
        "room": meeting.room and meeting.room.name,
        "cancelled": meeting.cancelled,
    }


TAKEN = {
    "at": "23 09:00-11:00",
    "what": "Maths (TD)",
    "groups": ["BTS1"],
    "teachers": ["ROY Anne", "LEGRAND Zoé"],
    "room": "S1",
    "cancelled": False,
}


def test_a_meeting_of_two_teachers_is_taken(base):
    report = take(base, MEETING)
    assert told(report) == [(3, "taken")]
    assert report.lines[0].subject == "Maths - TD, 23/11/2026 10:00"
    assert only() == TAKEN
    assert report.keys == [Course.objects.get().pk]
    assert Course.objects.get().digital_sign_in is False


def test_the_same_file_again_writes_nothing(base):
    take(base, MEETING, WEEKLY, "SUMMARY:Sans UID\n" + TIMES)
    before = list(ClassMeeting.objects.order_by("id").values_list())
    with CaptureQueriesContext(connection) as queries:
        report = take(base, MEETING, WEEKLY, "SUMMARY:Sans UID\n" + TIMES)
    assert [line.outcome.value for line in report.lines] == ["unchanged"] * 3
    assert list(ClassMeeting.objects.order_by("id").values_list()) == before
    assert [q["sql"] for q in queries if q["sql"].split()[0] in {"INSERT", "UPDATE", "DELETE"}] == []


@pytest.mark.parametrize(
    ("change", "remark", "expected"),
    [
        (("T100000", "T093000"), "time", {"at": "23 08:30-11:00"}),
        (("LOCATION:S1", "LOCATION:S2"), "room", {"room": "S2"}),
        (("Matière : Maths", "Matière : Droit"), "course", {"what": "Droit (TD)"}),
        (("Public : BTS1", "Public : G2"), "course", {"groups": ["G2"]}),
        ((r"ROY Anne\, ", ""), "teachers", {"teachers": ["LEGRAND Zoé"]}),
        (("UID:a", "UID:a\nSTATUS:CANCELLED"), "cancelled", {"cancelled": True}),
    ],
)
def test_a_change_updates_the_same_meeting(base, change, remark, expected):
    take(base, MEETING)
    uuid = ClassMeeting.objects.get().uuid
    report = take(base, MEETING.replace(*change))
    assert report.lines[0].outcome.value == "updated"
    assert report.lines[0].remarks[0] == f"23/11/2026 10:00 changed: {remark}"
    assert only() == TAKEN | expected
    assert ClassMeeting.objects.get().uuid == uuid


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("T100000", "T093000"), "time"),
        (("Public : BTS1", "Public : G2"), "course"),
        ((r"ROY Anne\, ", ""), "teachers"),
        (("UID:a", "UID:a\nSTATUS:CANCELLED"), "cancelled"),
    ],
)
def test_a_meeting_with_a_roll_call_stays(base, change, what):
    take(base, MEETING)
    report = take(base, MEETING.replace(*change), locked=set)
    assert report.lines[0].outcome.value == "refused"
    assert report.lines[0].remarks[0] == f"23/11/2026 10:00 has a roll call: {what} not changed"
    assert only() == TAKEN


def test_a_meeting_with_a_roll_call_may_change_room(base):
    take(base, MEETING)
    assert told(take(base, MEETING.replace("LOCATION:S1", "LOCATION:S2"), locked=set)) == [
        (3, "updated", "23/11/2026 10:00 changed: room")
    ]
    assert only() == TAKEN | {"room": "S2"}


def test_an_older_version_is_refused(base):
    take(base, MEETING)
    report = take(base, MEETING.replace("SEQUENCE:1", "SEQUENCE:0").replace("T100000", "T093000"))
    assert told(report) == [(3, "refused", "23/11/2026 10:00: an older version than the one already taken")]
    assert only() == TAKEN


def test_of_two_versions_in_one_file_the_higher_stands(base):
    newer = MEETING.replace("SEQUENCE:1", "SEQUENCE:2").replace("T100000", "T093000")
    report = take(base, newer, MEETING, MEETING)
    assert told(report) == [
        (3, "taken"),
        (12, "unchanged", "an older version: line 3 stands"),
        (21, "unchanged", "an older version: line 3 stands"),
    ]
    assert only() == TAKEN | {"at": "23 08:30-11:00"}


def test_one_version_that_says_two_things_is_for_a_person(base):
    report = take(base, MEETING, MEETING, MEETING.replace("T100000", "T093000"))
    assert told(report) == [
        (3, "taken"),
        (12, "unchanged", "already seen on line 3"),
        (21, "refused", "line 3 has the same UID and version but says otherwise: a person must settle"),
    ]
    assert only() == TAKEN


def test_a_cancelled_meeting_is_taken_as_cancelled(base):
    assert told(take(base, MEETING + "STATUS:CANCELLED\n")) == [(3, "taken", "taken as cancelled")]
    assert only() == TAKEN | {"cancelled": True}


def test_a_series_is_one_line_and_many_meetings(base):
    assert told(take(base, WEEKLY)) == [(3, "taken", "3 meetings")]
    assert [f"{meeting.starts_at:%m-%d}" for meeting in ClassMeeting.objects.all()] == ["11-23", "11-30", "12-07"]
    assert Course.objects.count() == 1


def test_a_date_that_leaves_a_series_is_cancelled(base):
    take(base, WEEKLY)
    report = take(base, WEEKLY + "EXDATE:20261130T100000\n")
    assert told(report) == [(3, "updated", "30/11/2026 10:00 is no longer in the series: cancelled", "3 meetings")]
    assert [meeting.cancelled for meeting in ClassMeeting.objects.all()] == [False, True, False]
    assert told(take(base, WEEKLY + "EXDATE:20261130T100000\n")) == [(3, "unchanged", "2 meetings")]


def test_a_date_with_a_roll_call_does_not_leave_a_series(base):
    take(base, WEEKLY)
    report = take(base, WEEKLY + "EXDATE:20261130T100000\n", locked=set)
    assert told(report)[0][:3] == (3, "refused", "30/11/2026 10:00 has a roll call: not cancelled")
    assert [meeting.cancelled for meeting in ClassMeeting.objects.all()] == [False, False, False]


def test_an_unknown_group_is_made_empty_and_an_unknown_teacher_left_out(base):
    report = take(base, MEETING.replace("BTS1", "BTS9").replace("ROY Anne", "TOTO Titi"))
    assert told(report) == [
        (
            3,
            "corrected",
            "group “BTS9” unknown until now: created, empty",
            "teacher “TOTO Titi” unknown or ambiguous: left out",
        )
    ]
    assert only() == TAKEN | {"groups": ["BTS9"], "teachers": ["LEGRAND Zoé"]}


@pytest.mark.parametrize(
    ("written", "teachers"),
    [
        ("anne roy", ["ROY Anne"]),
        ("Mme ROY Anne (vacataire)", ["ROY Anne"]),
        ("Roy A.", ["ROY Anne"]),
        ("M. LEGRAND", ["LEGRAND Zoé"]),
        (r"ROY\, Anne", ["ROY Anne"]),
        ("ROY Anne / legrand zoe", ["ROY Anne", "LEGRAND Zoé"]),
        ("ROY Anne et LEGRAND Zoé", ["ROY Anne", "LEGRAND Zoé"]),
        (r"ROY\, LEGRAND", ["ROY Anne", "LEGRAND Zoé"]),
        ("M. PETIT", []),
        ("PETIT L.", ["PETIT Luc"]),
    ],
)
def test_teachers_in_many_writings(base, written, teachers):
    take(base, MEETING.replace(r"ROY Anne\, LEGRAND Zoé", written))
    assert only() == TAKEN | {"teachers": teachers}


@pytest.mark.parametrize(
    ("written", "groups"),
    [
        ("bts1", ["BTS1"]),
        ("Groupe G1", ["G1"]),
        (r"G1\, G2", ["G1", "G2"]),
        ("G1 ; G2", ["G1", "G2"]),
        ("G1/G2", ["G1", "G2"]),
        ("G1 et G2", ["G1", "G2"]),
        ("BTS1 - G1", ["G1"]),
        ("BTS1 > G2", ["G2"]),
        ("G1 - G2", ["G1", "G2"]),
        (r"G2\nPromotion : BTS1", ["G2"]),
    ],
)
def test_publics_in_many_writings(base, written, groups):
    take(base, MEETING.replace("Public : BTS1", f"Public : {written}"))
    assert only() == TAKEN | {"groups": groups}


def test_a_summary_alone_may_say_everything(base):
    take(base, "UID:a\nLOCATION:S1\nSUMMARY:Maths - TD - ROY Anne - LEGRAND Zoé - BTS1\n" + TIMES)
    assert only() == TAKEN


def test_people_of_the_event_count_when_they_are_known(base):
    report = take(
        base,
        "UID:a\nSUMMARY:Maths\nORGANIZER:mailto:ANNE@x.example\nATTENDEE;CN=Zoé Legrand:mailto:z@y.example\n"
        "ATTENDEE:mailto:nobody@y.example\nCATEGORIES:TD\nLOCATION:S1\n" + r"DESCRIPTION:\nBTS1" + "\n" + TIMES,
    )
    assert told(report) == [(3, "taken")]
    assert only() == TAKEN


def test_formulas_are_left_out_or_refused(base):
    assert told(take(base, MEETING.replace("LOCATION:S1", "LOCATION:=cmd()"))) == [
        (3, "corrected", "room not taken: too long or a formula")
    ]
    assert only() == TAKEN | {"room": None}
    assert told(take(base, MEETING.replace("UID:a", "UID:b").replace("Matière : Maths", "Matière : =1+1"))) == [
        (3, "refused", "the subject is a spreadsheet formula: write it as text")
    ]


def test_what_is_no_meeting_is_refused_and_the_rest_taken(base):
    report = take(base, "UID:b\nSUMMARY:Toussaint\nDTSTART;VALUE=DATE:20261101\n", MEETING)
    assert told(report) == [
        (3, "refused", "it is a whole day, without hours: not a class meeting"),
        (8, "taken"),
    ]
    assert report.lines[0].subject == "Toussaint"


def test_an_unknown_zone_is_told(base):
    report = take(base, MEETING.replace("DTSTART:", "DTSTART;TZID=Mars/Olympus:"))
    assert report.notes == ["unknown time zones, read as Europe/Paris: Mars/Olympus"]
    assert only() == TAKEN


def test_two_events_without_uid_are_two_meetings(base):
    event = MEETING.replace("UID:a\n", "")
    assert told(take(base, event, event.replace("LOCATION:S1", "LOCATION:S2"), event)) == [
        (3, "taken"),
        (11, "taken"),
        (19, "unchanged", "already seen on line 3"),
    ]
    assert sorted(meeting.room.name for meeting in ClassMeeting.objects.all()) == ["S1", "S2"]


def test_a_very_long_uid_is_kept_by_its_digest(base):
    event = MEETING.replace("UID:a", f"UID:{'a#' * 300}")
    take(base, event)
    assert told(take(base, event)) == [(3, "unchanged")]
    assert len(ClassMeeting.objects.get().source_uid) <= 300


def test_meetings_are_written_in_as_many_queries_whatever_their_number(base):
    def queries(first, last):
        with CaptureQueriesContext(connection) as captured:
            take(base, *[MEETING.replace("UID:a", f"UID:n{number}") for number in range(first, last)])
        return len(captured)

    queries(0, 1)
    assert queries(1, 2) == queries(2, 32)
    assert ClassMeeting.objects.count() == 32
    assert {meeting.starts_at for meeting in ClassMeeting.objects.all()} == {datetime(2026, 11, 23, 9, tzinfo=UTC)}
