from datetime import datetime

from django.db import transaction

from emarge.accounts.models import Right, User
from emarge.attendance import rules
from emarge.attendance.actions.events import hold_lines, locked_line, locked_roll_call, record
from emarge.attendance.models import RollCall, RollCallLine
from emarge.attendance.people import identity
from emarge.attendance.queries import sign_in_status
from emarge.attendance.rules import Presence, Refusal, SignInStatus
from emarge.attendance.texts import refuse


def _need(by: User, right: Right) -> None:
    refuse(None if by.has_right(right) else Refusal.NO_RIGHT)


@transaction.atomic
def settle(line: RollCallLine, *, by: User, reason: str, at: datetime) -> RollCallLine:
    """Settle a line that is present but unsigned once the window has closed (row M5.5).

    Raises Refused: no right, sealed, roll call not ended, window still open, signed, settled, not expected,
    no reason or one that is too long.
    """
    _need(by, Right.SUPERVISE)
    roll_call = locked_roll_call(line.roll_call)
    line = locked_line(line)
    refuse(
        rules.why_not_settle(
            status=sign_in_status(line, at),
            ended=roll_call.ended_at is not None,
            validated=roll_call.validated_at is not None,
            reason=reason,
        )
    )
    line.settled_at, line.settled_by, line.settled_reason = at, by, reason.strip()
    line.save(update_fields=["settled_at", "settled_by", "settled_reason"])
    record(
        roll_call,
        "sign_in.regularised",
        by=by,
        at=at,
        subject=line.uuid,
        student=line.student,
        details={"presence": line.presence},
        content={"reason": line.settled_reason},
        people=identity(line.student),
    )
    return line


def _awaits_a_teacher(roll_call: RollCall) -> bool:
    """Whether staff opened in the teachers' place, and none of them has signed (row M4.7)."""
    return roll_call.sign_in_opened_by_id is not None and not roll_call.teacher_signatures.exists()


@transaction.atomic
def validate_meeting(roll_call: RollCall, *, by: User, at: datetime) -> RollCall:
    """Validate a meeting finally: it is sealed, and nothing in it changes any more (row M6.2).

    Raises Refused: no right, sealed already, roll call not ended, window still open, lines not
    settled, no teacher has signed yet.
    """
    _need(by, Right.VALIDATE_MEETINGS)
    roll_call = locked_roll_call(roll_call)
    hold_lines(roll_call)
    lines = list(roll_call.lines.select_related("roll_call", "sign_in"))
    statuses = [sign_in_status(line, at) for line in lines]
    refuse(
        rules.why_not_validate(
            ended=roll_call.ended_at is not None,
            validated=roll_call.validated_at is not None,
            teacher_expected=_awaits_a_teacher(roll_call),
            ends_at=roll_call.ends_at,
            closes_at=rules.closes_at(roll_call.ends_at, roll_call.extension_minutes),
            statuses=statuses,
            now=at,
        )
    )
    roll_call.validated_at, roll_call.validated_by = at, by
    roll_call.save(update_fields=["validated_at", "validated_by"])
    record(
        roll_call,
        "meeting.validated",
        by=by,
        at=at,
        subject=roll_call.uuid,
        details={
            "signed": statuses.count(SignInStatus.SIGNED),
            "regularised": statuses.count(SignInStatus.REGULARISED),
            "absent": sum(line.presence == Presence.ABSENT.value for line in lines),
        },
        content={},
        people={},
    )
    return roll_call
