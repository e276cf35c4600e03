from datetime import datetime

from django.db import transaction

from emarge.accounts.models import Right, User
from emarge.attendance import rules
from emarge.attendance.actions.events import locked_line, locked_roll_call, record
from emarge.attendance.models import RollCall, RollCallLine, SignIn, TeacherSignature
from emarge.attendance.people import identity, teachers
from emarge.attendance.rules import DrawingRefusedError, Method, Presence, Refusal
from emarge.attendance.texts import refuse
from emarge.institutions.models import Teacher


def _signature(method: Method, drawing: str, *, consent: bool, typed_name: str) -> bytes:
    """The bytes to keep of a signature: the checked drawing, or none for the keyboard."""
    refuse(rules.why_not_consent(method=method, consent=consent, typed_name=typed_name))
    if method is Method.KEYBOARD:
        return b""
    try:
        rules.parse_drawing(drawing)
    except DrawingRefusedError as error:
        refuse(error.refusal)
    return drawing.encode("ascii")


def _content(method: Method, kept: bytes, typed_name: str) -> dict[str, str]:
    """What is sealed of a signature: the drawing, or the name typed under the sentence of consent."""
    if method is Method.KEYBOARD:
        return {"typed_name": typed_name.strip()}
    return {"drawing": kept.decode("ascii")}


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
            ended=roll_call.ended_at is not None,
            validated=roll_call.validated_at is not None,
            starts_at=roll_call.starts_at,
            closes_at=closes_at,
            at=at,
        )
    )
    kept = _signature(method, drawing, consent=consent, typed_name=typed_name)
    signature = TeacherSignature.objects.create(
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
        subject=signature.uuid,
        method=method,
        details={"closes_at": rules.instant(closes_at)},
        content=_content(method, kept, typed_name),
        people=teachers([teacher]),
    )
    return signature


@transaction.atomic
def sign_in(
    line: RollCallLine,
    *,
    by: User,
    method: Method,
    drawing: str,
    at: datetime,
    ip: str = "",
    consent: bool = False,
    typed_name: str = "",
) -> SignIn:
    """Sign one's own line; signing again, on this device or another, returns the first signature.

    ``drawing`` is the posted text (docs/formats/drawing.md), empty for the keyboard, which needs ``consent``
    and ``typed_name`` instead; ``ip`` is sealed with the content.
    Raises Refused: someone else, not expected, absent, not open, window closed, settled, sealed, a drawing
    or a consent that is missing or malformed.
    """
    line = locked_line(line)
    roll_call = line.roll_call
    own_line = line.student.user_id == by.pk
    existing = SignIn.objects.filter(line=line).first()
    if own_line and existing is not None:
        return existing
    refuse(
        rules.why_not_sign_in(
            own_line=own_line,
            expected=line.expected,
            presence=Presence(line.presence),
            settled=line.settled_at is not None,
            validated=roll_call.validated_at is not None,
            opened_at=roll_call.sign_in_opened_at,
            closes_at=rules.closes_at(roll_call.ends_at, roll_call.extension_minutes),
            at=at,
        )
    )
    kept = _signature(method, drawing, consent=consent, typed_name=typed_name)
    signed = SignIn.objects.create(base=roll_call.base, line=line, signed_at=at, method=method.value, drawing=kept)
    record(
        roll_call,
        "sign_in.signed",
        by=by,
        at=at,
        subject=signed.uuid,
        student=line.student,
        method=method,
        content={**_content(method, kept, typed_name), "ip": ip},
        people=identity(line.student),
    )
    return signed
