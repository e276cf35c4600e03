from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from emarge.timetable.calendar_file import EventError, read_calendar, read_event
from emarge.timetable.recurrence import MOST, occurrences
from emarge.timetable.zones import Zones

from .test_calendar_file import calendar

PARIS = ZoneInfo("Europe/Paris")
WEEKLY = "DTSTART;TZID=Europe/Paris:20261012T090000\nDTEND;TZID=Europe/Paris:20261012T100000\n"


def events(*contents):
    blocks = read_calendar(calendar(*contents).encode()).blocks
    return [read_event(block, Zones(PARIS, {}), cancels=False) for block in blocks]


def made(*contents):
    master, *changes = events(*contents)
    return [
        f"{one.starts_at:%m-%d %H:%M}{' cancelled' if one.cancelled else ''}" for one in occurrences(master, changes)
    ]


def test_an_hour_stays_the_same_hour_across_the_change_of_the_clock():
    assert made(WEEKLY + "RRULE:FREQ=WEEKLY;COUNT=4\n") == ["10-12 07:00", "10-19 07:00", "10-26 08:00", "11-02 08:00"]


@pytest.mark.parametrize("until", ["20261026T080000Z", "20261026", "20261026T090000", "20261101T225959Z"])
def test_until_in_utc_local_or_a_date(until):
    assert made(WEEKLY + f"RRULE:FREQ=WEEKLY;UNTIL={until}\n")[-1] == "10-26 08:00"


@pytest.mark.parametrize(
    "left_out", ["EXDATE;TZID=Europe/Paris:20261019T090000", "EXDATE:20261019T070000Z", "EXDATE;VALUE=DATE:20261019"]
)
def test_dates_left_out(left_out):
    assert made(WEEKLY + f"RRULE:FREQ=WEEKLY;COUNT=3\n{left_out}\n") == ["10-12 07:00", "10-26 08:00"]


def test_dates_added():
    assert made(WEEKLY + "RDATE;TZID=Europe/Paris:20261014T140000\n") == ["10-12 07:00", "10-14 12:00"]


def test_one_occurrence_is_moved_another_cancelled():
    assert made(
        "UID:a\n" + WEEKLY + "RRULE:FREQ=WEEKLY;COUNT=3\n",
        "UID:a\nRECURRENCE-ID;TZID=Europe/Paris:20261019T090000\nDTSTART:20261020T120000Z\nDTEND:20261020T130000Z\n",
        "UID:a\nRECURRENCE-ID:20261026T080000Z\nSTATUS:CANCELLED\n",
    ) == ["10-12 07:00", "10-20 12:00", "10-26 08:00 cancelled"]


def test_originals_name_the_occurrences():
    master, change = events(
        "UID:a\n" + WEEKLY + "RRULE:FREQ=WEEKLY;COUNT=2\n",
        "UID:a\nRECURRENCE-ID;TZID=Europe/Paris:20261019T090000\nDTSTART:20261020T120000Z\nDTEND:20261020T130000Z\n",
    )
    assert [one.original for one in occurrences(master, [change])] == [
        datetime(2026, 10, 12, 7, tzinfo=UTC),
        datetime(2026, 10, 19, 7, tzinfo=UTC),
    ]


def test_an_endless_rule_is_bounded_and_told():
    (master,) = events(WEEKLY + "RRULE:FREQ=DAILY\n")
    assert len(occurrences(master, [])) == 367
    assert list(master.remarks) == ["the repetition is long: taken for one year and 400 meetings at most"]
    assert MOST == 400


@pytest.mark.parametrize("rule", ["FREQ=HOURLY", "FREQ=SECONDLY;COUNT=3"])
def test_a_rule_that_makes_no_timetable(rule):
    (master,) = events(WEEKLY + f"RRULE:{rule}\n")
    with pytest.raises(EventError, match="this repetition is not understood"):
        occurrences(master, [])
