# ruff: noqa: DTZ001 - a time on a wall clock has no zone yet
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Timezone

from emarge.timetable.zones import Zones, instant

PARIS = ZoneInfo("Europe/Paris")
DEFINED = """BEGIN:VTIMEZONE
TZID:Notre heure
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0300
TZOFFSETTO:+0300
TZNAME:X
END:STANDARD
END:VTIMEZONE
""".replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("name", "offset"),
    [
        (None, 1),
        ("Europe/Paris", 1),
        ("Romance Standard Time", 1),
        ("/freeassociation.sourceforge.net/Europe/Paris", 1),
        ("(UTC+01:00) Brussels, Copenhagen, Madrid, Paris", 1),
        ("Indian/Reunion", 4),
        ("UTC", 0),
        ("Notre heure", 3),
        ("Mars/Olympus", 1),
    ],
)
def test_zones_by_the_names_that_calendars_give(name, offset):
    zones = Zones(PARIS, {"Notre heure": Timezone.from_ical(DEFINED)})
    at = instant(datetime(2026, 1, 15, 12, 0), zones.find(name))
    assert at == datetime(2026, 1, 15, 12, 0, tzinfo=UTC) - timedelta(hours=offset)
    assert zones.unknown == ({"Mars/Olympus"} if name == "Mars/Olympus" else set())


@pytest.mark.parametrize(
    ("wall", "utc"),
    [
        # The last Sunday of October: 02:30 happens twice, the first one counts.
        (datetime(2026, 10, 25, 1, 30), datetime(2026, 10, 24, 23, 30, tzinfo=UTC)),
        (datetime(2026, 10, 25, 2, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (datetime(2026, 10, 25, 3, 30), datetime(2026, 10, 25, 2, 30, tzinfo=UTC)),
        # The last Sunday of March: 02:30 never happens, the offset before the change counts.
        (datetime(2027, 3, 28, 1, 30), datetime(2027, 3, 28, 0, 30, tzinfo=UTC)),
        (datetime(2027, 3, 28, 2, 30), datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
        (datetime(2027, 3, 28, 3, 30), datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
    ],
)
def test_the_change_of_the_clock(wall, utc):
    assert instant(wall, PARIS) == utc
