"""Decisions on values: who may do what and when. Standard library only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
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
PERIOD_SECONDS = 15
"""How long a rolling code is shown (row M2.4)."""
SHORTEST_PERIOD, LONGEST_PERIOD, LONGEST_GRACE = 5, 120, 300
TIME_TO_DRAW = timedelta(minutes=10)
"""How long a scan lets its student sign, and how long a scan may wait for a login (docs/formats/codes.md)."""


class Mode(Enum):
    """How the roll is called."""

    BY_TEACHER = "by_teacher"
    SET_QR = "set_qr"
    ROLLING_QR = "rolling_qr"

    @property
    def by_code(self) -> bool:
        """Whether students scan a code instead of being called."""
        return self is not Mode.BY_TEACHER


class Way(Enum):
    """How a code reached the server: the phone's own camera, the student space's, or fingers (row M4.6)."""

    CAMERA = "camera"
    APP = "app"
    TYPED = "typed"


class Presence(Enum):
    """The roll-call status of a student (rows M4.2, M4.6). A late student is present and signs."""

    PRESENT = "present"
    ABSENT = "absent"
    LATE = "late"
    AWAITED = "awaited"
    """Has not scanned yet: only while a roll call by QR code runs. Whoever is awaited at its end is absent."""


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
    NOTE_MISSING = "note_missing"
    ANOMALY_CHANGED = "anomaly_changed"
    MEETING_SEALED = "meeting_sealed"
    SIGN_IN_TOO_EARLY = "sign_in_too_early"
    SIGN_IN_NOT_OPEN = "sign_in_not_open"
    WINDOW_CLOSED = "window_closed"
    WINDOW_STILL_OPEN = "window_still_open"
    SOMEONE_ELSE = "someone_else"
    NOT_EXPECTED = "not_expected"
    ABSENT = "absent"
    NOT_LISTED = "not_listed"
    NOT_BY_CODE = "not_by_code"
    PERIOD_OUT_OF_RANGE = "period_out_of_range"
    GRACE_OUT_OF_RANGE = "grace_out_of_range"
    NOT_STARTED = "not_started"
    CODE_WRONG = "code_wrong"
    CODE_TOO_OLD = "code_too_old"
    TOO_MANY_TRIES = "too_many_tries"
    SCAN_EXPIRED = "scan_expired"
    NOT_SCANNED = "not_scanned"
    OTHER_DEVICE = "other_device"
    GRANT_EXPIRED = "grant_expired"
    TEACHER_UNSIGNED = "teacher_unsigned"
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
    signed: bool,
    ends_at: datetime,
    at: datetime,
) -> Refusal | None:
    """Marks change until the roll call ends; only a late student has minutes; nobody who signed is absent."""
    if validated:
        return Refusal.MEETING_SEALED
    if ended:
        return Refusal.ROLL_CALL_ENDED
    if at > ends_at + CALL_BACK:
        return Refusal.TOO_LATE_TO_CALL
    if signed and presence is Presence.ABSENT:
        return Refusal.ALREADY_SIGNED
    highest = MAX_MINUTES_LATE if presence is Presence.LATE else 0
    if not 0 <= minutes_late <= highest:
        return Refusal.MINUTES_OUT_OF_RANGE
    return Refusal.REASON_TOO_LONG if len(reason) > MAX_REASON else None


def why_not_open_sign_in(
    *,
    mode: Mode,
    ended: bool,
    validated: bool,
    opened_for_teacher: bool,
    starts_at: datetime,
    ends_at: datetime,
    closes_at: datetime,
    at: datetime,
) -> Refusal | None:
    """Inside [planned start - 15 min, planned end + extension], once the roll call has ended (row M4.4).

    By QR code students scan and sign at once: there the opening starts the roll call. A teacher in whose place
    staff opened it has 7 days to sign (row M4.7).
    """
    if validated:
        return Refusal.MEETING_SEALED
    if not ended and not mode.by_code:
        return Refusal.ROLL_CALL_NOT_ENDED
    if at < starts_at - OPENS_BEFORE:
        return Refusal.SIGN_IN_TOO_EARLY
    last = max(closes_at, ends_at + CALL_BACK) if opened_for_teacher else closes_at
    return Refusal.WINDOW_CLOSED if at > last else None


@dataclass(frozen=True)
class Grant:
    """What a scan gives: some time to sign, on the device that scanned (docs/formats/codes.md)."""

    scanned_at: datetime
    same_device: bool


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
    scanned: bool = False,
    grant: Grant | None = None,
) -> Refusal | None:
    """Why a student may not sign a line that is not signed yet (row M5.4).

    Whoever was ``scanned`` signs under the ``grant`` of that scan; whoever was declared present needs none.
    """
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
    if opened_at is None or at < opened_at:
        return Refusal.SIGN_IN_NOT_OPEN
    if presence is Presence.AWAITED:
        return Refusal.NOT_SCANNED
    return _why_not_under(grant, at) if scanned else None


def _why_not_under(grant: Grant | None, at: datetime) -> Refusal | None:
    if grant is None:
        return Refusal.NOT_SCANNED
    if not grant.same_device:
        return Refusal.OTHER_DEVICE
    return Refusal.GRANT_EXPIRED if at > grant.scanned_at + TIME_TO_DRAW else None


def why_not_start_by_code(*, mode: Mode, cancelled: bool) -> Refusal | None:
    """Whether a meeting's roll is called by QR code at all (row M4.6)."""
    if not mode.by_code:
        return Refusal.NOT_BY_CODE
    return Refusal.MEETING_CANCELLED if cancelled else None


def why_not_set_period(period: int, grace: int | None) -> Refusal | None:
    """A period from 5 seconds to 2 minutes, a grace up to 5 minutes; no grace given is one period (row M2.4)."""
    if not SHORTEST_PERIOD <= period <= LONGEST_PERIOD:
        return Refusal.PERIOD_OUT_OF_RANGE
    return Refusal.GRACE_OUT_OF_RANGE if grace is not None and not 0 <= grace <= LONGEST_GRACE else None


def why_not_scan(
    *,
    mode: Mode,
    presence: Presence,
    started_at: datetime | None,
    ended: bool,
    validated: bool,
    closes_at: datetime,
    arrived_at: datetime,
    at: datetime,
) -> Refusal | None:
    """Why a student may not be scanned in (rows M4.6, M5.4): what counts is when the code arrived."""
    if not mode.by_code:
        return Refusal.NOT_BY_CODE
    if validated:
        return Refusal.MEETING_SEALED
    if presence is Presence.ABSENT and not ended:
        return Refusal.ABSENT
    if ended:
        return Refusal.ROLL_CALL_ENDED
    if arrived_at > closes_at:
        return Refusal.WINDOW_CLOSED
    if started_at is None or arrived_at < started_at:
        return Refusal.NOT_STARTED
    return Refusal.SCAN_EXPIRED if at > arrived_at + TIME_TO_DRAW else None


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
    if not expected or presence is Presence.ABSENT or (presence is Presence.AWAITED and now > closes_at):
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
    *,
    ended: bool,
    validated: bool,
    teacher_expected: bool,
    ends_at: datetime,
    closes_at: datetime,
    statuses: Sequence[SignInStatus],
    now: datetime,
) -> Refusal | None:
    """After the window, or once everyone expected has signed; nothing may be left unsettled (row M6.2).

    ``teacher_expected``: staff opened in the teacher's place and no teacher has signed, for which there are 7 days.
    """
    if validated:
        return Refusal.MEETING_SEALED
    if not ended:
        return Refusal.ROLL_CALL_NOT_ENDED
    if SignInStatus.EXPECTED in statuses:
        return Refusal.WINDOW_STILL_OPEN
    if SignInStatus.UNSIGNED_AT_CLOSE in statuses:
        return Refusal.LINES_UNSETTLED
    if teacher_expected and now <= ends_at + CALL_BACK:
        return Refusal.TEACHER_UNSIGNED
    everyone_signed = SignInStatus.SIGNED in statuses
    return None if everyone_signed or now > closes_at else Refusal.WINDOW_STILL_OPEN


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
