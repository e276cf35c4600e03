"""The manifest: what was asked, and the digest of every file that answers (docs/formats/bundle.md)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from emarge.proof.evidence import events, layout
from emarge.proof.evidence.canonical import canonical, parse_canonical
from emarge.proof.evidence.errors import CanonicalError, ManifestError, RecordError
from emarge.proof.evidence.records import check_code

FORMAT = "emarge-bundle/1"
MAX_TEXT = 2000
_FIELDS = {"format", "code", "request", "files"}
_REQUEST_FIELDS = {"id", "who", "reference", "reason", "period"}


@dataclass(frozen=True)
class Request:
    """A funder's request for an audit trail; ``period_from`` and ``period_to`` are both included."""

    id: str
    who: str
    reference: str
    reason: str
    period_from: date
    period_to: date


@dataclass(frozen=True)
class Manifest:
    """A manifest; ``files`` gives the hex SHA-256 of each listed file."""

    code: str
    request: Request
    files: Mapping[str, str]


def digest(data: bytes) -> str:
    """SHA-256 in hex, as manifests write it."""
    return hashlib.sha256(data).hexdigest()


def write(code: str, request: Request, files: Mapping[str, bytes]) -> bytes:
    """The manifest over those of the files that it lists. Raises ManifestError."""
    fields = {
        "format": FORMAT,
        "code": code,
        "request": {
            "id": request.id,
            "who": request.who,
            "reference": request.reference,
            "reason": request.reason,
            "period": {"from": request.period_from.isoformat(), "to": request.period_to.isoformat()},
        },
        "files": {name: digest(content) for name, content in files.items() if layout.is_listed(name)},
    }
    try:
        data = canonical(fields)
    except CanonicalError as error:
        raise ManifestError(str(error)) from error
    _read(fields)
    return data


def parse(data: bytes) -> Manifest:
    """Read a manifest strictly. Raises ManifestError."""
    try:
        fields = parse_canonical(data)
    except CanonicalError as error:
        raise ManifestError(str(error)) from error
    return _read(fields)


def _read(fields: Any) -> Manifest:
    _check_names("a manifest", fields, _FIELDS)
    if fields["format"] != FORMAT:
        raise ManifestError(f"the format is not {FORMAT}")
    if not isinstance(fields["files"], dict):
        raise ManifestError("files is an object")
    try:
        code = check_code(fields["code"])
        files = {name: events.check_digest(value) for name, value in fields["files"].items()}
        return Manifest(code, _read_request(fields["request"]), files)
    except RecordError as error:
        raise ManifestError(str(error)) from error


def _read_request(value: Any) -> Request:
    _check_names("the request", value, _REQUEST_FIELDS)
    _check_names("the period", value["period"], {"from", "to"})
    start, end = _day(value["period"]["from"]), _day(value["period"]["to"])
    if start > end:
        raise ManifestError("the period ends before it begins")
    who, reference, reason = (_text(value[name]) for name in ("who", "reference", "reason"))
    return Request(events.check_uuid(value["id"]), who, reference, reason, start, end)


def _check_names(what: str, value: object, names: set[str]) -> None:
    if not isinstance(value, dict) or value.keys() != names:
        raise ManifestError(f"{what} has the fields {', '.join(sorted(names))}")


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise ManifestError(f"not a text of at most {MAX_TEXT} characters: {value!r:.60}")
    return value


def _day(value: object) -> date:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        day = None
    if day is None or day.isoformat() != value:
        raise ManifestError(f"not a day: {value!r:.60}")
    return day
