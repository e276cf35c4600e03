"""The trust anchors: what a stranger must know beforehand (docs/formats/trust.md)."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Any

from emarge.proof.evidence.canonical import canonical, parse_canonical
from emarge.proof.evidence.errors import CanonicalError, RecordError, TrustError
from emarge.proof.evidence.records import check_code
from emarge.proof.vault.errors import CheckpointError
from emarge.proof.vault.log import cosignature

FORMAT = "emarge-trust/1"
_FIELDS = {"format", "code", "origin", "timestamp_roots", "vkey"}
_COSIGNERS, _WITNESSES = "cosigners", "witnesses"


@dataclass(frozen=True)
class TrustAnchors:
    """A log (origin and C2SP verifier key), its institution code, and the DER roots of its timestamps.

    ``cosigners`` are the verifier keys of the mirrors whose cosignatures count, in the order of their lines, and
    ``witnesses`` those of the witnesses, whose lines come after.
    """

    origin: str
    vkey: str
    code: str
    timestamp_roots: tuple[bytes, ...]
    cosigners: tuple[str, ...] = ()
    witnesses: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """The verifier keys of all whose lines may stand under a checkpoint, in their order."""
        return *self.cosigners, *self.witnesses

    def to_bytes(self) -> bytes:
        """The one spelling of these anchors. Raises TrustError when they have none."""
        roots = sorted({base64.b64encode(root).decode("ascii") for root in self.timestamp_roots})
        fields: dict[str, Any] = {
            "format": FORMAT,
            "code": self.code,
            "origin": self.origin,
            "timestamp_roots": roots,
            "vkey": self.vkey,
        }
        if self.cosigners:  # without one, the bytes and the fingerprint are those of before there were mirrors
            fields[_COSIGNERS] = list(self.cosigners)
        if self.witnesses:  # the same again
            fields[_WITNESSES] = list(self.witnesses)
        try:
            data = canonical(fields)
        except CanonicalError as error:
            raise TrustError(str(error)) from error
        _read(fields)
        return data

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the anchors, 64 lower-case hex digits: what the auditor gets from elsewhere."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def parse(data: bytes) -> TrustAnchors:
    """Read anchors strictly. Raises TrustError."""
    try:
        fields = parse_canonical(data)
    except CanonicalError as error:
        raise TrustError(str(error)) from error
    return _read(fields)


def _read(fields: Any) -> TrustAnchors:
    if not isinstance(fields, dict) or fields.keys() - {_COSIGNERS, _WITNESSES} != _FIELDS:
        raise TrustError(f"trust anchors have the fields {', '.join(sorted(_FIELDS))}")
    if fields["format"] != FORMAT:
        raise TrustError(f"the format is not {FORMAT}")
    origin, vkey = fields["origin"], fields["vkey"]
    if not isinstance(origin, str) or not isinstance(vkey, str) or not origin:
        raise TrustError("the origin and the key of a log are text")
    if not vkey.startswith(f"{origin}+"):
        raise TrustError("the key is not that of the log")
    try:
        code = check_code(fields["code"])
    except RecordError as error:
        raise TrustError(str(error)) from error
    mirrors, witnesses = (_read_cosigners(fields, name) for name in (_COSIGNERS, _WITNESSES))
    names = [origin, *(cosignature.name_of(vkey) for vkey in (*mirrors, *witnesses))]
    if len(set(names)) != len(names):
        raise TrustError("a cosigner is named once, and is not the log")
    return TrustAnchors(origin, vkey, code, _read_roots(fields["timestamp_roots"]), mirrors, witnesses)


def _read_cosigners(fields: dict[str, Any], name: str) -> tuple[str, ...]:
    if name not in fields:
        return ()
    values = fields[name]
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        raise TrustError(f"the {name}, where there are some, are a list of keys")
    try:
        for value in values:
            cosignature.name_of(value)
    except CheckpointError as error:
        raise TrustError(f"the key of a cosigner is not one: {error}") from error
    return tuple(values)


def _read_roots(values: object) -> tuple[bytes, ...]:
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        raise TrustError("there is at least one root of timestamps, each in base64")
    if values != sorted(set(values)):
        raise TrustError("the roots of timestamps are ascending, each once")
    try:
        roots = tuple(binascii.a2b_base64(value.encode("ascii"), strict_mode=True) for value in values)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise TrustError("a root of timestamps is not base64") from error
    if [base64.b64encode(root).decode("ascii") for root in roots] != values:
        raise TrustError("a root of timestamps is not in canonical base64")
    return roots
