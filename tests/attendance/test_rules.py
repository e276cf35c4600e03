from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emarge.attendance import rules
from emarge.attendance.rules import (
    Drawing,
    DrawingRefusedError,
    Method,
    Presence,
    Refusal,
    SignInStatus,
    parse_drawing,
)

TEN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NOON = TEN + timedelta(hours=2)
CLOSE = NOON + timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)


def format_drawing(drawing: Drawing) -> str:
    """The text form of a drawing, as docs/formats/drawing.md says: the browser writes it, the product only reads."""
    strokes = []
    for stroke in drawing.strokes:
        steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(stroke)]
        strokes.append(" ".join(f"{x},{y}" for x, y in [stroke[0], *steps]))
    return ";".join(["v1", f"{drawing.width}x{drawing.height}", *strokes])


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
        ({"validated": True}, Refusal.MEETING_SEALED),
    ],
)
def test_why_not_open_sign_in(changes, refusal):
    facts = {"ended": True, "validated": False, "starts_at": TEN, "closes_at": CLOSE, "at": TEN}
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
    ],
)
def test_why_not_validate(changes, refusal):
    facts = {"ended": True, "validated": False, "closes_at": CLOSE, "now": TEN}
    assert rules.why_not_validate(**{**facts, **changes}) == refusal


def test_instants_are_written_in_utc():
    paris = timedelta(hours=1)
    assert rules.instant(TEN.astimezone(tz=None)) == "2026-11-23T09:00:00.000000Z"
    assert rules.instant(TEN + paris) == "2026-11-23T10:00:00.000000Z"


# Drawings


def test_the_documented_drawing():
    text = "v1;300x150;10,20 15,-4 30,12;80,40"
    drawing = parse_drawing(text)
    assert drawing == Drawing(300, 150, (((10, 20), (25, 16), (55, 28)), ((80, 40),)))
    assert format_drawing(drawing) == text


def _repeat(pair: str, times: int) -> str:
    return " ".join([pair] * times)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", Refusal.DRAWING_EMPTY),
        ("v1;300x150;", Refusal.DRAWING_EMPTY),
        ("v1;300x150", Refusal.DRAWING_EMPTY),
        ("v1;300x150;10,20", Refusal.DRAWING_EMPTY),
        ("v1;300x150;10,20 19,0", Refusal.DRAWING_EMPTY),
        ("v2;300x150;10,20 30,0", Refusal.DRAWING_MALFORMED),
        ("v1;300;10,20 30,0", Refusal.DRAWING_MALFORMED),
        ("v1;0x150;10,20 30,0", Refusal.DRAWING_MALFORMED),
        ("v1;601x150;10,20 30,0", Refusal.DRAWING_TOO_LARGE),
        ("v1;300x301;10,20 30,0", Refusal.DRAWING_TOO_LARGE),
        ("v1;300x150;10,20  30,0", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 30,0 ", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 30,0\n", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 30,0;", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 030,0", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 +30,0", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 30,-0", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 30.5,0", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 ٣٠,0", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 291,0", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 -11,0", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;-1,20 30,0", Refusal.DRAWING_MALFORMED),
        ("<svg onload=alert(1)>", Refusal.DRAWING_MALFORMED),
        (f"v1;300x150;0,0 {_repeat('1,0 -1,0', 2000)}", Refusal.DRAWING_TOO_LARGE),
        ("v1;300x150" + ";0,0 30,0" * 65, Refusal.DRAWING_TOO_LARGE),
        ("v1;300x150;0,0 30,0" + " " * 24_576, Refusal.DRAWING_TOO_LARGE),
    ],
)
def test_refused_drawings(text, refusal):
    with pytest.raises(DrawingRefusedError) as refused:
        parse_drawing(text)
    assert refused.value.refusal == refusal


def test_drawings_at_the_limits():
    assert len(parse_drawing("v1;600x300" + ";0,0 30,0" * 64).strokes) == 64
    assert len(parse_drawing(f"v1;600x300;0,0 {_repeat('1,0 -1,0', 1999)} 1,1").strokes[0]) == 4000
    assert parse_drawing("v1;300x150;10,20 20,0").length == 20


_points = st.tuples(st.integers(0, 300), st.integers(0, 150))
_drawings = st.builds(
    Drawing,
    st.just(300),
    st.just(150),
    st.lists(st.lists(_points, min_size=1, max_size=20).map(tuple), min_size=1, max_size=8).map(tuple),
)


@given(_drawings)
def test_a_drawing_survives_its_text(drawing):
    text = format_drawing(drawing)
    if drawing.length >= 20:
        assert parse_drawing(text) == drawing
    else:
        with pytest.raises(DrawingRefusedError) as refused:
            parse_drawing(text)
        assert refused.value.refusal == Refusal.DRAWING_EMPTY


@given(st.text(alphabet="v1;x,- 0123456789", max_size=200) | st.text(max_size=200))
def test_any_text_is_refused_or_is_the_only_text_of_its_drawing(text):
    try:
        drawing = parse_drawing(text)
    except DrawingRefusedError:
        return
    assert format_drawing(drawing) == text
