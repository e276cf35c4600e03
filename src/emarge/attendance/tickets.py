"""What a scan hands over: the ticket of an arrival, and the grant to sign (docs/formats/codes.md)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer

from emarge.attendance import codes
from emarge.attendance.rules import Grant, Way

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_TICKET, _GRANT = "emarge.ticket", "emarge.grant"


@dataclass(frozen=True)
class Trace:
    """What is kept to compare of where somebody acts from: marks, never the thing itself."""

    device: str = ""
    network: str = ""
    session: str = ""


NO_TRACE = Trace()


@dataclass(frozen=True)
class Ticket:
    """A code that counted when it arrived, on a device."""

    roll_call: int
    step: int
    way: Way
    arrived_at: datetime
    device: str


@cache
def key() -> bytes:
    """The key of the codes of this installation."""
    return codes.key_of(settings.SECRET_KEY)


def trace(base: UUID, *, device: str, session: str, address: str) -> Trace:
    """The marks of a request: its device cookie, its session's key, its address."""
    return Trace(
        device=codes.device_mark(key(), base, device) if device else "",
        network=codes.network_mark(key(), base, address),
        session=codes.session_mark(key(), base, session) if session else "",
    )


def write_ticket(ticket: Ticket) -> str:
    """The signed text of a ticket."""
    values = [ticket.roll_call, ticket.step, ticket.way.value, _to_us(ticket.arrived_at), ticket.device]
    return _signer(_TICKET).sign_object(values)


def read_ticket(text: str) -> Ticket | None:
    """The ticket of a text that we signed, None for any other text."""
    try:
        roll_call, step, way, arrived_us, device = _signer(_TICKET).unsign_object(text)
    except (BadSignature, ValueError):
        return None
    return Ticket(roll_call, step, Way(way), _from_us(arrived_us), device)


def write_grant(line: UUID, *, user: int, device: str, scanned_at: datetime) -> str:
    """The signed text of what a scan lets its student do."""
    return _signer(_GRANT).sign_object([line.hex, user, device, _to_us(scanned_at)])


def read_grant(text: str, line: UUID, *, user: int, device: str) -> Grant | None:
    """The grant of a text for this person and line, None when there is none."""
    try:
        for_line, for_user, on_device, scanned_us = _signer(_GRANT).unsign_object(text)
    except (BadSignature, ValueError):
        return None
    if (for_line, for_user) != (line.hex, user):
        return None
    return Grant(scanned_at=_from_us(scanned_us), same_device=bool(device) and on_device == device)


@cache
def _signer(salt: str) -> Signer:
    return Signer(salt=salt)


def _to_us(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _from_us(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND
