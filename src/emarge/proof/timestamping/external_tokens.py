"""Tokens of other authorities, read strictly: docs/formats/timestamping.md, *Tokens of an external service*."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes

from emarge.proof.timestamping import der, tokens
from emarge.proof.timestamping.der import DerError, Reader, tlv
from emarge.proof.timestamping.errors import Fault, TimestampError
from emarge.proof.timestamping.tokens import DIGEST_SIZE, MAX_ACCURACY, TstInfo

MAX_CERTIFICATES = 8
_MAX_SERIAL_BITS = 160
_THOUSAND = 1000
_NO_PARAMETERS = (b"", tlv(der.NULL, b""))
_EXPLICIT = 0xA0
_SUBJECT_KEY = 0x80
_TRUE = b"\xff"
_GENERALIZED = re.compile(rb"(\d{14})(?:\.(\d{1,9}))?Z")
_MICROS = 6

_HASHES: Mapping[bytes, hashes.HashAlgorithm] = {
    der.object_identifier("2.16.840.1.101.3.4.2.1"): hashes.SHA256(),
    der.object_identifier("2.16.840.1.101.3.4.2.2"): hashes.SHA384(),
    der.object_identifier("2.16.840.1.101.3.4.2.3"): hashes.SHA512(),
}
_RSA = der.object_identifier("1.2.840.113549.1.1.1")
_PSS = der.object_identifier("1.2.840.113549.1.1.10")
_MGF1 = der.object_identifier("1.2.840.113549.1.1.8")
_SIGNATURES: Mapping[bytes, tuple[str, hashes.HashAlgorithm]] = {
    der.object_identifier("1.2.840.113549.1.1.11"): ("rsa", hashes.SHA256()),
    der.object_identifier("1.2.840.113549.1.1.12"): ("rsa", hashes.SHA384()),
    der.object_identifier("1.2.840.113549.1.1.13"): ("rsa", hashes.SHA512()),
    der.object_identifier("1.2.840.10045.4.3.2"): ("ecdsa", hashes.SHA256()),
    der.object_identifier("1.2.840.10045.4.3.3"): ("ecdsa", hashes.SHA384()),
    der.object_identifier("1.2.840.10045.4.3.4"): ("ecdsa", hashes.SHA512()),
}
_CONTENT_TYPE = der.object_identifier("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST = der.object_identifier("1.2.840.113549.1.9.4")
_SIGNING_CERTIFICATE = der.object_identifier("1.2.840.113549.1.9.16.2.12")
_SIGNING_CERTIFICATE_V2 = der.object_identifier("1.2.840.113549.1.9.16.2.47")


class Scheme(NamedTuple):
    """How a token is signed: ``kind`` is rsa, pss or ecdsa; ``salt`` the octets of a PSS salt."""

    kind: str
    hash: hashes.HashAlgorithm
    salt: int = 0


class Named(NamedTuple):
    """A certificate as a token names it: its digest, and its issuer and serial number when they are said."""

    hash: str
    digest: bytes
    issuer_serial: tuple[bytes, int] | None

    def is_of(self, certificate: bytes) -> bool:
        """Whether this is the digest of a certificate (DER)."""
        return hashlib.new(self.hash, certificate, usedforsecurity=self.hash != "sha1").digest() == self.digest


class ExternalToken(NamedTuple):
    """The parts of another authority's token. ``sid`` is the element that names its signer."""

    info: TstInfo
    content: bytes
    content_digest: bytes
    named: Sequence[Named]
    sid: bytes
    certificates: tuple[bytes, ...]
    digest_hash: hashes.HashAlgorithm
    scheme: Scheme
    signed_attributes: bytes
    signature: bytes


def read(data: bytes) -> ExternalToken:
    """Take another authority's token apart. Raises `TimestampError` for what the format does not name."""
    try:
        return _read(data)
    except DerError as error:
        raise TimestampError(Fault.MALFORMED, str(error)) from error


def _read(data: bytes) -> ExternalToken:
    content_info = der.only(data)
    content_info.expect(tokens.SIGNED_DATA)
    signed_data = der.only(content_info.read(_EXPLICIT))
    content_info.finish()
    signed_data.expect(der.integer(3))
    announced = _read_announced(signed_data.enter(der.SET))
    encapsulated = signed_data.enter(der.SEQUENCE)
    encapsulated.expect(tokens.TST_INFO)
    content = der.only(encapsulated.read(_EXPLICIT), der.OCTET_STRING).rest()
    encapsulated.finish()
    certificates = _read_certificates(signed_data.optional(_EXPLICIT))
    signed_data.optional(_EXPLICIT + 1)
    signer = der.only(signed_data.read(der.SET))
    signed_data.finish()
    parts = _read_signer(signer, content, certificates)
    if parts.digest_hash.name not in announced:
        raise DerError("its hash is not among those that it announces")
    return parts


def _read_announced(algorithms: Reader) -> set[str]:
    """The names of the hashes in digestAlgorithms."""
    found = set()
    while algorithms.more():
        found.add(str(_read_hash(algorithms.enter(der.SEQUENCE)).name))
    return found


def _read_certificates(content: bytes | None) -> tuple[bytes, ...]:
    reader, found = Reader(content or b""), []
    while reader.more():
        found.append(reader.whole(der.SEQUENCE))
    if len(found) > MAX_CERTIFICATES:
        raise DerError(f"it carries more than {MAX_CERTIFICATES} certificates")
    return tuple(found)


def _read_signer(signer: Reader, content: bytes, certificates: tuple[bytes, ...]) -> ExternalToken:
    version = der.integer_value(signer.read(der.INTEGER))
    if version not in {1, 3}:
        raise DerError("the signer has an unknown version")
    sid = signer.whole(der.SEQUENCE if version == 1 else _SUBJECT_KEY)
    digest_hash = _read_hash(signer.enter(der.SEQUENCE))
    attributes = signer.read(_EXPLICIT)
    scheme = _read_scheme(signer.enter(der.SEQUENCE), digest_hash)
    signature = signer.read(der.OCTET_STRING)
    if signer.more():
        raise TimestampError(Fault.UNEXPECTED_PART, "something follows its signature (unsigned attributes)")
    values = _read_attributes(Reader(attributes))
    if values.pop(_CONTENT_TYPE, None) != tokens.TST_INFO:
        raise DerError("the signature is not over a statement of time")
    return ExternalToken(
        _read_tst_info(content),
        content,
        der.only(values.pop(_MESSAGE_DIGEST, b""), der.OCTET_STRING).rest(),
        _read_named(values),
        sid,
        certificates,
        digest_hash,
        scheme,
        tlv(der.SET, attributes),
        signature,
    )


def _read_hash(reader: Reader) -> hashes.HashAlgorithm:
    found = _HASHES.get(reader.whole(der.OID))
    if found is None or reader.rest() not in _NO_PARAMETERS:
        raise DerError("it uses a hash other than SHA-256, SHA-384 or SHA-512")
    return found


def _read_scheme(reader: Reader, digest_hash: hashes.HashAlgorithm) -> Scheme:
    algorithm = reader.whole(der.OID)
    if algorithm == _PSS:
        scheme = _read_pss(reader.enter(der.SEQUENCE))
    elif algorithm == _RSA:
        scheme = Scheme("rsa", digest_hash)
    elif algorithm in _SIGNATURES:
        scheme = Scheme(*_SIGNATURES[algorithm])
    else:
        raise DerError("it is signed in a way that is not known here")
    allowed = _NO_PARAMETERS if scheme.kind == "rsa" else _NO_PARAMETERS[:1]
    if reader.rest() not in allowed or scheme.hash.name != digest_hash.name:
        raise DerError("its signature is not over the hash that it names")
    return scheme


def _read_pss(reader: Reader) -> Scheme:
    """RSASSA-PSS-params (RFC 4055); the defaults are SHA-1, so hash and mask must be said."""
    found = _read_hash(der.only(reader.read(_EXPLICIT)))
    mask = der.only(reader.read(_EXPLICIT + 1))
    if mask.whole(der.OID) != _MGF1 or _read_hash(mask.enter(der.SEQUENCE)).name != found.name:
        raise DerError("its signature uses another mask than MGF1 with the same hash")
    mask.finish()
    salt = der.integer_value(der.only(reader.read(_EXPLICIT + 2), der.INTEGER).rest())
    reader.finish()
    if not 0 <= salt <= found.digest_size:
        raise DerError("its signature has a salt of an unusual length")
    return Scheme("pss", found, salt)


def _read_attributes(reader: Reader) -> dict[bytes, bytes]:
    """The one value of each signed attribute, by type. They must stand in the order of DER."""
    values: dict[bytes, bytes] = {}
    previous = b""
    while reader.more():
        element = reader.whole(der.SEQUENCE)
        if element <= previous:
            raise DerError("the signed attributes are not in the order of DER")
        previous = element
        attribute = der.only(element)
        kind = attribute.whole(der.OID)
        value = attribute.read(der.SET)
        attribute.finish()
        if kind in values:
            raise DerError("a signed attribute stands twice")
        values[kind] = value
    return values


def _read_named(values: Mapping[bytes, bytes]) -> tuple[Named, ...]:
    found = [
        _read_ess(der.only(values[kind]), versioned=kind == _SIGNING_CERTIFICATE_V2)
        for kind in (_SIGNING_CERTIFICATE, _SIGNING_CERTIFICATE_V2)
        if kind in values
    ]
    if not found:
        raise DerError("it does not name the certificate of its signer")
    return tuple(found)


def _read_ess(value: Reader, *, versioned: bool) -> Named:
    """The first ESSCertID (RFC 2634) or ESSCertIDv2 (RFC 5035) of a signing certificate attribute."""
    first = value.enter(der.SEQUENCE).enter(der.SEQUENCE)
    value.optional(der.SEQUENCE)  # policies
    value.finish()
    algorithm = first.optional(der.SEQUENCE) if versioned else None
    found = "sha1"
    if versioned:
        found = "sha256" if algorithm is None else str(_read_hash(Reader(algorithm)).name)
    digest = first.read(der.OCTET_STRING)
    issuer_serial = first.optional(der.SEQUENCE)
    first.finish()
    return Named(found, digest, None if issuer_serial is None else _read_issuer_serial(Reader(issuer_serial)))


def _read_issuer_serial(reader: Reader) -> tuple[bytes, int]:
    names = reader.enter(der.SEQUENCE)
    issuer = names.read(_EXPLICIT + 4)
    names.finish()
    serial = der.integer_value(reader.read(der.INTEGER))
    reader.finish()
    return issuer, serial


def _read_tst_info(content: bytes) -> TstInfo:
    info = der.only(content)
    info.expect(der.integer(1))
    policy = der.object_identifier_value(info.read(der.OID))
    algorithm, digest = tokens.read_imprint(info.whole(der.SEQUENCE))
    if not tokens.is_sha256(algorithm) or len(digest) != DIGEST_SIZE:
        raise DerError("the imprint is not a SHA-256 digest")
    serial = der.integer_value(info.read(der.INTEGER))
    if serial < 0 or serial.bit_length() > _MAX_SERIAL_BITS:
        raise DerError("the serial number is out of range")
    gen_time = info.read(der.GENERALIZED_TIME)
    accuracy = _read_accuracy(info.optional(der.SEQUENCE))
    info.optional(der.BOOLEAN)  # ordering
    nonce = info.optional(der.INTEGER)
    info.optional(_EXPLICIT)  # tsa: a hint, the certificate says it better
    _read_extensions(Reader(info.optional(_EXPLICIT + 1) or b""))
    info.finish()
    at = der.generalized_time_value(_six_decimals(gen_time))
    return TstInfo(policy, digest, serial, at, accuracy, None if nonce is None else der.integer_value(nonce))


def _six_decimals(content: bytes) -> bytes:
    """A time in the one spelling that our reader takes: at most six decimals, no zero at the end."""
    match = _GENERALIZED.fullmatch(content)
    if match is None:
        raise DerError("a time is not in UTC")
    decimals = (match[2] or b"")[:_MICROS].rstrip(b"0")
    return match[1] + (b"." + decimals if decimals else b"") + b"Z"


def _read_accuracy(content: bytes | None) -> timedelta:
    if content is None:
        return MAX_ACCURACY
    reader, parts = Reader(content), []
    for tag in (der.INTEGER, 0x80, 0x81):
        part = reader.optional(tag)
        parts.append(0 if part is None else der.integer_value(part))
    reader.finish()
    if any(part not in range(_THOUSAND) for part in parts):
        raise DerError("the accuracy is out of range")
    value = timedelta(seconds=parts[0], milliseconds=parts[1], microseconds=parts[2])
    if value > MAX_ACCURACY:
        raise TimestampError(Fault.INACCURATE, "its accuracy is over a second")
    return value


def _read_extensions(reader: Reader) -> None:
    while reader.more():
        extension = reader.enter(der.SEQUENCE)
        extension.read(der.OID)
        if extension.optional(der.BOOLEAN) == _TRUE:
            raise DerError("it has a critical extension that is not known here")
        extension.read(der.OCTET_STRING)
        extension.finish()
