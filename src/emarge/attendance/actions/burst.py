"""Scans and signatures of many students in one transaction: what a lecture hall does in the same second.

One alone is a burst of one: there is no other way to scan or to sign. What students share is read once a burst,
and nothing that they share is written.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import overload
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from emarge.attendance import codes, rules
from emarge.attendance.drawing import DrawingRefusedError, check_drawing
from emarge.attendance.live_between import tell
from emarge.attendance.models import RollCall, RollCallLine, Scan, SignIn
from emarge.attendance.people import identified
from emarge.attendance.queries import pace_of
from emarge.attendance.rules import Grant, Method, Mode, Presence, Refusal
from emarge.attendance.texts import refuse, refused
from emarge.attendance.tickets import NO_TRACE, Ticket, Trace
from emarge.audit import actions as audit
from emarge.lib.deadlocks import once_more
from emarge.lib.randomness import random_uuid
from emarge.lib.refusal import Refused
from emarge.lib.rows import insert

logger = logging.getLogger("emarge.attendance")


@dataclass(frozen=True, slots=True)
class Signing:
    """*Validate*, pressed by a user (primary key) on a line.

    ``drawing`` is the posted text (docs/formats/drawing.md), empty for the keyboard, which needs ``consent`` and
    ``typed_name`` instead; ``ip`` is sealed with it.
    """

    line: UUID
    by: int
    method: Method
    drawing: str
    at: datetime
    ip: str = ""
    trace: Trace = NO_TRACE
    grant: Grant | None = None
    consent: bool = False
    typed_name: str = ""


@dataclass(frozen=True, slots=True)
class Scanning:
    """*I am here*, said by a user (primary key) with the ticket of a code."""

    ticket: Ticket
    by: int
    at: datetime
    trace: Trace


@dataclass(frozen=True, slots=True)
class Signed:
    """The one signature of a line, made now or before."""

    line: UUID
    sign_in: UUID
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class Scanned:
    """The one scan of a line, made now or before; ``arrived_at`` is when the code of this one arrived."""

    line: UUID
    arrived_at: datetime
    expected: bool


Asked = Signing | Scanning
Answer = Signed | Scanned | Refused | Exception


@dataclass(slots=True)
class _Seat:
    """A line with its student, and whether it is scanned and signed."""

    pk: int
    uuid: UUID
    expected: bool
    presence: Presence
    settled: bool
    roll_call: RollCall
    user: int | None
    student: UUID
    person: dict[str, object]
    scanned: bool
    signed: Signed | None


_COLUMNS = (
    "pk", "uuid", "expected", "presence", "settled_at", "roll_call_id",
    "student__user_id", "student__uuid", "student__last_name", "student__first_name",
    "student__identifier_type", "student__identifier", "student__birth_on",
    "scan__pk", "sign_in__uuid", "sign_in__signed_at",
)  # fmt: skip


class _Burst:
    """What one transaction reads, decides and is about to write."""

    def __init__(self, seats: Iterable[_Seat]) -> None:
        self._by_line = {}
        self._by_person = {}
        for seat in seats:
            self._by_line[seat.uuid] = seat
            if seat.user is not None:
                self._by_person[seat.roll_call.pk, seat.user] = seat
        self.scans: list[dict[str, object]] = []
        self.sign_ins: list[dict[str, object]] = []
        self.present: list[int] = []
        self.events: list[audit.Event] = []

    def answer(self, asked: Asked) -> Answer:
        """What becomes of one ask; only an ask that succeeds leaves something to write."""
        try:
            return self._sign(asked) if isinstance(asked, Signing) else self._scan(asked)
        except Refused as refusal:
            return refusal
        except Exception as error:
            logger.exception("a signature or a scan could not be taken")
            return error

    def _sign(self, asked: Signing) -> Signed:
        seat = self._by_line.get(asked.line)
        if seat is None:
            raise refused(Refusal.SOMEONE_ELSE)
        roll_call, own_line = seat.roll_call, seat.user == asked.by
        if own_line and seat.signed is not None:
            return seat.signed
        refuse(
            rules.why_not_sign_in(
                own_line=own_line,
                expected=seat.expected,
                presence=seat.presence,
                settled=seat.settled,
                validated=roll_call.validated_at is not None,
                opened_at=roll_call.sign_in_opened_at,
                closes_at=rules.closes_at(roll_call.ends_at, roll_call.extension_minutes),
                at=asked.at,
                scanned=seat.scanned,
                grant=asked.grant,
            )
        )
        kept = signature(asked.method, asked.drawing, consent=asked.consent, typed_name=asked.typed_name)
        uuid = random_uuid()
        sign_in = {
            "uuid": uuid,
            "base_id": roll_call.base_id,
            "line_id": seat.pk,
            "signed_at": asked.at,
            "method": asked.method.value,
            "drawing": kept,
            **vars(asked.trace),
        }
        said = {**signature_content(asked.method, kept, asked.typed_name), "ip": asked.ip}
        event = _event("sign_in.signed", seat, asked.at, uuid, content=said, method=asked.method.value)
        self.sign_ins.append(sign_in)
        self.events.append(event)
        seat.signed = Signed(seat.uuid, uuid, asked.at)
        return seat.signed

    def _scan(self, asked: Scanning) -> Scanned:
        ticket, trace = asked.ticket, asked.trace
        seat = self._by_person.get((ticket.roll_call, asked.by))
        if seat is None:
            raise refused(Refusal.NOT_LISTED)
        roll_call = seat.roll_call
        refuse(Refusal.OTHER_DEVICE if ticket.device != trace.device else None)
        refuse(
            rules.why_not_scan(
                mode=Mode(roll_call.mode),
                presence=seat.presence,
                started_at=roll_call.sign_in_opened_at,
                ended=roll_call.ended_at is not None,
                validated=roll_call.validated_at is not None,
                closes_at=rules.closes_at(roll_call.ends_at, roll_call.extension_minutes),
                arrived_at=ticket.arrived_at,
                at=asked.at,
            )
        )
        scanned = Scanned(seat.uuid, ticket.arrived_at, seat.expected and not seat.signed)
        if seat.scanned:
            return scanned
        uuid = random_uuid()
        details = {
            "step": ticket.step,
            "late_ms": codes.lateness_ms(pace_of(roll_call), ticket.step, ticket.arrived_at),
            "way": ticket.way.value,
        }
        scan = {
            "uuid": uuid,
            "base_id": roll_call.base_id,
            "line_id": seat.pk,
            "scanned_at": ticket.arrived_at,
            **details,
            **vars(trace),
        }
        event = _event("roll_call.scanned", seat, asked.at, uuid, details=details)
        self.scans.append(scan)
        self.events.append(event)
        if seat.presence is Presence.AWAITED:
            self.present.append(seat.pk)
            seat.presence = Presence.PRESENT
        seat.scanned = True
        return scanned


@once_more
def take(burst: Sequence[Asked]) -> list[Answer]:
    """Take the scans and signatures of a burst, all in one transaction, inside the scope of their base.

    The answers are in the order of the asks; an ask that is refused, or fails, holds no other back. Raises what
    the database raises: then nothing of the burst was taken, and each may be asked again.
    """
    with transaction.atomic():
        taken = _Burst(_seats(burst))
        answers = [taken.answer(asked) for asked in burst]
        insert(Scan, taken.scans)
        insert(SignIn, taken.sign_ins)
        if taken.present:
            RollCallLine.objects.filter(pk__in=taken.present).update(presence=Presence.PRESENT.value)
        if taken.events:
            audit.write(taken.events)
        tell((str(event.base), str(event.meeting)) for event in taken.events)
    return answers


@overload
def alone(asked: Signing) -> Signed: ...
@overload
def alone(asked: Scanning) -> Scanned: ...
def alone(asked: Asked) -> Signed | Scanned:
    """Take one ask, in a transaction of its own. Raises Refused, or what the database raises."""
    [answer] = take([asked])
    if isinstance(answer, Exception):
        raise answer
    return answer


def signature(method: Method, drawing: str, *, consent: bool, typed_name: str) -> bytes:
    """The bytes to keep of a signature: the checked drawing, or none for the keyboard. Raises Refused."""
    refuse(rules.why_not_consent(method=method, consent=consent, typed_name=typed_name))
    if method is Method.KEYBOARD:
        return b""
    try:
        check_drawing(drawing)
    except DrawingRefusedError as error:
        refuse(error.refusal)
    return drawing.encode("ascii")


def signature_content(method: Method, kept: bytes, typed_name: str) -> dict[str, str]:
    """What is sealed of a signature: the drawing, or the name typed under the sentence of consent."""
    if method is Method.KEYBOARD:
        return {"typed_name": typed_name.strip()}
    return {"drawing": kept.decode("ascii")}


def _seats(burst: Sequence[Asked]) -> list[_Seat]:
    """The lines that a burst is about, each held until the transaction ends."""
    lines = [asked.line for asked in burst if isinstance(asked, Signing)]
    calls = {asked.ticket.roll_call for asked in burst if isinstance(asked, Scanning)}
    users = [asked.by for asked in burst if isinstance(asked, Scanning)]
    wanted = Q(uuid__in=lines) | Q(roll_call_id__in=calls, student__user_id__in=users)
    if connection.features.has_select_for_update:
        # First alone and in one order, so that two bursts never wait for each other; what is read next is then fresh.
        held = RollCallLine.objects.filter(wanted).order_by("pk").select_for_update(of=("self",))
        wanted = Q(pk__in=[line.pk for line in held.only("pk")])
    rows = list(RollCallLine.objects.filter(wanted).order_by().values_list(*_COLUMNS))
    found = RollCall.objects.select_related("base", "institution_code", "meeting").in_bulk({row[5] for row in rows})
    return [_seat(row, found[row[5]]) for row in rows]


def _seat(row: tuple, roll_call: RollCall) -> _Seat:  # type: ignore[type-arg]
    (
        pk, uuid, expected, presence, settled_at, _, user, student, last_name, first_name,
        identifier_type, identifier, birth_on, scan, sign_in, signed_at,
    ) = row  # fmt: skip
    person = identified(last_name, first_name, identifier_type, identifier, birth_on)
    signed = Signed(uuid, sign_in, signed_at) if sign_in else None
    state = Presence(presence)
    return _Seat(
        pk, uuid, expected, state, settled_at is not None, roll_call, user, student, person, scan is not None, signed
    )


def _event(
    event: str,
    seat: _Seat,
    at: datetime,
    subject: UUID,
    *,
    content: dict[str, str] | None = None,
    method: str | None = None,
    details: Mapping[str, object] | None = None,
) -> audit.Event:
    roll_call = seat.roll_call
    return audit.Event(
        event,
        base=roll_call.base.uuid,
        log=roll_call.institution_code.log,
        code=roll_call.institution_code.code,
        at=at,
        actor=audit.Actor("student", seat.student),
        day=roll_call.starts_at.astimezone(roll_call.base.tz).date(),
        meeting=roll_call.meeting.uuid,
        student=seat.student,
        teachers=[UUID(teacher) for teacher in roll_call.teacher_uuids],
        method=method,
        details=details,
        content=content,
        people=None if content is None else {seat.student: seat.person},
        subject=subject,
    )
