"""Decisions on values: who may do what and when. Standard library only."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")

MAX_EXTENSION_MINUTES = 10 * 24 * 60
DEFAULT_EXTENSION_MINUTES = 15
OPENS_BEFORE = timedelta(minutes=15)
"""How long before its planned start a meeting's roll may be called and its sign-in opened."""
CALL_BACK = timedelta(days=7)
"""How long after its planned end a teacher may still fill the roll sheet (row M2.6)."""
MAX_ROSTER = 5_000
"""Students of one roll call: more than any hall holds, so more is a mistake in the groups."""
ROSTER_PART = 300
"""Lines of a roster in one record: they fit in one payload of the vault (docs/formats/record.md)."""
MAX_REASON = 200
MAX_SETTLED_REASON = 500
MAX_TYPED_NAME = 200
MAX_MINUTES_LATE = 24 * 60


class Mode(Enum):
    """How the roll is called."""

    BY_TEACHER = "by_teacher"
    SET_QR = "set_qr"
    ROLLING_QR = "rolling_qr"


class Presence(Enum):
    """The roll-call status of a student (row M4.2). A late student is present and signs."""

    PRESENT = "present"
    ABSENT = "absent"
    LATE = "late"


class Method(Enum):
    """How a signature was made. The keyboard is the assistive alternative (row M5.3)."""

    DRAWN = "drawn"
    KEYBOARD = "keyboard"


class SignInStatus(Enum):
    """The sign-in status of a line, a fact apart from the presence (row M5.5)."""

    NOT_EXPECTED = "not_expected"
    EXPECTED = "expected"
    SIGNED = "signed"
    UNSIGNED_AT_CLOSE = "unsigned_at_close"
    REGULARISED = "regularised"


class Refusal(Enum):
    """Why an action is refused. The values are stable: screens, tests and logs quote them."""

    NO_RIGHT = "no_right"
    NOT_ACTIVE = "not_active"
    CODE_OF_ANOTHER_ACCOUNT = "code_of_another_account"
    EXTENSION_OUT_OF_RANGE = "extension_out_of_range"
    ROSTER_TOO_LARGE = "roster_too_large"
    MEETING_CANCELLED = "meeting_cancelled"
    NOT_YOUR_MEETING = "not_your_meeting"
    TOO_EARLY_TO_CALL = "too_early_to_call"
    TOO_LATE_TO_CALL = "too_late_to_call"
    ROLL_CALL_ENDED = "roll_call_ended"
    ROLL_CALL_NOT_ENDED = "roll_call_not_ended"
    MINUTES_OUT_OF_RANGE = "minutes_out_of_range"
    REASON_TOO_LONG = "reason_too_long"
    REASON_MISSING = "reason_missing"
    MEETING_SEALED = "meeting_sealed"
    SIGN_IN_TOO_EARLY = "sign_in_too_early"
    SIGN_IN_NOT_OPEN = "sign_in_not_open"
    WINDOW_CLOSED = "window_closed"
    WINDOW_STILL_OPEN = "window_still_open"
    SOMEONE_ELSE = "someone_else"
    NOT_EXPECTED = "not_expected"
    ABSENT = "absent"
    CONSENT_MISSING = "consent_missing"
    METHOD_UNKNOWN = "method_unknown"
    DRAWING_EMPTY = "drawing_empty"
    DRAWING_TOO_LARGE = "drawing_too_large"
    DRAWING_MALFORMED = "drawing_malformed"
    ALREADY_SIGNED = "already_signed"
    ALREADY_SETTLED = "already_settled"
    LINES_UNSETTLED = "lines_unsettled"
    CORRECTION_UNEXPLAINED = "correction_unexplained"
    NAME_MISSING = "name_missing"
    IDENTITY_NEEDED = "identity_needed"
    IDENTITY_TAKEN = "identity_taken"


def closes_at(ends_at: datetime, extension_minutes: int) -> datetime:
    """When the sign-in closes: the planned end plus the extension (row M2.3)."""
    return ends_at + timedelta(minutes=extension_minutes)


def instant(at: datetime) -> str:
    """An instant as records write it: UTC, microseconds, Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def why_not_call(*, can_enter: bool, teaches: bool) -> Refusal | None:
    """Whether somebody may fill a roll sheet at all (row M4.3)."""
    if not teaches:
        return Refusal.NOT_YOUR_MEETING
    return None if can_enter else Refusal.NO_RIGHT


def why_not_open_roll_call(*, cancelled: bool, starts_at: datetime, ends_at: datetime, at: datetime) -> Refusal | None:
    """From 15 minutes before the planned start until 7 days after the planned end."""
    if cancelled:
        return Refusal.MEETING_CANCELLED
    if at < starts_at - OPENS_BEFORE:
        return Refusal.TOO_EARLY_TO_CALL
    return Refusal.TOO_LATE_TO_CALL if at > ends_at + CALL_BACK else None


def why_not_freeze(students: int) -> Refusal | None:
    """A lecture hall has no limit; a whole university in one class meeting is a mistake."""
    return Refusal.ROSTER_TOO_LARGE if students > MAX_ROSTER else None


def roster_parts(lines: Sequence[T]) -> list[Sequence[T]]:
    """The lines of a roster cut into as many records as they need: one at least, for an empty room too."""
    starts = range(0, max(len(lines), 1), ROSTER_PART)
    return [lines[start : start + ROSTER_PART] for start in starts]


def why_not_extend(minutes: int) -> Refusal | None:
    """From 1 minute to 10 days (row M2.3)."""
    return None if 1 <= minutes <= MAX_EXTENSION_MINUTES else Refusal.EXTENSION_OUT_OF_RANGE


def why_not_mark(
    *,
    presence: Presence,
    minutes_late: int,
    reason: str,
    ended: bool,
    validated: bool,
    ends_at: datetime,
    at: datetime,
) -> Refusal | None:
    """Marks change until the roll call ends; only a late student has minutes."""
    if validated:
        return Refusal.MEETING_SEALED
    if ended:
        return Refusal.ROLL_CALL_ENDED
    if at > ends_at + CALL_BACK:
        return Refusal.TOO_LATE_TO_CALL
    highest = MAX_MINUTES_LATE if presence is Presence.LATE else 0
    if not 0 <= minutes_late <= highest:
        return Refusal.MINUTES_OUT_OF_RANGE
    return Refusal.REASON_TOO_LONG if len(reason) > MAX_REASON else None


def why_not_open_sign_in(
    *, ended: bool, validated: bool, starts_at: datetime, closes_at: datetime, at: datetime
) -> Refusal | None:
    """Inside [planned start - 15 min, planned end + extension], once the roll call has ended (row M4.4)."""
    if validated:
        return Refusal.MEETING_SEALED
    if not ended:
        return Refusal.ROLL_CALL_NOT_ENDED
    if at < starts_at - OPENS_BEFORE:
        return Refusal.SIGN_IN_TOO_EARLY
    return Refusal.WINDOW_CLOSED if at > closes_at else None


def why_not_sign_in(
    *,
    own_line: bool,
    expected: bool,
    presence: Presence,
    settled: bool,
    validated: bool,
    opened_at: datetime | None,
    closes_at: datetime,
    at: datetime,
) -> Refusal | None:
    """Why a student may not sign a line that is not signed yet (row M5.4)."""
    if not own_line:
        return Refusal.SOMEONE_ELSE
    if not expected:
        return Refusal.NOT_EXPECTED
    if validated:
        return Refusal.MEETING_SEALED
    if presence is Presence.ABSENT:
        return Refusal.ABSENT
    if settled:
        return Refusal.ALREADY_SETTLED
    if at > closes_at:
        return Refusal.WINDOW_CLOSED
    return Refusal.SIGN_IN_NOT_OPEN if opened_at is None or at < opened_at else None


def why_not_consent(*, method: Method, consent: bool, typed_name: str) -> Refusal | None:
    """A signature made at the keyboard needs the ticked consent and the person's typed name (row M5.3)."""
    if method is not Method.KEYBOARD:
        return None
    name = typed_name.strip()
    return None if consent and 0 < len(name) <= MAX_TYPED_NAME else Refusal.CONSENT_MISSING


def sign_in_status(
    *, expected: bool, presence: Presence, signed: bool, settled: bool, closes_at: datetime, now: datetime
) -> SignInStatus:
    """The one word that a line's sign-in has at an instant."""
    if signed:
        return SignInStatus.SIGNED
    if settled:
        return SignInStatus.REGULARISED
    if not expected or presence is Presence.ABSENT:
        return SignInStatus.NOT_EXPECTED
    return SignInStatus.UNSIGNED_AT_CLOSE if now > closes_at else SignInStatus.EXPECTED


def why_not_settle(*, status: SignInStatus, ended: bool, validated: bool, reason: str) -> Refusal | None:
    """Only a line present but unsigned after the window is settled, once, with a reason (row M5.5)."""
    if validated:
        return Refusal.MEETING_SEALED
    if not ended:
        return Refusal.ROLL_CALL_NOT_ENDED
    by_status = {
        SignInStatus.SIGNED: Refusal.ALREADY_SIGNED,
        SignInStatus.REGULARISED: Refusal.ALREADY_SETTLED,
        SignInStatus.NOT_EXPECTED: Refusal.NOT_EXPECTED,
        SignInStatus.EXPECTED: Refusal.WINDOW_STILL_OPEN,
    }
    if status in by_status:
        return by_status[status]
    if not reason.strip():
        return Refusal.REASON_MISSING
    return Refusal.REASON_TOO_LONG if len(reason) > MAX_SETTLED_REASON else None


def why_not_validate(
    *, ended: bool, validated: bool, closes_at: datetime, statuses: Sequence[SignInStatus], now: datetime
) -> Refusal | None:
    """After the window, or once everyone expected has signed; nothing may be left unsettled (row M6.2)."""
    if validated:
        return Refusal.MEETING_SEALED
    if not ended:
        return Refusal.ROLL_CALL_NOT_ENDED
    if SignInStatus.EXPECTED in statuses:
        return Refusal.WINDOW_STILL_OPEN
    if SignInStatus.UNSIGNED_AT_CLOSE in statuses:
        return Refusal.LINES_UNSETTLED
    everyone_signed = SignInStatus.SIGNED in statuses
    return None if everyone_signed or now > closes_at else Refusal.WINDOW_STILL_OPEN


# Drawings: docs/formats/drawing.md

MAX_WIDTH, MAX_HEIGHT = 600, 300
MAX_STROKES = 64
MAX_POINTS = 4_000
MAX_DRAWING_TEXT = 24 * 1024
MIN_DRAWING_LENGTH = 20
"""In units of the drawing: shorter is a slip of the finger, not a signature."""

_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")
_PAIR = re.compile(r"(0|-?[1-9][0-9]{0,2}),(0|-?[1-9][0-9]{0,2})")

Point = tuple[int, int]


class DrawingRefusedError(ValueError):
    """The drawing is not taken; ``refusal`` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True)
class Drawing:
    """Strokes of absolute points, inside ``width`` by ``height`` units, y downwards. No time, no pressure."""

    width: int
    height: int
    strokes: tuple[tuple[Point, ...], ...]

    @property
    def length(self) -> float:
        """The length of all strokes together, in units."""
        return sum(math.dist(a, b) for stroke in self.strokes for a, b in pairwise(stroke))


def parse_drawing(text: str) -> Drawing:
    """Read the text form ``v1;WIDTHxHEIGHT;x,y dx,dy …;…``; there is exactly one text for a drawing.

    Raises DrawingRefusedError: empty (nothing drawn, or a slip), too large, or malformed.
    """
    if len(text) > MAX_DRAWING_TEXT:
        raise DrawingRefusedError(Refusal.DRAWING_TOO_LARGE)
    if not text:
        raise DrawingRefusedError(Refusal.DRAWING_EMPTY)
    version, _, rest = text.partition(";")
    size, _, strokes = rest.partition(";")
    found = _SIZE.fullmatch(size)
    if version != "v1" or found is None:
        raise DrawingRefusedError(Refusal.DRAWING_MALFORMED)
    width, height = int(found[1]), int(found[2])
    if width > MAX_WIDTH or height > MAX_HEIGHT:
        raise DrawingRefusedError(Refusal.DRAWING_TOO_LARGE)
    if not strokes:
        raise DrawingRefusedError(Refusal.DRAWING_EMPTY)
    parts = strokes.split(";")
    if len(parts) > MAX_STROKES or text.count(",") > MAX_POINTS:
        raise DrawingRefusedError(Refusal.DRAWING_TOO_LARGE)
    drawing = Drawing(width, height, tuple(_stroke(part, width, height) for part in parts))
    if drawing.length < MIN_DRAWING_LENGTH:
        raise DrawingRefusedError(Refusal.DRAWING_EMPTY)
    return drawing


def _stroke(text: str, width: int, height: int) -> tuple[Point, ...]:
    """One stroke: a first absolute point, then steps from the point before."""
    points: list[Point] = []
    x = y = 0
    for pair in text.split(" "):
        found = _PAIR.fullmatch(pair)
        if found is None:
            raise DrawingRefusedError(Refusal.DRAWING_MALFORMED)
        x, y = x + int(found[1]), y + int(found[2])
        if not (0 <= x <= width and 0 <= y <= height):
            raise DrawingRefusedError(Refusal.DRAWING_MALFORMED)
        points.append((x, y))
    return tuple(points)


def why_not_correct(*, named: bool, whole: bool, taken: bool, reason: str) -> Refusal | None:
    """A correction says why, leaves a name, and an identity that is nobody else's and that sign-in can rest on."""
    if not reason.strip():
        return Refusal.CORRECTION_UNEXPLAINED
    if len(reason) > MAX_SETTLED_REASON:
        return Refusal.REASON_TOO_LONG
    if not named:
        return Refusal.NAME_MISSING
    if not whole:
        return Refusal.IDENTITY_NEEDED
    return Refusal.IDENTITY_TAKEN if taken else None
