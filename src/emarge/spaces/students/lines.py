from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from emarge.attendance.models import RollCall, RollCallLine, SignIn
from emarge.attendance.queries import closes_at, sign_in_status, signed
from emarge.attendance.rules import Presence, SignInStatus
from emarge.spaces.clock import said


@dataclass(frozen=True)
class Item:
    """One class meeting of a student's, with the presence and the sign-in kept apart (row M5.5)."""

    line: RollCallLine
    roll_call: RollCall
    teachers: str
    status: str
    sign_in: SignIn | None
    is_open: bool
    to_scan: bool
    closes: str


def items_of(lines: Iterable[RollCallLine], now: datetime) -> list[Item]:
    """What the screens show of lines that were read with their roll call, meeting, teachers and signature."""
    return [item_of(line, now) for line in lines]


def item_of(line: RollCallLine, now: datetime) -> Item:
    """What the screens show of one line."""
    roll_call = line.roll_call
    status = sign_in_status(line, now)
    opened_at = roll_call.sign_in_opened_at
    teachers = roll_call.meeting.teachers.all()
    return Item(
        line=line,
        roll_call=roll_call,
        teachers=", ".join(f"{teacher.first_name} {teacher.last_name}" for teacher in teachers),
        status=status.value,
        sign_in=signed(line),
        is_open=status is SignInStatus.EXPECTED and opened_at is not None and roll_call.validated_at is None,
        to_scan=line.presence == Presence.AWAITED.value,
        closes=said(closes_at(roll_call), now),
    )
