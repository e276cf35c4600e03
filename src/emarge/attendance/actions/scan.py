from datetime import datetime

from emarge.accounts.models import User
from emarge.attendance import codes, rules
from emarge.attendance.actions.burst import Scanned, Scanning, alone
from emarge.attendance.models import RollCall
from emarge.attendance.queries import pace_of
from emarge.attendance.rules import Mode, Refusal, Way
from emarge.attendance.texts import refuse, refused
from emarge.attendance.tickets import Ticket, Trace, key


def arrive(roll_call: RollCall, code: str, way: Way, *, device: str, arrived_at: datetime) -> Ticket:
    """The ticket of a code that counts as it arrives; nothing is written.

    Raises Refused: not by code, not started, ended, a wrong code, one that is too old.
    """
    mode = Mode(roll_call.mode)
    refuse(rules.why_not_start_by_code(mode=mode, cancelled=False))
    refuse(Refusal.ROLL_CALL_ENDED if roll_call.ended_at is not None else None)
    opened_at = roll_call.sign_in_opened_at
    refuse(Refusal.NOT_STARTED if opened_at is None or arrived_at < opened_at else None)
    pace, find = pace_of(roll_call), codes.typed_step if way is Way.TYPED else codes.scanned_step
    step = find(key(), pace, code, arrived_at)
    if step is None:
        was_shown = opened_at is not None and _was_shown(pace, code, way, opened_at, arrived_at)
        raise refused(Refusal.CODE_TOO_OLD if was_shown else Refusal.CODE_WRONG)
    return Ticket(roll_call.pk, step, way, arrived_at, device)


def _was_shown(pace: codes.Pace, code: str, way: Way, since: datetime, until: datetime) -> bool:
    """Whether a scanned code was on screen lately, to say so; of typed ones nothing is said."""
    if pace.period is None or way is Way.TYPED:
        return False
    recent = range(max(pace.step_at(since), pace.step_at(until - rules.TIME_TO_DRAW)), pace.step_at(until) + 1)
    return any(codes.scan_code(key(), pace, step) == code.upper() for step in recent)


def scan(ticket: Ticket, *, by: User, trace: Trace, at: datetime) -> Scanned:
    """Say *I am here* with the ticket of a code: the student is present from now on; again changes nothing.

    Raises Refused: not on the roll sheet, another device's ticket, too late after the code arrived, not by code,
    absent, ended, sealed, not started, window closed.
    """
    return alone(Scanning(ticket, by.pk, at, trace))
