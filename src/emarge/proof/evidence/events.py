"""What the known events must say (docs/formats/record.md, *Events*)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from emarge.proof.evidence.errors import RecordError

MINUTES_OF_A_DAY = 1440
PRESENCES = ("present", "absent", "late")
MODES = ("by_teacher", "set_qr", "rolling_qr")
WAYS = ("camera", "app", "typed")
MAX_ROSTER_LINES = 300
CLOCK_STATES = ("in_sync", "soon_out_of_sync", "out_of_sync", "unknown")
CLOCK_CHANGED = "clock.changed"
MAX_SOURCE_NAME = 64
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
LEAST_YEARS, MOST_YEARS = 5, 50
HOLD_SCOPES = ("code", "student", "meeting")
_HISTORY = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def instant(at: datetime) -> str:
    """An instant as records write it: UTC, microseconds, ``Z``. Raises RecordError for a naive datetime."""
    if at.tzinfo is None:
        raise RecordError("an instant has a time zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def read_instant(value: object) -> datetime:
    """The aware UTC datetime of an instant's text. Raises RecordError."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise RecordError(f"not an instant: {value!r:.60}")
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise RecordError(f"not an instant: {value}") from error


def check_uuid(value: object) -> str:
    """A UUID in lower case with hyphens, or RecordError."""
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise RecordError(f"not a UUID: {value!r:.60}")
    return value


def check_digest(value: object) -> str:
    """64 lower-case hexadecimal digits: a pseudonym, a commitment or a SHA-256; or RecordError."""
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise RecordError(f"not 64 lower-case hexadecimal digits: {value!r:.80}")
    return value


def _check_bool(value: object) -> None:
    if type(value) is not bool:
        raise RecordError(f"not true or false: {value!r:.60}")


def _check_presence(value: object) -> None:
    if value not in PRESENCES:
        raise RecordError(f"not a presence: {value!r:.60}")


def _check_minutes(value: object) -> None:
    if type(value) is not int or not 0 <= value <= MINUTES_OF_A_DAY:
        raise RecordError(f"not a number of minutes: {value!r:.60}")


def _check_number(value: object) -> None:
    if type(value) is not int or value < 1:
        raise RecordError(f"not a number from 1 on: {value!r:.60}")


def _check_years(value: object) -> None:
    if type(value) is not int or not LEAST_YEARS <= value <= MOST_YEARS:
        raise RecordError(f"not a number of years of retention: {value!r:.60}")


def _check_scope(value: object) -> None:
    if value not in HOLD_SCOPES:
        raise RecordError(f"not what a hold covers: {value!r:.60}")


def _check_day(value: object) -> None:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise RecordError(f"not a day: {value!r:.60}")
    try:
        date.fromisoformat(value)
    except ValueError as error:
        raise RecordError(f"not a day: {value}") from error


def _check_step(value: object) -> None:
    if type(value) is not int or value < 0:
        raise RecordError(f"not a step: {value!r:.60}")


def _check_mode(value: object) -> None:
    if value not in MODES:
        raise RecordError(f"not a mode of roll call: {value!r:.60}")


def _check_way(value: object) -> None:
    if value not in WAYS:
        raise RecordError(f"not a way to scan: {value!r:.60}")


def _check_opened_roster(value: object) -> None:
    _check_lines(value, {"expected", "student"})


def _check_ended_roster(value: object) -> None:
    for line in _check_lines(value, {"expected", "minutes_late", "presence", "student"}):
        _check_mark(line)


def _check_lines(value: object, fields: set[str]) -> list[dict[str, Any]]:
    if not isinstance(value, list) or len(value) > MAX_ROSTER_LINES:
        raise RecordError(f"a roster is a list of at most {MAX_ROSTER_LINES} lines")
    for line in value:
        if not isinstance(line, dict) or line.keys() != fields:
            raise RecordError(f"a line of this roster has the fields {', '.join(sorted(fields))}")
        _check_bool(line["expected"])
        check_digest(line["student"])
    if len({line["student"] for line in value}) != len(value):
        raise RecordError("a student is twice in the roster")
    return value


def _check_mark(line: Mapping[str, Any]) -> None:
    _check_presence(line["presence"])
    _check_minutes(line["minutes_late"])
    if line["minutes_late"] and line["presence"] != "late":
        raise RecordError("only a late student has minutes of lateness")


def check_state(value: object) -> str:
    """A state of a clock, or RecordError."""
    if not isinstance(value, str) or value not in CLOCK_STATES:
        raise RecordError(f"not a state of the clock: {value!r:.60}")
    return value


def _check_history(value: object) -> None:
    if not isinstance(value, str) or not _HISTORY.fullmatch(value):
        raise RecordError(f"not the name of a history: {value!r:.60}")


def _check_text(value: object) -> None:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_SOURCE_NAME:
        raise RecordError(f"not a text of 1 to {MAX_SOURCE_NAME} characters: {value!r:.80}")


def _each_once(check: Callable[[object], object]) -> Callable[[object], None]:
    def checked(value: object) -> None:
        if not isinstance(value, list) or any(value.count(one) > 1 for one in value):
            raise RecordError("a list names each once")
        for one in value:
            check(one)

    return checked


_MERGED: Mapping[str, Callable[[object], object]] = {
    "since": read_instant,
    "states": _each_once(check_state),
    "excluded": _each_once(_check_text),
}


def _check_changes(details: Mapping[str, Any]) -> None:
    """The numbers of `clock.changed`: one change, or several that are told to be merged."""
    merged = details.get("merged")
    if details["first"] > details["last"] or (merged is not None) != (details["first"] < details["last"]):
        raise RecordError("several changes of the clock, and they alone, are merged")
    if merged is not None:
        if not isinstance(merged, dict) or merged.keys() != _MERGED.keys():
            raise RecordError(f"merged changes have the fields {', '.join(sorted(_MERGED))}")
        for name, checked in _MERGED.items():
            checked(merged[name])
    if "lost" in details:
        _check_number(details["lost"])


Check = Callable[[object], object]


@dataclass(frozen=True)
class Required:
    """Fields that an event cannot do without, and the check of each required detail."""

    fields: tuple[str, ...] = ()
    details: Mapping[str, Check] = field(default_factory=dict)


_SIGNED = ("meeting", "method", "commitment")
_REQUEST = {"request": check_uuid}
_ORDER = {"order": check_uuid}
_LIFT = {"hold": check_uuid, **_ORDER}
_DESTRUCTION = {**_ORDER, "before": _check_day}
_DESTROYED = {**_ORDER, "certificate": check_digest}
_CHANGES: Mapping[str, Check] = {
    "history": _check_history,
    "first": _check_number,
    "last": _check_number,
    "changed_at": read_instant,
    "before": check_state,
    "state": check_state,
    "reason": _check_text,
    "excluded": _each_once(_check_text),
}
_PART = {"part": _check_number, "parts": _check_number}
_SEALED: Mapping[str, Check] = dict.fromkeys(("first", "last", "digest"), check_digest)

KNOWN: Mapping[str, Required] = {
    "log.opened": Required(),
    "roll_call.opened": Required(("meeting",), {"roster": _check_opened_roster, **_PART}),
    "roll_call.started": Required(("meeting",), {"closes_at": read_instant}),
    "roll_call.scanned": Required(
        ("meeting", "student"), {"step": _check_step, "late_ms": _check_step, "way": _check_way}
    ),
    "roll_call.marked": Required(("meeting", "student"), {"presence": _check_presence, "minutes_late": _check_minutes}),
    "roll_call.ended": Required(("meeting",), {"roster": _check_ended_roster, **_PART}),
    "sign_in.opened": Required(_SIGNED, {"closes_at": read_instant}),
    "teacher.signed": Required(_SIGNED),
    "sign_in.signed": Required((*_SIGNED, "student")),
    "sign_in.regularised": Required(("meeting", "student", "commitment")),
    "meeting.validated": Required(("meeting",)),
    "anomaly.reviewed": Required(("meeting", "student", "commitment"), {"anomaly": _check_text}),
    "parameters.changed": Required(),
    "course.flagged": Required((), {"course": check_uuid, "flagged": _check_bool}),
    "course.mode_set": Required((), {"course": check_uuid}),
    "course_type.mode_set": Required((), {"mode": _check_mode}),
    "student.listed": Required(("student", "commitment")),
    "student.flagged": Required(("student",), {"flagged": _check_bool}),
    "audit_trail.requested": Required((), _REQUEST),
    "audit_trail.approved": Required((), _REQUEST),
    "audit_trail.refused": Required((), _REQUEST),
    "audit_trail.produced": Required((), {**_REQUEST, "manifest": check_digest}),
    "journal.sealed": Required((), {"day": _check_day, "lines": _check_number, **_SEALED}),
    "student.corrected": Required(("student", "commitment")),
    "student.alias": Required(("student", "commitment"), {"old": check_digest, "new": check_digest}),
    "history.consulted": Required(("student", "commitment")),
    "retention.changed": Required((), {"years": _check_years}),
    "hold.placed": Required(("commitment",), {"hold": check_uuid, "scope": _check_scope}),
    "hold.lift_requested": Required((), _LIFT),
    "hold.lifted": Required((), _LIFT),
    "hold.lift_refused": Required((), _LIFT),
    "destruction.requested": Required((), _DESTRUCTION),
    "destruction.approved": Required((), _DESTRUCTION),
    "destruction.refused": Required((), _DESTRUCTION),
    "retention.destroyed": Required((), _DESTROYED),
    "erasure.requested": Required((), _ORDER),
    "erasure.approved": Required((), _ORDER),
    "erasure.refused": Required((), _ORDER),
    "erasure.done": Required((), _DESTROYED),
    "certificate.downloaded": Required((), _DESTROYED),
    CLOCK_CHANGED: Required((), _CHANGES),
}


def check(event: str, fields: Mapping[str, object]) -> None:
    """Check that a record holds what its event requires; an unknown event is free. Raises RecordError."""
    required = KNOWN.get(event)
    if required is None:
        return
    details = fields.get("details", {})
    missing = [name for name in required.fields if name not in fields]
    if not isinstance(details, dict):
        raise RecordError("details is an object")
    missing += [f"details.{name}" for name in required.details if name not in details]
    if missing:
        raise RecordError(f"{event} lacks {', '.join(missing)}")
    for name, checked in required.details.items():
        checked(details[name])
    if event == "roll_call.marked":
        _check_mark(details)
    if event == "student.alias" and details["old"] == details["new"]:
        raise RecordError("an alias links two identities")
    if event == CLOCK_CHANGED:
        _check_changes(details)
    if "part" in required.details and details["part"] > details["parts"]:
        raise RecordError(f"a part {details['part']} of {details['parts']}")
