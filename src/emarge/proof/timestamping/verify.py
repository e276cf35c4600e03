"""Whether a token proves when some bytes existed: the rules of docs/formats/timestamping.md."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from emarge.proof.timestamping import tokens
from emarge.proof.timestamping.errors import Fault, TimestampError

_ALGORITHM = ec.ECDSA(hashes.SHA256())
# What the parser of certificates raises for bytes that are none; they have no common ancestor.
UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


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
    return _timestamp(tokens.read_token(token).info)


def verify_token(token: bytes, data: bytes, roots: Sequence[bytes], certificates: Sequence[bytes]) -> Timestamp:
    """The proved timestamp of ``data``, under root and signer certificates given in DER.

    Raises `TimestampError` naming the first rule that fails.
    """
    parts = tokens.read_token(token)
    if parts.info.digest != hashlib.sha256(data).digest():
        raise TimestampError(Fault.OTHER_DATA, "it was made for other data")
    if parts.content_digest != hashlib.sha256(parts.content).digest():
        raise TimestampError(Fault.NOT_BOUND, "its signature is over another statement")
    signer = _signer(_named(parts.certificate_digest, certificates), tuple(roots))
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
    return _timestamp(parts.info)


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
    loaded = _load(certificate)
    _check_usage(loaded)
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


def _load(certificate: bytes) -> x509.Certificate:
    """A certificate whose extensions can be read. Its DER must be the whole of the bytes."""
    try:
        loaded = x509.load_der_x509_certificate(certificate)
        # Parsed on first use, and it must be now.
        loaded.public_key(), loaded.extensions, loaded.signature_hash_algorithm
    except UNREADABLE as error:
        raise TimestampError(Fault.MALFORMED, "a certificate cannot be read") from error
    if loaded.public_bytes(Encoding.DER) != certificate:
        raise TimestampError(Fault.MALFORMED, "a certificate is not canonical")
    return loaded


def _check_usage(certificate: x509.Certificate) -> None:
    """RFC 3161 §2.3: reserved for timestamping, and marked so critically."""
    extensions = {type(extension.value): extension for extension in certificate.extensions}
    usage = extensions.get(x509.ExtendedKeyUsage)
    if usage is None or not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise TimestampError(Fault.WRONG_USAGE, "its certificate is not reserved for timestamping")
    key_usage = extensions.get(x509.KeyUsage)
    if key_usage is not None and not key_usage.value.digital_signature:
        raise TimestampError(Fault.WRONG_USAGE, "the key of its certificate may not sign")
    constraints = extensions.get(x509.BasicConstraints)
    if constraints is not None and constraints.value.ca:
        raise TimestampError(Fault.WRONG_USAGE, "its certificate may certify others")


def _issuer(certificate: x509.Certificate, roots: Sequence[bytes]) -> x509.Certificate:
    """The trusted root that signed a certificate."""
    for root in map(_load, roots):
        try:
            certificate.verify_directly_issued_by(root)
        except (ValueError, TypeError, InvalidSignature):
            continue
        constraints = {type(extension.value): extension.value for extension in root.extensions}
        basic = constraints.get(x509.BasicConstraints)
        if isinstance(basic, x509.BasicConstraints) and basic.ca:
            return root
    raise TimestampError(Fault.UNTRUSTED, "its certificate does not come from a trusted root")
