from datetime import datetime

from django.db import transaction

from emarge.accounts.models import Right, User
from emarge.attendance import rules
from emarge.attendance.actions.burst import Signing, alone, signature, signature_content
from emarge.attendance.actions.events import locked_roll_call, record, record_start
from emarge.attendance.models import RollCall, RollCallLine, SignIn, TeacherSignature
from emarge.attendance.people import teachers
from emarge.attendance.rules import Grant, Method, Mode, Refusal
from emarge.attendance.texts import refuse
from emarge.attendance.tickets import NO_TRACE, Trace
from emarge.institutions.models import Teacher


@transaction.atomic
def open_sign_in(
    roll_call: RollCall,
    *,
    teacher: Teacher,
    by: User,
    method: Method,
    drawing: str,
    at: datetime,
    consent: bool = False,
    typed_name: str = "",
) -> TeacherSignature:
    """Sign as a teacher of the meeting: the first signature opens the sign-in; again, it is returned.

    By QR code the first signature also starts the roll call, unless staff did.

    ``drawing`` is the posted text (docs/formats/drawing.md), empty for the keyboard, which needs ``consent``
    and ``typed_name`` instead. Opening needs the right to enter absences; a further teacher only signs.
    Raises Refused: someone else, not your meeting, no right, roll call not ended, too early, window closed,
    sealed, a drawing or a consent that is missing or malformed.
    """
    roll_call = locked_roll_call(roll_call)
    if teacher.user_id != by.pk:
        refuse(Refusal.SOMEONE_ELSE)
    if str(teacher.uuid) not in roll_call.teacher_uuids:
        refuse(Refusal.NOT_YOUR_MEETING)
    existing = TeacherSignature.objects.filter(roll_call=roll_call, teacher=teacher).first()
    if existing is not None:
        return existing
    first = roll_call.sign_in_opened_at is None
    if first:
        refuse(rules.why_not_call(can_enter=by.has_right(Right.ENTER_ABSENCES), teaches=True))
    closes_at = rules.closes_at(roll_call.ends_at, roll_call.extension_minutes)
    refuse(
        rules.why_not_open_sign_in(
            mode=Mode(roll_call.mode),
            ended=roll_call.ended_at is not None,
            validated=roll_call.validated_at is not None,
            opened_for_teacher=roll_call.sign_in_opened_by_id is not None,
            starts_at=roll_call.starts_at,
            ends_at=roll_call.ends_at,
            closes_at=closes_at,
            at=at,
        )
    )
    kept = signature(method, drawing, consent=consent, typed_name=typed_name)
    signed = TeacherSignature.objects.create(
        base=roll_call.base,
        roll_call=roll_call,
        teacher=teacher,
        signed_at=at,
        method=method.value,
        drawing=kept,
    )
    if first:
        roll_call.sign_in_opened_at, roll_call.sign_in_closes_at = at, closes_at
        roll_call.save(update_fields=["sign_in_opened_at", "sign_in_closes_at"])
    record(
        roll_call,
        "sign_in.opened" if first else "teacher.signed",
        by=by,
        at=at,
        subject=signed.uuid,
        method=method,
        details={"closes_at": rules.instant(closes_at)},
        content=signature_content(method, kept, typed_name),
        people=teachers([teacher]),
    )
    if first and Mode(roll_call.mode).by_code:
        record_start(roll_call, by=by, at=at)
    return signed


@transaction.atomic
def open_for_teacher(roll_call: RollCall, *, by: User, at: datetime) -> RollCall:
    """Start a roll call by QR code in the teachers' place: students scan and sign, a teacher signs later (row M4.7).

    A second call changes nothing. Raises Refused: no right, not by code, ended, too early, window closed, sealed.
    """
    roll_call = locked_roll_call(roll_call)
    refuse(None if by.has_right(Right.OPEN_FOR_TEACHER) else Refusal.NO_RIGHT)
    refuse(rules.why_not_start_by_code(mode=Mode(roll_call.mode), cancelled=roll_call.meeting.cancelled))
    if roll_call.sign_in_opened_at is not None:
        return roll_call
    closes_at = rules.closes_at(roll_call.ends_at, roll_call.extension_minutes)
    refuse(Refusal.ROLL_CALL_ENDED if roll_call.ended_at is not None else None)
    refuse(
        rules.why_not_open_sign_in(
            mode=Mode(roll_call.mode),
            ended=False,
            validated=roll_call.validated_at is not None,
            opened_for_teacher=False,
            starts_at=roll_call.starts_at,
            ends_at=roll_call.ends_at,
            closes_at=closes_at,
            at=at,
        )
    )
    roll_call.sign_in_opened_at, roll_call.sign_in_closes_at, roll_call.sign_in_opened_by = at, closes_at, by
    roll_call.save(update_fields=["sign_in_opened_at", "sign_in_closes_at", "sign_in_opened_by"])
    record_start(roll_call, by=by, at=at)
    return roll_call


def sign_in(
    line: RollCallLine,
    *,
    by: User,
    method: Method,
    drawing: str,
    at: datetime,
    ip: str = "",
    trace: Trace = NO_TRACE,
    grant: Grant | None = None,
    consent: bool = False,
    typed_name: str = "",
) -> SignIn:
    """Sign one's own line; signing again, on this device or another, returns the first signature.

    The facts are those of `Signing`. Who was scanned signs under the ``grant`` of a scan.
    Raises Refused: someone else, not expected, absent, not scanned, not on that device, not in time, not open,
    window closed, settled, sealed, a drawing or a consent that is missing or malformed.
    """
    signing = Signing(line.uuid, by.pk, method, drawing, at, ip, trace, grant, consent, typed_name)
    return SignIn.objects.get(uuid=alone(signing).sign_in)
