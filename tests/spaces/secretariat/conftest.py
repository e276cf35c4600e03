from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.cast import NOON, TEN, make_school


class Clock:
    """The instant at which the views believe to be."""

    def __init__(self, now):
        self.now = now


@pytest.fixture
def clock(monkeypatch):
    """Eleven o'clock, in the middle of the class meeting, until a test says otherwise."""
    clock = Clock(TEN + timedelta(hours=1))
    monkeypatch.setattr(timezone, "now", lambda: clock.now)
    return clock


@pytest.fixture
def school(db):
    return make_school()


@pytest.fixture
def stranger(db):
    """Another school, on the same server."""
    return make_school("b")


@pytest.fixture
def browser():
    """Open a browser of a school as one of its people."""

    def open_browser(school, user) -> Client:
        client = Client(headers={"host": f"{school.base.domain}"})
        client.force_login(user, backend="emarge.accounts.backends.BaseLoginBackend")
        return client

    return open_browser


AFTER = NOON + timedelta(minutes=16)
