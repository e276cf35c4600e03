"""Whether a token proves when some bytes existed: the rules of docs/formats/timestamping.md."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from emarge.proof.timestamping import certificates as certificate_rules
from emarge.proof.timestamping import external_verify, tokens
from emarge.proof.timestamping.der import object_identifier
from emarge.proof.timestamping.errors import Fault, TimestampError
from emarge.proof.timestamping.external_tokens import ExternalToken

_ALGORITHM = ec.ECDSA(hashes.SHA256())
_OURS = object_identifier(tokens.ARC)[2:]


@dataclass(frozen=True, slots=True)
class Timestamp:
    """The instant lies within ``gen_time`` ± ``accuracy``, under the promise of ``policy`` (an OID)."""

    gen_time: datetime
    accuracy: timedelta
    serial: int
    policy: str


@dataclass(frozen=True, slots=True)
class _Signer:
    """A certificate that may sign tokens, with the period in which it and its root are valid."""

    key: ec.EllipticCurvePublicKey
    sid: bytes
    start: datetime
    end: datetime


def read_token(token: bytes) -> Timestamp:
    """What a token says, for display: nothing is verified but its shape. Raises `TimestampError`."""
    return _timestamp(_read(token).info)


def _read(token: bytes) -> tokens.Token | ExternalToken:
    """A token of ours, in our shape alone, or another authority's. Raises `TimestampError`."""
    try:
        parts = tokens.read_token(token)
    except TimestampError:
        if _OURS in token:
            raise
        return external_verify.read(token)
    return parts if parts.info.policy.startswith(f"{tokens.ARC}.") else external_verify.read(token)


def stamped_digest(token: bytes) -> bytes:
    """The SHA-256 that a token was made over; nothing is verified but its shape. Raises `TimestampError`."""
    return _read(token).info.digest


def verify_token(token: bytes, data: bytes, roots: Sequence[bytes], certificates: Sequence[bytes]) -> Timestamp:
    """The proved timestamp of ``data``, under root and signer certificates given in DER.

    Raises `TimestampError` naming the first rule that fails.
    """
    return prove(token, data, roots, certificates)[0]


def prove(token: bytes, data: bytes, roots: Sequence[bytes], certificates: Sequence[bytes]) -> tuple[Timestamp, bytes]:
    """As `verify_token`, with the certificate (DER) of who signed: one of those given, or one in the token."""
    parts = _read(token)
    if not isinstance(parts, tokens.Token):
        return _timestamp(parts.info), external_verify.verify(parts, hashlib.sha256(data).digest(), roots, certificates)
    if parts.info.digest != hashlib.sha256(data).digest():
        raise TimestampError(Fault.OTHER_DATA, "it was made for other data")
    if parts.content_digest != hashlib.sha256(parts.content).digest():
        raise TimestampError(Fault.NOT_BOUND, "its signature is over another statement")
    certificate = _named(parts.certificate_digest, certificates)
    signer = _signer(certificate, tuple(roots))
    if parts.sid != signer.sid:
        raise TimestampError(Fault.NOT_BOUND, "it names its signer in two different ways")
    if not signer.start <= parts.info.gen_time <= signer.end:
        raise TimestampError(Fault.OUT_OF_PERIOD, "its time is outside the validity of its certificates")
    if parts.s > tokens.P256_HALF_ORDER:
        raise TimestampError(Fault.HIGH_S, "its signature was given its other form")
    try:
        signer.key.verify(parts.signature, parts.signed_attributes, _ALGORITHM)
    except InvalidSignature as error:
        raise TimestampError(Fault.BAD_SIGNATURE, "its signature is not good") from error
    return _timestamp(parts.info), certificate


def _timestamp(info: tokens.TstInfo) -> Timestamp:
    return Timestamp(info.gen_time, info.accuracy, info.serial, info.policy)


def _named(digest: bytes, certificates: Sequence[bytes]) -> bytes:
    for certificate in certificates:
        if hashlib.sha256(certificate).digest() == digest:
            return certificate
    raise TimestampError(Fault.UNKNOWN_CERTIFICATE, "the certificate that it names is not given")


# A log has few signers and very many tokens: the checks of a certificate are the same each time.
@lru_cache(maxsize=64)
def _signer(certificate: bytes, roots: tuple[bytes, ...]) -> _Signer:
    """Check a certificate for signing tokens under one of the roots. Raises `TimestampError`."""
    loaded = certificate_rules.load(certificate)
    certificate_rules.check_reserved_for_timestamping(loaded)
    key = loaded.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise TimestampError(Fault.WRONG_USAGE, "its certificate has no P-256 key")
    root = _issuer(loaded, roots)
    return _Signer(
        key,
        tokens.signer_identifier(loaded.issuer.public_bytes(), loaded.serial_number),
        max(loaded.not_valid_before_utc, root.not_valid_before_utc),
        min(loaded.not_valid_after_utc, root.not_valid_after_utc),
    )


def _issuer(certificate: x509.Certificate, roots: Sequence[bytes]) -> x509.Certificate:
    """The trusted root that signed a certificate."""
    for root in map(certificate_rules.load, roots):
        try:
            certificate.verify_directly_issued_by(root)
        except (ValueError, TypeError, InvalidSignature):
            continue
        constraints = {type(extension.value): extension.value for extension in root.extensions}
        basic = constraints.get(x509.BasicConstraints)
        if isinstance(basic, x509.BasicConstraints) and basic.ca:
            return root
    raise TimestampError(Fault.UNTRUSTED, "its certificate does not come from a trusted root")
