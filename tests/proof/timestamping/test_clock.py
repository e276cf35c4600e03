"""A reading says whether it may be stamped."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from emarge.proof.timestamping.clock import Reading, SystemClock, declared
from emarge.proof.timestamping.comparison import ClockState, Verdict
from emarge.proof.timestamping.tokens import DEMO_POLICY


def test_the_system_clock_is_declared_under_the_demo_policy():
    before = datetime.now(UTC)
    reading = SystemClock().read()
    assert before <= reading.at <= datetime.now(UTC)
    assert reading == Reading(
        reading.at,
        timedelta(milliseconds=500),
        ("system clock (declared)",),
        ClockState.IN_SYNC,
        DEMO_POLICY,
        timedelta(seconds=1),
        Verdict.DECLARED,
    )


@pytest.mark.parametrize(
    ("state", "fit"),
    [
        (ClockState.IN_SYNC, True),
        (ClockState.SOON_OUT_OF_SYNC, True),
        (ClockState.OUT_OF_SYNC, False),
        (ClockState.UNKNOWN, False),
    ],
)
def test_a_reading_is_fit_while_its_state_is_good(now, state, fit):
    assert replace(declared(now), state=state).fit is fit


def test_a_reading_is_unfit_beyond_a_second(now):
    assert declared(now, timedelta(seconds=1)).fit is True
    assert declared(now, timedelta(seconds=1, microseconds=1)).fit is False
