from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from emarge.spaces.clock import said, said_left


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 11, 23, 11, 15, tzinfo=UTC), "12:15"),
        (datetime(2026, 11, 23, 23, 5, tzinfo=UTC), "24 November, 00:05"),
        (datetime(2026, 11, 22, 23, 0, tzinfo=UTC), "00:00"),
        (datetime(2026, 12, 3, 8, 0, tzinfo=UTC), "3 December, 09:00"),
    ],
)
def test_an_instant_is_said_in_local_time_with_its_day_when_it_is_another(at, expected):
    with timezone.override(ZoneInfo("Europe/Paris")):
        assert said(at, datetime(2026, 11, 23, 9, 0, tzinfo=UTC)) == expected


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (timedelta(seconds=-5), "0 minutes"),
        (timedelta(0), "0 minutes"),
        (timedelta(seconds=1), "1 minute"),
        (timedelta(seconds=61), "2 minutes"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(minutes=91), "1 h 31"),
        (timedelta(minutes=122), "2 h 02"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=9, hours=23), "9 days"),
    ],
)
def test_the_time_left(left, expected):
    assert said_left(left) == expected
