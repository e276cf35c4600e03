"""The codes of a QR roll call (docs/formats/codes.md): computed, never stored. Standard library only."""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

TYPED_DIGITS = 6
_SCAN, _TYPE = b"scan", b"type"
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_MAC_BYTES, _CODE_BITS = 10, 80
_DIGITS_36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEPT = 16  # bytes of a digest that only serves to compare


@dataclass(frozen=True)
class Pace:
    """How the codes of one roll call follow each other; a set code has no period."""

    roll_call: UUID
    period: timedelta | None
    grace: timedelta

    def step_at(self, at: datetime) -> int:
        """The step whose code is shown at an instant."""
        return 0 if self.period is None else (at - _EPOCH) // self.period

    def ends_at(self, step: int) -> datetime | None:
        """When the code of a step is no longer shown; None for a set code."""
        return None if self.period is None else _EPOCH + (step + 1) * self.period

    def steps_at(self, at: datetime) -> list[int]:
        """The steps whose code counts at an instant: the one that is shown, then those inside the grace."""
        if self.period is None:
            return [0]
        oldest = -((_EPOCH + self.grace - at) // self.period) - 1  # the first whose end is not before at - grace
        return list(range(self.step_at(at), oldest - 1, -1))


def key_of(secret: str) -> bytes:
    """The key of the codes, from the secret key of the web process."""
    return hmac.digest(secret.encode(), b"emarge-code/1", hashlib.sha256)


def base36(number: int) -> str:
    """A roll call's number as the QR code writes it; ``int(text, 36)`` reads it."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS_36[digit] + digits
    return digits or "0"


def scan_code(key: bytes, pace: Pace, step: int) -> str:
    """The code that stands in the QR code at a step."""
    number = int.from_bytes(_mac(key, _SCAN, pace, step)[:_MAC_BYTES], "big")
    return "".join(_DIGITS[number >> shift & 31] for shift in range(_CODE_BITS - 5, -1, -5))


def typed_code(key: bytes, pace: Pace, step: int) -> str:
    """The code that people without a camera type at a step."""
    number = int.from_bytes(_mac(key, _TYPE, pace, step)[:8], "big")
    return f"{number % 10**TYPED_DIGITS:0{TYPED_DIGITS}}"


def scanned_step(key: bytes, pace: Pace, code: str, at: datetime) -> int | None:
    """The step of a scanned code that counts at an instant, None when it is no such code."""
    return _step(code, {step: scan_code(key, pace, step) for step in pace.steps_at(at)})


def typed_step(key: bytes, pace: Pace, code: str, at: datetime) -> int | None:
    """The step of a typed code that counts at an instant, None when it is no such code."""
    return _step(code, {step: typed_code(key, pace, step) for step in pace.steps_at(at)})


def lateness_ms(pace: Pace, step: int, arrived_at: datetime) -> int:
    """How long after its step had ended a code arrived, in milliseconds: 0 while it was shown."""
    ended = pace.ends_at(step)
    return max((arrived_at - ended) // timedelta(milliseconds=1), 0) if ended else 0


def device_mark(key: bytes, base: UUID, cookie: str) -> str:
    """What is kept of a device."""
    return _mark(key, b"device", base, cookie)


def session_mark(key: bytes, base: UUID, session_key: str) -> str:
    """What is kept of a session."""
    return _mark(key, b"session", base, session_key)


@lru_cache(maxsize=8192)
def network_mark(key: bytes, base: UUID, address: str) -> str:
    """What is kept of the network that somebody came from; empty when the address is none."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    prefix = 24 if parsed.version == 4 else 48  # noqa: PLR2004 - IPv4
    return _mark(key, b"network", base, str(ipaddress.ip_network((parsed, prefix), strict=False)))


def _step(code: str, known: dict[int, str]) -> int | None:
    given = code.upper().encode()
    found = None
    for step, expected in known.items():
        if hmac.compare_digest(given, expected.encode()) and found is None:
            found = step
    return found


def _mac(key: bytes, use: bytes, pace: Pace, step: int) -> bytes:
    data = b"\0".join((b"emarge-code/1", use, pace.roll_call.bytes + step.to_bytes(8, "big")))
    return hmac.digest(key, data, hashlib.sha256)


# A phone sends the same cookies with each of its requests, and a school has few networks.
@lru_cache(maxsize=16_384)
def _mark(key: bytes, use: bytes, base: UUID, value: str) -> str:
    return hmac.digest(key, use + b"\0" + base.bytes + value.encode(), hashlib.sha256)[:_KEPT].hex()
