from datetime import UTC, datetime
from pathlib import Path

import pytest
from django_scopes import scope

from emarge.hosting.actions import create_base
from emarge.institutions.models import Student, Teacher
from emarge.lib.import_report import FileKind
from emarge.timetable.files_import import Lockings, SourceFile, import_files
from emarge.timetable.models import ClassMeeting

from .test_calendar_file import TIMES, calendar

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
STUDENTS = b"Nom;Groupe;INE\nADAM Alice;G1;111172100HG\n"
TEACHERS = b"Formateur,Mail\nROY Anne,anne@x.example\n"
TIMETABLE = calendar(
    "UID:a\nSUMMARY:Maths\n" + r"DESCRIPTION:Formateur : Roy Anne\nGroupe : G1" + "\n" + TIMES
).encode()
CAMPUS = Path(__file__).parents[3] / "shared" / "data" / "campus"


@pytest.fixture
def base():
    base = create_base("School", "planning01", "2026-2027")
    with scope(base=base):
        yield base


def take(base, *files):
    lockings = Lockings(meetings=lambda _keys: set(), students=lambda _keys: set(), corrections=lambda _found: None)
    return import_files(base, [SourceFile(name, data) for name, data in files], at=NOW, lockings=lockings)


def test_files_are_known_by_their_content_and_taken_in_order(base):
    reports = take(base, ("a.txt", TIMETABLE), ("b.ics", STUDENTS), ("c", TEACHERS))
    assert [(report.file, report.kind) for report in reports] == [
        ("c", FileKind.TEACHERS),
        ("b.ics", FileKind.STUDENTS),
        ("a.txt", FileKind.TIMETABLE),
    ]
    meeting = ClassMeeting.objects.get()
    assert [str(teacher) for teacher in meeting.teachers.all()] == ["ROY Anne"]
    assert list(meeting.course.groups.get().students.all()) == list(Student.objects.all())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "the file is empty"),
        (bytes(range(256)), "this is not a text file (export a workbook as CSV, a timetable as iCalendar)"),
        (TIMETABLE[:-20], "the file is truncated: its end is missing"),
        (STUDENTS[:-15], "the file is truncated: its end is missing"),
        (b"a;b;c\n1;2;3\n", "no line of headings was recognised (a name and another column are needed)"),
        (calendar().encode(), "the calendar holds no event"),
        (calendar(TIMES).replace("VEVENT", "VTODO").encode(), "the calendar holds no event"),
    ],
)
def test_a_refused_file_stops_no_other_and_leaves_nothing(base, data, why):
    reports = take(base, ("bad", data), ("teachers", TEACHERS))
    assert {report.file: report.refused for report in reports} == {"bad": why, "teachers": ""}
    assert (Student.objects.count(), ClassMeeting.objects.count(), Teacher.objects.count()) == (0, 0, 1)


def test_a_file_that_could_not_be_read_is_told(base):
    lockings = Lockings(meetings=lambda _keys: set(), students=lambda _keys: set(), corrections=lambda _found: None)
    (report,) = import_files(base, [SourceFile("x", fault="no such file")], at=NOW, lockings=lockings)
    assert (report.refused, report.kind, report.lines) == ("no such file", None, [])


@pytest.mark.skipif(not CAMPUS.is_dir(), reason="the made-up campus is not beside this checkout")
def test_a_whole_campus(base):
    files = [(path.name, path.read_bytes()) for path in sorted(CAMPUS.iterdir())]
    reports = take(base, *files)
    assert {report.kind.name: {key.value: count for key, count in report.count().items()} for report in reports} == {
        "TEACHERS": {"taken": 84},
        "STUDENTS": {"taken": 1186, "corrected": 12, "refused": 2},
        "TIMETABLE": {"taken": 1525},
    }
    again = take(base, *files)
    assert {report.kind.name: {key.value: count for key, count in report.count().items()} for report in again} == {
        "TEACHERS": {"unchanged": 84},
        "STUDENTS": {"unchanged": 1198, "refused": 2},
        "TIMETABLE": {"unchanged": 1525},
    }
