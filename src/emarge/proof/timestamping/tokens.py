"""The bytes of a token, as docs/formats/timestamping.md lays them down (RFC 3161, 5652, 5816).

Tokens are put together by concatenating DER around the signature, and read back element by element:
every byte is either laid down, under the signature, or a part of the signature itself.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from emarge.proof.timestamping import der
from emarge.proof.timestamping.der import DerError, Reader, tlv
from emarge.proof.timestamping.errors import Fault, TimestampError

DIGEST_SIZE = 32
MAX_ACCURACY = timedelta(seconds=1)
ARC = "2.25.133109607281002079832211882226271038126"
"""The project's UUID arc (X.667): policies under it are ours, and so is the shape of their tokens."""
# The system clock was declared trusted, nothing was compared.
DEMO_POLICY = f"{ARC}.1"
# Three sources were compared and two agreed; the accuracy is the half-width of what they agreed on.
QUORUM_POLICY = f"{ARC}.2"

_SHA256 = der.object_identifier("2.16.840.1.101.3.4.2.1")
SHA256_ALGORITHM = tlv(der.SEQUENCE, _SHA256)
_SHA256_WITH_NULL = _SHA256 + tlv(der.NULL, b"")
_ECDSA_WITH_SHA256 = tlv(der.SEQUENCE, der.object_identifier("1.2.840.10045.4.3.2"))
SIGNED_DATA = der.object_identifier("1.2.840.113549.1.7.2")
TST_INFO = der.object_identifier("1.2.840.113549.1.9.16.1.4")
_CONTENT_TYPE = tlv(der.SEQUENCE, der.object_identifier("1.2.840.113549.1.9.3") + tlv(der.SET, TST_INFO))
_MESSAGE_DIGEST = der.object_identifier("1.2.840.113549.1.9.4")
_SIGNING_CERTIFICATE_V2 = der.object_identifier("1.2.840.113549.1.9.16.2.47")
_VERSION_1, _VERSION_3 = der.integer(1), der.integer(3)
_DIGEST_ALGORITHMS = tlv(der.SET, SHA256_ALGORITHM)

_EXPLICIT_0, _EXPLICIT_1 = 0xA0, 0xA1
_PRIMITIVE_0, _PRIMITIVE_1 = 0x80, 0x81
# The order of P-256: (r, s) and (r, n - s) are both valid ECDSA signatures, and only the smaller s is ours.
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_HALF_ORDER = P256_ORDER // 2

_THOUSAND = 1000
# What no certificate has at these places.
_INFO_MARK, _DIGEST_MARK = b"\xa5", b"\x5a" * DIGEST_SIZE
_MAX_SERIAL_BITS = 159


class TstInfo(NamedTuple):
    """What a token says. ``digest`` is the SHA-256 of the stamped bytes."""

    policy: str
    digest: bytes
    serial: int
    gen_time: datetime
    accuracy: timedelta
    nonce: int | None


class Token(NamedTuple):
    """The parts of a token: ``signed_attributes`` as signed, ``sid`` the issuer and serial number."""

    info: TstInfo
    content: bytes
    content_digest: bytes
    certificate_digest: bytes
    sid: bytes
    signed_attributes: bytes
    signature: bytes
    s: int


def read_imprint(element: bytes) -> tuple[bytes, bytes]:
    """The content of the algorithm identifier, and the digest, of one MessageImprint element."""
    reader = der.only(element)
    algorithm, digest = reader.read(der.SEQUENCE), reader.read(der.OCTET_STRING)
    reader.finish()
    return algorithm, digest


def is_sha256(algorithm: bytes) -> bool:
    """SHA-256 with its parameters absent or NULL: RFC 5754 §2 asks readers to take both."""
    return algorithm in {_SHA256, _SHA256_WITH_NULL}


class TstInfoWriter:
    """Writes the TSTInfo of all tokens of one instant: what they share is encoded once."""

    def __init__(self, policy: str, gen_time: datetime, accuracy: timedelta) -> None:
        """``policy`` is an OID, ``accuracy`` more than zero and at most a second."""
        self._start = _VERSION_1 + der.object_identifier(policy)
        self._end = der.generalized_time(gen_time) + _accuracy(accuracy)

    def write(self, imprint: bytes, serial: int, nonce: int | None) -> bytes:
        """The DER of one TSTInfo; ``imprint`` is a MessageImprint element."""
        nonce_element = b"" if nonce is None else der.integer(nonce)
        return tlv(der.SEQUENCE, self._start + imprint + der.integer(serial) + self._end + nonce_element)


def _accuracy(value: timedelta) -> bytes:
    millis, micros = divmod(value.microseconds, _THOUSAND)
    parts = (value.seconds, der.INTEGER), (millis, _PRIMITIVE_0), (micros, _PRIMITIVE_1)
    return tlv(der.SEQUENCE, b"".join(der.integer(part, tag) for part, tag in parts if part))


def signing_certificate(digest: bytes) -> bytes:
    """The signed attribute that names the signer's certificate by its SHA-256 (ESSCertIDv2, RFC 5816)."""
    certificate = tlv(der.SEQUENCE, tlv(der.OCTET_STRING, digest))
    value = tlv(der.SEQUENCE, tlv(der.SEQUENCE, certificate))
    return tlv(der.SEQUENCE, _SIGNING_CERTIFICATE_V2 + tlv(der.SET, value))


def signed_attributes(content_digest: bytes, certificate: bytes) -> bytes:
    """What the key signs: the three attributes, in DER order. ``certificate`` is `signing_certificate`."""
    digest = tlv(der.SEQUENCE, _MESSAGE_DIGEST + tlv(der.SET, tlv(der.OCTET_STRING, content_digest)))
    return tlv(der.SET, _CONTENT_TYPE + digest + certificate)


def signer_identifier(issuer: bytes, serial: int) -> bytes:
    """IssuerAndSerialNumber; ``issuer`` is the DER of the name."""
    return tlv(der.SEQUENCE, issuer + der.integer(serial))


def build_token(
    tst_info: bytes, *, sid: bytes, attributes: bytes, signature: bytes, certificate: bytes | None = None
) -> bytes:
    """The token around a signature. ``attributes`` are those signed, ``signature`` an ECDSA-Sig-Value."""
    signer = tlv(
        der.SEQUENCE,
        _VERSION_1
        + sid
        + SHA256_ALGORITHM
        + bytes((_EXPLICIT_0,))
        + attributes[1:]
        + _ECDSA_WITH_SHA256
        + tlv(der.OCTET_STRING, signature),
    )
    content = tlv(der.SEQUENCE, TST_INFO + tlv(_EXPLICIT_0, tlv(der.OCTET_STRING, tst_info)))
    signed_data = tlv(
        der.SEQUENCE,
        _VERSION_3
        + _DIGEST_ALGORITHMS
        + content
        + (b"" if certificate is None else tlv(_EXPLICIT_0, certificate))
        + tlv(der.SET, signer),
    )
    return tlv(der.SEQUENCE, SIGNED_DATA + tlv(_EXPLICIT_0, signed_data))


class TokenFrame:
    """The tokens, without certificate, of one signer: what `build_token` lays around each is made once per length."""

    def __init__(self, sid: bytes, certificate: bytes) -> None:
        """``certificate`` is `signing_certificate`."""
        self._sid = sid
        before, _, after = signed_attributes(_DIGEST_MARK, certificate).partition(_DIGEST_MARK)
        self._before, self._after = before, after
        self._around: dict[tuple[int, int], tuple[bytes, bytes, bytes]] = {}

    def attributes(self, content_digest: bytes) -> bytes:
        """As `signed_attributes`."""
        return self._before + content_digest + self._after

    def token(self, tst_info: bytes, content_digest: bytes, signature: bytes) -> bytes:
        """As `build_token`, to the byte."""
        lengths = len(tst_info), len(signature)
        around = self._around.get(lengths)
        if around is None:
            around = self._around[lengths] = self._lay_out(*lengths)
        return b"".join((around[0], tst_info, around[1], content_digest, around[2], signature))

    def _lay_out(self, info: int, signature: int) -> tuple[bytes, bytes, bytes]:
        """What stands before the TSTInfo, before its digest, and between that and the signature."""
        attributes, content = self.attributes(_DIGEST_MARK), _INFO_MARK * info
        whole = build_token(content, sid=self._sid, attributes=attributes, signature=bytes(signature))
        start, _, rest = whole.partition(content)
        middle, _, end = rest.partition(_DIGEST_MARK)
        return start, middle, end[: len(end) - signature]


def low_s(signature: bytes) -> bytes:
    """The one of (r, s) and (r, n - s) whose s is the smaller, from a canonical ECDSA-Sig-Value."""
    at = 4 + signature[3]
    s = int.from_bytes(signature[at + 2 :])
    if s <= P256_HALF_ORDER:
        return signature
    return tlv(der.SEQUENCE, signature[2:at] + der.integer(P256_ORDER - s))


def read_token(data: bytes) -> Token:
    """Take a token apart. Raises `TimestampError` when it has another shape than the format lays down."""
    try:
        return _read_token(data)
    except DerError as error:
        raise TimestampError(Fault.MALFORMED, str(error)) from error


def _read_token(data: bytes) -> Token:
    content_info = der.only(data)
    content_info.expect(SIGNED_DATA)
    signed_data = der.only(content_info.read(_EXPLICIT_0))
    content_info.finish()
    signed_data.expect(_VERSION_3 + _DIGEST_ALGORITHMS)
    encapsulated = signed_data.enter(der.SEQUENCE)
    encapsulated.expect(TST_INFO)
    explicit = Reader(encapsulated.read(_EXPLICIT_0))
    content = explicit.read(der.OCTET_STRING)
    explicit.finish()
    encapsulated.finish()
    if signed_data.optional(_EXPLICIT_0) is not None or signed_data.optional(_EXPLICIT_1) is not None:
        raise TimestampError(Fault.UNEXPECTED_PART, "it carries certificates, which its signature does not cover")
    signer = der.only(signed_data.read(der.SET))
    signed_data.finish()
    return _read_signer(signer, content)


def _read_signer(signer: Reader, content: bytes) -> Token:
    signer.expect(_VERSION_1)
    sid = signer.whole(der.SEQUENCE)
    signer.expect(SHA256_ALGORITHM)
    attributes = signer.read(_EXPLICIT_0)
    signer.expect(_ECDSA_WITH_SHA256)
    signature = signer.read(der.OCTET_STRING)
    if signer.more():
        raise TimestampError(Fault.UNEXPECTED_PART, "something follows its signature (unsigned attributes)")
    return Token(
        _read_tst_info(content),
        content,
        *_read_attributes(Reader(attributes)),
        sid,
        tlv(der.SET, attributes),
        signature,
        read_s(signature),
    )


def _read_attributes(attributes: Reader) -> tuple[bytes, bytes]:
    """The digest of the content and the digest of the signer's certificate."""
    attributes.expect(_CONTENT_TYPE)
    message_digest = attributes.enter(der.SEQUENCE)
    message_digest.expect(_MESSAGE_DIGEST)
    values = message_digest.enter(der.SET)
    message_digest.finish()
    content_digest = values.read(der.OCTET_STRING)
    values.finish()
    element = attributes.whole(der.SEQUENCE)
    attributes.finish()
    # The digest stands at the very end: the element is rebuilt from it and must be the same.
    certificate_digest = element[-DIGEST_SIZE:]
    if element != signing_certificate(certificate_digest):
        raise DerError("the signing certificate is not named in the expected way")
    return content_digest, certificate_digest


def read_s(signature: bytes) -> int:
    """The s of an ECDSA-Sig-Value. Raises `DerError` unless its encoding is canonical."""
    pair = der.only(signature)
    der.integer_value(pair.read(der.INTEGER))
    s = der.integer_value(pair.read(der.INTEGER))
    pair.finish()
    return s


def _read_tst_info(content: bytes) -> TstInfo:
    info = der.only(content)
    info.expect(_VERSION_1)
    policy = der.object_identifier_value(info.read(der.OID))
    algorithm, digest = read_imprint(info.whole(der.SEQUENCE))
    if not is_sha256(algorithm) or len(digest) != DIGEST_SIZE:
        raise DerError("the imprint is not a SHA-256 digest")
    serial = der.integer_value(info.read(der.INTEGER))
    gen_time = der.generalized_time_value(info.read(der.GENERALIZED_TIME))
    accuracy = _read_accuracy(info.enter(der.SEQUENCE))
    nonce = info.optional(der.INTEGER)
    info.finish()
    if serial < 1 or serial.bit_length() > _MAX_SERIAL_BITS:
        raise DerError("the serial number is out of range")
    return TstInfo(policy, digest, serial, gen_time, accuracy, None if nonce is None else der.integer_value(nonce))


def _read_accuracy(reader: Reader) -> timedelta:
    """The accuracy, which must be written as `TstInfoWriter` writes it and be at most a second."""
    parts = []
    for tag in (der.INTEGER, _PRIMITIVE_0, _PRIMITIVE_1):
        content = reader.optional(tag)
        part = 0 if content is None else der.integer_value(content)
        if part not in range(_THOUSAND) or (part == 0 and content is not None):
            raise DerError("the accuracy is not in its shortest form")
        parts.append(part)
    reader.finish()
    value = timedelta(seconds=parts[0], milliseconds=parts[1], microseconds=parts[2])
    if not timedelta(0) < value <= MAX_ACCURACY:
        raise DerError("the accuracy is not within a second")
    return value
