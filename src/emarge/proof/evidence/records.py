"""Records: one event each, naming nobody (docs/formats/record.md)."""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emarge.proof.evidence import events
from emarge.proof.evidence.canonical import canonical, parse_canonical
from emarge.proof.evidence.errors import CanonicalError, RecordError
from emarge.proof.evidence.events import instant, read_instant

__all__ = ["Actor", "Clock", "Record", "build", "instant", "parse", "pseudonym", "read_instant"]

FORMAT = "emarge-record/1"
MAX_RECORD = 49_152  # what the vault takes, so that record and token fit in one entry
MAX_CODE = 100
MAX_EVENT = 64
PERSON_KEY_SIZE = 32
NOBODY = "system"
_EVENT = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,31}")
_REQUIRED = {"format", "id", "event", "at", "clock", "code", "actor"}
_OPTIONAL = {"meeting", "student", "teachers", "method", "corrects", "commitment", "details"}


@dataclass(frozen=True)
class Clock:
    """What the server knew of its clock: ``bound_ms`` milliseconds either side, None when unknown."""

    state: str
    bound_ms: int | None
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Actor:
    """Who acted: a role, and a pseudonym unless nobody did (role ``system``)."""

    role: str
    person: str | None


@dataclass(frozen=True)
class Record:
    """A record that was read; the fields are those of docs/formats/record.md."""

    id: str
    event: str
    at: datetime
    clock: Clock
    code: str
    actor: Actor
    meeting: str | None
    student: str | None
    teachers: tuple[str, ...]
    method: str | None
    corrects: str | None
    commitment: str | None
    details: Mapping[str, Any]


def pseudonym(person_key: bytes, person: str) -> str:
    """What records call a person: HMAC-SHA256 under the person's own 32-byte key, 64 hex digits."""
    if len(person_key) != PERSON_KEY_SIZE:
        raise RecordError(f"a person's key is {PERSON_KEY_SIZE} bytes long")
    return hmac.digest(person_key, person.encode(), hashlib.sha256).hex()


def build(
    *,
    event: str,
    id: str,  # noqa: A002 - the name of the field
    at: datetime,
    clock: Mapping[str, object],
    code: str,
    actor: Mapping[str, object],
    meeting: str | None = None,
    student: str | None = None,
    teachers: Sequence[str] = (),
    method: str | None = None,
    corrects: str | None = None,
    commitment: str | None = None,
    details: Mapping[str, object] | None = None,
) -> bytes:
    """The canonical bytes of a record; ``at`` is aware. Raises RecordError, or if its event lacks a field."""
    optional = {
        "meeting": meeting,
        "student": student,
        "teachers": list(teachers) or None,
        "method": method,
        "corrects": corrects,
        "commitment": commitment,
        "details": dict(details) if details else None,
    }
    fields = {
        "format": FORMAT,
        "id": id,
        "event": event,
        "at": instant(at),
        "clock": dict(clock),
        "code": code,
        "actor": {name: value for name, value in actor.items() if value is not None},
    } | {name: value for name, value in optional.items() if value is not None}
    try:
        data = canonical(fields)
    except CanonicalError as error:
        raise RecordError(str(error)) from error
    _read(fields)
    _check_length(data)
    return data


def parse(data: bytes) -> Record:
    """Read a record strictly: what ``build`` would not have written, byte for byte, raises RecordError."""
    _check_length(data)
    try:
        fields = parse_canonical(data)
    except CanonicalError as error:
        raise RecordError(str(error)) from error
    if not isinstance(fields, dict):
        raise RecordError("a record is an object")
    return _read(fields)


def _check_length(data: bytes) -> None:
    if len(data) > MAX_RECORD:
        raise RecordError(f"a record is at most {MAX_RECORD} bytes long, this one has {len(data)}")


def _read(fields: Mapping[str, Any]) -> Record:
    _check_names("a record", fields, _REQUIRED, _OPTIONAL)
    if fields["format"] != FORMAT:
        raise RecordError(f"the format is not {FORMAT}")
    event = fields["event"]
    if not isinstance(event, str) or len(event) > MAX_EVENT or not _EVENT.fullmatch(event):
        raise RecordError(f"not the name of an event: {event!r:.80}")
    record = Record(
        id=events.check_uuid(fields["id"]),
        event=event,
        at=read_instant(fields["at"]),
        clock=_read_clock(fields["clock"]),
        code=check_code(fields["code"]),
        actor=_read_actor(fields["actor"]),
        meeting=events.check_uuid(fields["meeting"]) if "meeting" in fields else None,
        student=events.check_digest(fields["student"]) if "student" in fields else None,
        teachers=_read_teachers(fields["teachers"]) if "teachers" in fields else (),
        method=_word(fields["method"]) if "method" in fields else None,
        corrects=events.check_uuid(fields["corrects"]) if "corrects" in fields else None,
        commitment=events.check_digest(fields["commitment"]) if "commitment" in fields else None,
        details=_read_details(fields["details"]) if "details" in fields else {},
    )
    events.check(event, fields)
    return record


def check_code(value: object) -> str:
    """An institution code: 1 to 100 characters, NFC, nothing that does not print; or RecordError."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_CODE or not value.isprintable():
        raise RecordError(f"an institution code is 1 to {MAX_CODE} printable characters")
    if not unicodedata.is_normalized("NFC", value):
        raise RecordError("an institution code is in Unicode normal form C")
    return value


def _check_names(what: str, fields: object, required: set[str], optional: set[str]) -> None:
    if not isinstance(fields, Mapping):
        raise RecordError(f"{what} is an object")
    if required <= fields.keys() and fields.keys() <= required | optional:
        return
    missing, unknown = sorted(required - fields.keys()), sorted(fields.keys() - required - optional)
    raise RecordError(f"{what} lacks {missing} and has the unknown fields {unknown}")


def _word(value: object) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise RecordError(f"not a word of lower-case letters, digits and underscores: {value!r:.60}")
    return value


def _distinct(what: str, values: object) -> list[object]:
    if not isinstance(values, list) or any(values.count(value) > 1 for value in values):
        raise RecordError(f"{what} is a list without repetition")
    return values


def _read_clock(value: Any) -> Clock:
    _check_names("clock", value, {"state", "bound_ms", "sources"}, set())
    state, bound = value["state"], value["bound_ms"]
    events.check_state(state)
    if (bound is None) != (state == "unknown"):
        raise RecordError("the bound of a clock is unknown when, and only when, its state is")
    if bound is not None and (type(bound) is not int or bound < 0):
        raise RecordError("the bound of a clock is a whole number of milliseconds")
    return Clock(state, bound, tuple(_word(source) for source in _distinct("sources", value["sources"])))


def _read_actor(value: Any) -> Actor:
    _check_names("actor", value, {"role"}, {"person"})
    role = _word(value["role"])
    if ("person" in value) != (role != NOBODY):
        raise RecordError(f"an actor has a person unless the role is {NOBODY}")
    return Actor(role, events.check_digest(value["person"]) if "person" in value else None)


def _read_teachers(value: object) -> tuple[str, ...]:
    teachers = tuple(events.check_digest(teacher) for teacher in _distinct("teachers", value))
    if not teachers:
        raise RecordError("teachers is left out when there is none")
    return teachers


def _read_details(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not value:
        raise RecordError("details is an object, left out when it is empty")
    return value
