from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from emarge.lib.tables import UnreadableFileError
from emarge.timetable.calendar_file import EventError, looks_like_a_calendar, read_calendar, read_event
from emarge.timetable.zones import Zones

PARIS = ZoneInfo("Europe/Paris")
TIMES = "DTSTART:20261123T100000\nDTEND:20261123T120000\n"


def calendar(*events):
    body = "".join(f"BEGIN:VEVENT\n{event}END:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{body}END:VCALENDAR\n"


def read(text, *, cancels=False):
    blocks = read_calendar(text.encode()).blocks
    return [read_event(block, Zones(PARIS, {}), cancels=cancels) for block in blocks]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_unfolded_and_counted(encoding, end):
    text = calendar("UID:a\nSUMMARY:Éco\n nomie \n générale\n" + TIMES, "UID:b\n" + TIMES)
    data = text.replace("\n", end).encode(encoding)
    assert looks_like_a_calendar(data)
    blocks = read_calendar(data).blocks
    events = [read_event(block, Zones(PARIS, {}), cancels=False) for block in blocks]
    assert [(event.line, event.uid, event.summary) for event in events] == [
        (3, "a", "Économie générale"),
        (11, "b", ""),
    ]


def test_a_line_folded_inside_a_character():
    start, end = calendar("UID:a\nSUMMARY:É\n" + TIMES).encode().split("É".encode())
    data = start + "É".encode()[:1] + b"\r\n " + "É".encode()[1:] + end
    blocks = read_calendar(data).blocks
    assert read_event(blocks[0], Zones(PARIS, {}), cancels=False).summary == "É"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("BEGIN:VCALENDAR\nVERSION:2.0\n", "truncated"),
        (calendar(TIMES).removesuffix("END:VCALENDAR\n"), "truncated"),
        (calendar(TIMES)[:-30], "truncated"),
        (calendar(), "empty"),
    ],
)
def test_a_calendar_refused_as_a_whole(text, code):
    with pytest.raises(UnreadableFileError) as refused:
        read_calendar(text.encode())
    assert refused.value.code == code


@pytest.mark.parametrize("data", [b"", b"Nom;Pr", b"BEGIN:VCARD\nEND:VCARD\n"])
def test_what_is_no_calendar(data):
    assert not looks_like_a_calendar(data)


@pytest.mark.parametrize(
    ("times", "starts_at", "minutes"),
    [
        ("DTSTART:20261123T100000\nDTEND:20261123T120000\n", datetime(2026, 11, 23, 9, tzinfo=UTC), 120),
        ("DTSTART:20261123T100000Z\nDTEND:20261123T120000Z\n", datetime(2026, 11, 23, 10, tzinfo=UTC), 120),
        ("DTSTART;TZID=Indian/Reunion:20261123T100000\nDURATION:PT1H30M\n", datetime(2026, 11, 23, 6, tzinfo=UTC), 90),
        # Across the change of the clock, an hour is lost or won.
        ("DTSTART:20261025T013000\nDTEND:20261025T040000\n", datetime(2026, 10, 24, 23, 30, tzinfo=UTC), 210),
        ("DTSTART:20270328T013000\nDTEND:20270328T040000\n", datetime(2027, 3, 28, 0, 30, tzinfo=UTC), 90),
    ],
)
def test_times(times, starts_at, minutes):
    (event,) = read(calendar(times))
    assert (event.starts.at, event.length) == (starts_at, timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("DTSTART;VALUE=DATE:20261101\n", "it is a whole day, without hours: not a class meeting"),
        ("DTSTART:20261123T100000\n", "there is no end"),
        ("DTEND:20261123T100000\n", "there is no start"),
        ("DTSTART:20261123T100000\nDTEND:20261123T100000\n", "it does not end after it starts"),
        ("DTSTART:20261123T100000\nDTEND:20261123T090000\n", "it does not end after it starts"),
        ("DTSTART:20261123T100000\nDURATION:PT25H\n", "it lasts longer than a day: not a class meeting"),
        ("DTSTART:2026\nDTEND:20261123T090000\n", "malformed: DTSTART"),
        (TIMES + TIMES, "there are two starts"),
        (TIMES + "RRULE:FREQ=SOMETIMES\n", "malformed: RRULE"),
        (TIMES + "RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY\n", "this repetition is not understood"),
        (
            TIMES + "RECURRENCE-ID;RANGE=THISANDFUTURE:20261123T100000\n",
            "a change of all the following occurrences is not understood: export them one by one",
        ),
    ],
)
def test_an_event_that_is_no_class_meeting(content, why):
    with pytest.raises(EventError) as refused:
        read(calendar(content))
    assert str(refused.value) == why


def test_an_event_without_end_takes_nothing_with_it():
    text = calendar("UID:a\n" + TIMES, "UID:b\n" + TIMES).replace("END:VEVENT\n", "", 1)
    first, second = read_calendar(text.encode()).blocks
    assert (first.line, first.fault) == (3, "the event has no end")
    assert (second.line, second.fault) == (7, "")


def test_an_alarm_inside_an_event_is_part_of_it():
    (event,) = read(calendar(TIMES + "BEGIN:VALARM\nTRIGGER:-PT5M\nDURATION:PT5M\nEND:VALARM\nSUMMARY:x\n"))
    assert (event.summary, event.length) == ("x", timedelta(hours=2))


def test_another_component_is_told():
    block = read_calendar(calendar(TIMES).replace("VEVENT", "VTODO").encode()).blocks[0]
    with pytest.raises(EventError, match="VTODO is not an event"):
        read_event(block, Zones(PARIS, {}), cancels=False)


@pytest.mark.parametrize(
    ("content", "cancels", "cancelled"),
    [("", False, False), ("STATUS:CANCELLED\n", False, True), ("", True, True), ("STATUS:CONFIRMED\n", False, False)],
)
def test_cancelled(content, cancels, cancelled):
    (event,) = read(calendar(TIMES + content), cancels=cancels)
    assert event.cancelled is cancelled


def test_method_cancel_is_seen():
    text = calendar(TIMES).replace("VERSION:2.0\n", "VERSION:2.0\nMETHOD:CANCEL\n")
    assert read_calendar(text.encode()).cancels is True
    assert read_calendar(calendar(TIMES).encode()).cancels is False


def test_people_and_categories():
    (event,) = read(
        calendar(
            TIMES
            + 'ORGANIZER;CN="Anne ROY":mailto:Anne.Roy@x.example\nATTENDEE;CN=G1:invalid:nomail\nCATEGORIES:TD,Maths\n'
        )
    )
    assert event.people == [("Anne ROY", "anne.roy@x.example"), ("G1", "")]
    assert event.categories == ["TD", "Maths"]


def test_a_malformed_property_that_is_not_of_time_is_left_out_and_told():
    (event,) = read(calendar("DTSTAMP:2026x\nSUMMARY:Maths\nnonsense\n" + TIMES))
    assert (event.summary, list(event.remarks), event.remarks.corrected) == (
        "Maths",
        ["malformed, left out: ?, DTSTAMP"],
        True,
    )


def test_a_zone_that_is_the_name_of_a_folder_is_unknown_or_malformed():
    with pytest.raises(EventError, match="the event is malformed"):
        read(calendar("DTSTART;TZID=Europe:20261123T100000\nDTEND:20261123T120000\n"))
