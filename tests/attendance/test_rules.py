from datetime import UTC, datetime, timedelta

import pytest

from emarge.attendance import rules
from emarge.attendance.rules import Grant, Method, Mode, Presence, Refusal, SignInStatus

TEN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NOON = TEN + timedelta(hours=2)
CLOSE = NOON + timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)


def test_the_window_closes_at_the_end_plus_the_extension():
    assert rules.closes_at(NOON, 15) == CLOSE


@pytest.mark.parametrize(
    ("can_enter", "teaches", "refusal"),
    [
        (True, True, None),
        (False, True, Refusal.NO_RIGHT),
        (True, False, Refusal.NOT_YOUR_MEETING),
        (False, False, Refusal.NOT_YOUR_MEETING),
    ],
)
def test_why_not_call(can_enter, teaches, refusal):
    assert rules.why_not_call(can_enter=can_enter, teaches=teaches) == refusal


@pytest.mark.parametrize(
    ("at", "cancelled", "refusal"),
    [
        (TEN, False, None),
        (TEN - 15 * MINUTE, False, None),
        (TEN - 15 * MINUTE - TICK, False, Refusal.TOO_EARLY_TO_CALL),
        (NOON + timedelta(days=7), False, None),
        (NOON + timedelta(days=7) + TICK, False, Refusal.TOO_LATE_TO_CALL),
        (TEN, True, Refusal.MEETING_CANCELLED),
    ],
)
def test_why_not_open_roll_call(at, cancelled, refusal):
    answer = rules.why_not_open_roll_call(cancelled=cancelled, starts_at=TEN, ends_at=NOON, at=at)
    assert answer == refusal


@pytest.mark.parametrize(("students", "refusal"), [(0, None), (5000, None), (5001, Refusal.ROSTER_TOO_LARGE)])
def test_why_not_freeze(students, refusal):
    assert rules.why_not_freeze(students) == refusal


@pytest.mark.parametrize(
    ("students", "parts"), [(0, [0]), (1, [1]), (300, [300]), (301, [300, 1]), (700, [300, 300, 100])]
)
def test_a_roster_stands_in_as_many_records_as_it_needs(students, parts):
    cut = rules.roster_parts(range(students))
    assert [len(part) for part in cut] == parts
    assert [line for part in cut for line in part] == list(range(students))


@pytest.mark.parametrize(
    ("minutes", "refusal"),
    [
        (0, Refusal.EXTENSION_OUT_OF_RANGE),
        (1, None),
        (14_400, None),
        (14_401, Refusal.EXTENSION_OUT_OF_RANGE),
    ],
)
def test_why_not_extend(minutes, refusal):
    assert rules.why_not_extend(minutes) == refusal


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, None),
        ({"presence": Presence.LATE, "minutes_late": 10}, None),
        ({"presence": Presence.LATE, "minutes_late": 1441}, Refusal.MINUTES_OUT_OF_RANGE),
        ({"presence": Presence.LATE, "minutes_late": -1}, Refusal.MINUTES_OUT_OF_RANGE),
        ({"presence": Presence.ABSENT, "minutes_late": 1}, Refusal.MINUTES_OUT_OF_RANGE),
        ({"presence": Presence.PRESENT, "minutes_late": 1}, Refusal.MINUTES_OUT_OF_RANGE),
        ({"reason": "x" * 200}, None),
        ({"reason": "x" * 201}, Refusal.REASON_TOO_LONG),
        ({"ended": True}, Refusal.ROLL_CALL_ENDED),
        ({"validated": True, "ended": True}, Refusal.MEETING_SEALED),
        ({"signed": True}, Refusal.ALREADY_SIGNED),
        ({"signed": True, "presence": Presence.LATE, "minutes_late": 3}, None),
        ({"at": NOON + timedelta(days=7, seconds=1)}, Refusal.TOO_LATE_TO_CALL),
    ],
)
def test_why_not_mark(changes, refusal):
    facts = {
        "presence": Presence.ABSENT,
        "minutes_late": 0,
        "reason": "",
        "ended": False,
        "validated": False,
        "signed": False,
        "ends_at": NOON,
        "at": TEN,
    }
    assert rules.why_not_mark(**{**facts, **changes}) == refusal


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, None),
        ({"at": TEN - 15 * MINUTE}, None),
        ({"at": TEN - 15 * MINUTE - TICK}, Refusal.SIGN_IN_TOO_EARLY),
        ({"at": CLOSE}, None),
        ({"at": CLOSE + TICK}, Refusal.WINDOW_CLOSED),
        ({"ended": False}, Refusal.ROLL_CALL_NOT_ENDED),
        ({"ended": False, "mode": Mode.SET_QR}, None),
        ({"ended": False, "mode": Mode.ROLLING_QR, "at": CLOSE + TICK}, Refusal.WINDOW_CLOSED),
        ({"opened_for_teacher": True, "at": NOON + timedelta(days=7)}, None),
        ({"opened_for_teacher": True, "at": NOON + timedelta(days=7) + TICK}, Refusal.WINDOW_CLOSED),
        ({"validated": True}, Refusal.MEETING_SEALED),
    ],
)
def test_why_not_open_sign_in(changes, refusal):
    facts = {
        "mode": Mode.BY_TEACHER,
        "ended": True,
        "validated": False,
        "opened_for_teacher": False,
        "starts_at": TEN,
        "ends_at": NOON,
        "closes_at": CLOSE,
        "at": TEN,
    }
    assert rules.why_not_open_sign_in(**{**facts, **changes}) == refusal


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, None),
        ({"presence": Presence.LATE}, None),
        ({"at": CLOSE}, None),
        ({"at": CLOSE + TICK}, Refusal.WINDOW_CLOSED),
        ({"at": CLOSE + TICK, "opened_at": None}, Refusal.WINDOW_CLOSED),
        ({"opened_at": None}, Refusal.SIGN_IN_NOT_OPEN),
        ({"at": TEN - TICK}, Refusal.SIGN_IN_NOT_OPEN),
        ({"presence": Presence.ABSENT}, Refusal.ABSENT),
        ({"own_line": False}, Refusal.SOMEONE_ELSE),
        ({"expected": False}, Refusal.NOT_EXPECTED),
        ({"validated": True}, Refusal.MEETING_SEALED),
        ({"settled": True}, Refusal.ALREADY_SETTLED),
    ],
)
def test_why_not_sign_in(changes, refusal):
    facts = {
        "own_line": True,
        "expected": True,
        "presence": Presence.PRESENT,
        "settled": False,
        "validated": False,
        "opened_at": TEN,
        "closes_at": CLOSE,
        "at": TEN + MINUTE,
    }
    assert rules.why_not_sign_in(**{**facts, **changes}) == refusal


@pytest.mark.parametrize(
    ("method", "consent", "typed_name", "refusal"),
    [
        (Method.DRAWN, False, "", None),
        (Method.KEYBOARD, True, "Alice Adam", None),
        (Method.KEYBOARD, True, "  ", Refusal.CONSENT_MISSING),
        (Method.KEYBOARD, False, "Alice Adam", Refusal.CONSENT_MISSING),
        (Method.KEYBOARD, True, "x" * 201, Refusal.CONSENT_MISSING),
    ],
)
def test_why_not_consent(method, consent, typed_name, refusal):
    assert rules.why_not_consent(method=method, consent=consent, typed_name=typed_name) == refusal


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, SignInStatus.EXPECTED),
        ({"now": CLOSE}, SignInStatus.EXPECTED),
        ({"now": CLOSE + TICK}, SignInStatus.UNSIGNED_AT_CLOSE),
        ({"signed": True, "now": CLOSE + TICK}, SignInStatus.SIGNED),
        ({"settled": True, "now": CLOSE + TICK}, SignInStatus.REGULARISED),
        ({"presence": Presence.ABSENT}, SignInStatus.NOT_EXPECTED),
        ({"presence": Presence.LATE}, SignInStatus.EXPECTED),
        ({"expected": False}, SignInStatus.NOT_EXPECTED),
    ],
)
def test_sign_in_status(changes, status):
    facts = {
        "expected": True,
        "presence": Presence.PRESENT,
        "signed": False,
        "settled": False,
        "closes_at": CLOSE,
        "now": TEN,
    }
    assert rules.sign_in_status(**{**facts, **changes}) == status


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, None),
        ({"status": SignInStatus.SIGNED}, Refusal.ALREADY_SIGNED),
        ({"status": SignInStatus.REGULARISED}, Refusal.ALREADY_SETTLED),
        ({"status": SignInStatus.NOT_EXPECTED}, Refusal.NOT_EXPECTED),
        ({"status": SignInStatus.EXPECTED}, Refusal.WINDOW_STILL_OPEN),
        ({"reason": " "}, Refusal.REASON_MISSING),
        ({"reason": "x" * 501}, Refusal.REASON_TOO_LONG),
        ({"ended": False}, Refusal.ROLL_CALL_NOT_ENDED),
        ({"validated": True}, Refusal.MEETING_SEALED),
    ],
)
def test_why_not_settle(changes, refusal):
    facts = {
        "status": SignInStatus.UNSIGNED_AT_CLOSE,
        "ended": True,
        "validated": False,
        "reason": "forgot the phone",
    }
    assert rules.why_not_settle(**{**facts, **changes}) == refusal


_SIGNED, _EXPECTED = SignInStatus.SIGNED, SignInStatus.EXPECTED
_UNSIGNED, _SETTLED = SignInStatus.UNSIGNED_AT_CLOSE, SignInStatus.REGULARISED


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"statuses": [_SIGNED, SignInStatus.NOT_EXPECTED]}, None),
        ({"statuses": [_SIGNED, _EXPECTED]}, Refusal.WINDOW_STILL_OPEN),
        ({"statuses": [_SIGNED, _SETTLED], "now": CLOSE + TICK}, None),
        ({"statuses": [_SIGNED, _UNSIGNED], "now": CLOSE + TICK}, Refusal.LINES_UNSETTLED),
        ({"statuses": [SignInStatus.NOT_EXPECTED]}, Refusal.WINDOW_STILL_OPEN),
        ({"statuses": [SignInStatus.NOT_EXPECTED], "now": CLOSE + TICK}, None),
        ({"statuses": [_SIGNED], "ended": False}, Refusal.ROLL_CALL_NOT_ENDED),
        ({"statuses": [_SIGNED], "validated": True}, Refusal.MEETING_SEALED),
        ({"statuses": [_SIGNED], "teacher_expected": True}, Refusal.TEACHER_UNSIGNED),
        ({"statuses": [_SIGNED], "teacher_expected": True, "now": NOON + timedelta(days=7) + TICK}, None),
    ],
)
def test_why_not_validate(changes, refusal):
    facts = {
        "ended": True,
        "validated": False,
        "teacher_expected": False,
        "ends_at": NOON,
        "closes_at": CLOSE,
        "now": TEN,
    }
    assert rules.why_not_validate(**{**facts, **changes}) == refusal


def test_instants_are_written_in_utc():
    paris = timedelta(hours=1)
    assert rules.instant(TEN.astimezone(tz=None)) == "2026-11-23T09:00:00.000000Z"
    assert rules.instant(TEN + paris) == "2026-11-23T10:00:00.000000Z"


# Codes


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, None),
        ({"mode": Mode.SET_QR}, None),
        ({"mode": Mode.BY_TEACHER}, Refusal.NOT_BY_CODE),
        ({"presence": Presence.PRESENT}, None),
        ({"presence": Presence.ABSENT}, Refusal.ABSENT),
        ({"presence": Presence.ABSENT, "ended": True}, Refusal.ROLL_CALL_ENDED),
        ({"validated": True, "ended": True}, Refusal.MEETING_SEALED),
        ({"started_at": None}, Refusal.NOT_STARTED),
        ({"started_at": TEN + TICK}, Refusal.NOT_STARTED),
        ({"arrived_at": CLOSE, "at": CLOSE + MINUTE}, None),
        ({"arrived_at": CLOSE + TICK, "at": CLOSE + MINUTE}, Refusal.WINDOW_CLOSED),
        ({"at": TEN + 10 * MINUTE}, None),
        ({"at": TEN + 10 * MINUTE + TICK}, Refusal.SCAN_EXPIRED),
    ],
)
def test_why_not_scan(changes, refusal):
    facts = {
        "mode": Mode.ROLLING_QR,
        "presence": Presence.AWAITED,
        "started_at": TEN,
        "ended": False,
        "validated": False,
        "closes_at": CLOSE,
        "arrived_at": TEN,
        "at": TEN,
    }
    assert rules.why_not_scan(**{**facts, **changes}) == refusal


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, None),
        ({"grant": None}, Refusal.NOT_SCANNED),
        ({"grant": Grant(TEN, same_device=False)}, Refusal.OTHER_DEVICE),
        ({"at": TEN + 10 * MINUTE}, None),
        ({"at": TEN + 10 * MINUTE + TICK}, Refusal.GRANT_EXPIRED),
        ({"presence": Presence.AWAITED}, Refusal.NOT_SCANNED),
        ({"scanned": False, "grant": None}, None),
        ({"scanned": False, "grant": None, "presence": Presence.AWAITED}, Refusal.NOT_SCANNED),
    ],
)
def test_whoever_was_scanned_signs_under_the_grant(changes, refusal):
    facts = {
        "own_line": True,
        "expected": True,
        "presence": Presence.PRESENT,
        "settled": False,
        "validated": False,
        "opened_at": TEN,
        "closes_at": CLOSE,
        "at": TEN,
        "scanned": True,
        "grant": Grant(TEN, same_device=True),
    }
    assert rules.why_not_sign_in(**{**facts, **changes}) == refusal


@pytest.mark.parametrize(
    ("period", "grace", "refusal"),
    [
        (5, None, None),
        (120, 300, None),
        (15, 0, None),
        (4, None, Refusal.PERIOD_OUT_OF_RANGE),
        (121, None, Refusal.PERIOD_OUT_OF_RANGE),
        (15, 301, Refusal.GRACE_OUT_OF_RANGE),
        (15, -1, Refusal.GRACE_OUT_OF_RANGE),
    ],
)
def test_why_not_set_period(period, grace, refusal):
    assert rules.why_not_set_period(period, grace) == refusal


def test_who_never_scanned_is_not_expected_once_the_window_has_closed():
    facts = {"expected": True, "presence": Presence.AWAITED, "signed": False, "settled": False, "closes_at": CLOSE}
    assert rules.sign_in_status(**facts, now=CLOSE) == SignInStatus.EXPECTED
    assert rules.sign_in_status(**facts, now=CLOSE + TICK) == SignInStatus.NOT_EXPECTED
