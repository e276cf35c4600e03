from datetime import datetime

from django.db import transaction

from emarge.accounts.models import User
from emarge.attendance import codes, rules
from emarge.attendance.actions.events import locked_line, record
from emarge.attendance.models import RollCall, RollCallLine, Scan
from emarge.attendance.people import identity
from emarge.attendance.queries import pace_of
from emarge.attendance.rules import Mode, Presence, Refusal, Way
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


@transaction.atomic
def scan(line: RollCallLine, ticket: Ticket, *, by: User, trace: Trace, at: datetime, ip: str = "") -> Scan:
    """Say *I am here* with the ticket of a code: the student is present from now on; again, the first is returned.

    Raises Refused: someone else, another meeting's ticket, another device's, too late after the code arrived,
    not by code, absent, ended, sealed, not started, window closed.
    """
    line = locked_line(line)
    roll_call = line.roll_call
    own = line.student.user_id == by.pk
    refuse(Refusal.CODE_WRONG if ticket.roll_call != roll_call.pk else None)
    refuse(Refusal.OTHER_DEVICE if ticket.device != trace.device else None)
    existing = Scan.objects.filter(line=line).first()
    refuse(
        rules.why_not_scan(
            mode=Mode(roll_call.mode),
            listed=own,
            presence=Presence(line.presence),
            started_at=roll_call.sign_in_opened_at,
            ended=roll_call.ended_at is not None,
            validated=roll_call.validated_at is not None,
            closes_at=rules.closes_at(roll_call.ends_at, roll_call.extension_minutes),
            arrived_at=ticket.arrived_at,
            at=at,
        )
    )
    if existing is not None:
        return existing
    late = codes.lateness(pace_of(roll_call), ticket.step, ticket.arrived_at)
    scanned = Scan.objects.create(
        base=roll_call.base,
        line=line,
        scanned_at=ticket.arrived_at,
        step=ticket.step,
        late_ms=int(late.total_seconds() * 1000),
        way=ticket.way.value,
        device=trace.device,
        network=trace.network,
        session=trace.session,
    )
    if line.presence == Presence.AWAITED.value:
        line.presence = Presence.PRESENT.value
        line.save(update_fields=["presence"])
    record(
        roll_call,
        "roll_call.scanned",
        by=by,
        at=at,
        subject=scanned.uuid,
        student=line.student,
        details={"step": scanned.step, "late_ms": scanned.late_ms, "way": scanned.way},
        content={"ip": ip, "device": trace.device},
        people=identity(line.student),
    )
    return scanned
