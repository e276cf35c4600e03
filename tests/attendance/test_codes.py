from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emarge.attendance import codes
from emarge.attendance.codes import Pace

KEY = codes.key_of("a secret of the tests")
ROLL_CALL = UUID("6f2a6f6e-3c58-4c2e-9a31-0f6a4b8f0c11")
OTHER = UUID("0b0e7a36-9d0c-4a37-8a2e-2f9a6a2c7f10")
TEN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PERIOD = timedelta(seconds=15)
SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)
ROLLING = Pace(ROLL_CALL, PERIOD, PERIOD)
SET = Pace(ROLL_CALL, None, timedelta())


def test_codes_are_those_of_the_document():
    assert codes.scan_code(KEY, ROLLING, 118_633_920) == "1SVGKTTF7C6CBJAV"
    assert codes.typed_code(KEY, ROLLING, 118_633_920) == "604557"
    assert len(codes.scan_code(KEY, SET, 0)) == 16


def test_a_code_counts_while_it_is_shown_and_for_its_grace():
    step = ROLLING.step_at(TEN)
    code = codes.scan_code(KEY, ROLLING, step)
    for at, counts in (
        (TEN, True),
        (TEN + PERIOD - TICK, True),
        (TEN + 2 * PERIOD, True),
        (TEN + 2 * PERIOD + TICK, False),
        (TEN - TICK, False),
    ):
        assert codes.scanned_step(KEY, ROLLING, code, at) == (step if counts else None)


def test_no_grace_leaves_the_code_on_screen_alone():
    pace = Pace(ROLL_CALL, PERIOD, timedelta())
    assert pace.steps_at(TEN + SECOND) == [pace.step_at(TEN)]


def test_a_set_code_counts_at_any_time():
    code = codes.scan_code(KEY, SET, 0)
    assert codes.scanned_step(KEY, SET, code.lower(), TEN + timedelta(days=3)) == 0
    assert codes.lateness_ms(SET, 0, TEN) == 0


@pytest.mark.parametrize("code", ["", "é", "0" * 16, "H" * 400, "٣" * 6])
def test_another_text_is_no_code(code):
    assert codes.scanned_step(KEY, ROLLING, code, TEN) is None
    assert codes.typed_step(KEY, ROLLING, code, TEN) is None


def test_codes_of_another_meeting_key_or_use_do_not_count():
    step = ROLLING.step_at(TEN)
    other = Pace(OTHER, PERIOD, PERIOD)
    assert codes.scanned_step(KEY, other, codes.scan_code(KEY, ROLLING, step), TEN) is None
    assert codes.scanned_step(codes.key_of("b"), ROLLING, codes.scan_code(KEY, ROLLING, step), TEN) is None
    assert codes.scanned_step(KEY, ROLLING, codes.typed_code(KEY, ROLLING, step), TEN) is None


@given(
    st.integers(5, 120),
    st.integers(0, 300),
    st.integers(0, 10**12),
    st.integers(0, 70 * 365 * 86_400_000),
)
def test_a_code_on_screen_survives_any_wait_within_the_grace(period, grace, wait, after):
    shown = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(milliseconds=after)
    pace = Pace(ROLL_CALL, timedelta(seconds=period), timedelta(seconds=grace))
    step = pace.step_at(shown)
    arrived = shown + timedelta(microseconds=wait % (grace * 10**6 + 1))
    assert step in pace.steps_at(arrived)
    assert all(pace.ends_at(one) >= arrived - pace.grace for one in pace.steps_at(arrived))
    assert codes.lateness_ms(pace, step, arrived) <= grace * 1000


def test_only_equality_is_kept_of_devices_networks_and_sessions():
    base, other = UUID(int=1), UUID(int=2)
    assert codes.network_mark(KEY, base, "192.0.2.1") == codes.network_mark(KEY, base, "192.0.2.200")
    assert codes.network_mark(KEY, base, "192.0.2.1") != codes.network_mark(KEY, base, "192.0.3.1")
    assert codes.network_mark(KEY, base, "2001:db8:1::1") == codes.network_mark(KEY, base, "2001:db8:1:ffff::9")
    assert codes.network_mark(KEY, base, "unix:") == ""
    assert codes.device_mark(KEY, base, "x") != codes.device_mark(KEY, other, "x")
    assert codes.device_mark(KEY, base, "x") != codes.session_mark(KEY, base, "x")


@given(st.integers(0, 2**63))
def test_a_roll_call_s_number_is_read_back(number):
    assert int(codes.base36(number), 36) == number
