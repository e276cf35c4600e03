"""Timestamp requests and responses, as docs/formats/timestamping.md lays them down (RFC 3161 §2.4)."""

from enum import IntEnum
from typing import NamedTuple

from emarge.proof.timestamping import der
from emarge.proof.timestamping.der import DerError, Reader, tlv
from emarge.proof.timestamping.tokens import DIGEST_SIZE, SHA256_ALGORITHM, is_sha256, read_imprint

# Between our client and our server: requests, or responses, one after the other (DER carries its own length).
BATCH_LIMIT = 500
BATCH_MEDIA_TYPE = "application/octet-stream"

_VERSION_1 = der.integer(1)
_IMPRINT = tlv(der.SEQUENCE, SHA256_ALGORITHM + tlv(der.OCTET_STRING, bytes(DIGEST_SIZE)))[:-DIGEST_SIZE]
_MARK = b"\x5a" * DIGEST_SIZE
_NEGATIVE = 0x80
_TRUE = tlv(der.BOOLEAN, b"\xff")
_GRANTED = tlv(der.SEQUENCE, der.integer(0))
_REJECTION = der.integer(2)
_IMPLICIT_EXTENSIONS = 0xA0


class Failure(IntEnum):
    """PKIFailureInfo (RFC 3161 §2.4.2): the number is the bit."""

    BAD_ALG = 0
    BAD_REQUEST = 2
    BAD_DATA_FORMAT = 5
    TIME_NOT_AVAILABLE = 14
    UNACCEPTED_POLICY = 15
    UNACCEPTED_EXTENSION = 16
    SYSTEM_FAILURE = 25

    @property
    def word(self) -> str:
        """Its name in RFC 3161: badAlg, timeNotAvailable, …"""
        first, *others = self.name.lower().split("_")
        return first + "".join(other.capitalize() for other in others)


class RejectedError(Exception):
    """A request that gets no token: which bit, and a sentence for whoever sent it."""

    def __init__(self, failure: Failure, text: str) -> None:
        super().__init__(text)
        self.failure = failure


class Request(NamedTuple):
    """A TimeStampReq that can be answered; ``imprint`` is its MessageImprint, given back unchanged."""

    imprint: bytes
    policy: str | None
    nonce: int | None
    with_certificate: bool


def imprint_of(digest: bytes) -> bytes:
    """The MessageImprint of a SHA-256 digest."""
    return _IMPRINT + digest


def build_request(digest: bytes, *, nonce: int, policy: str | None = None, with_certificate: bool = False) -> bytes:
    """A TimeStampReq for one SHA-256 digest, with a nonce, under a policy (an OID) when one is wanted."""
    wanted = b"" if policy is None else der.object_identifier(policy)
    asked = wanted + der.integer(nonce) + (_TRUE if with_certificate else b"")
    return tlv(der.SEQUENCE, _VERSION_1 + imprint_of(digest) + asked)


# What our client sends is known at a glance: a digest, a positive nonce of eight octets, nothing else.
_USUAL, _, _USUAL_END = build_request(_MARK, nonce=1 << 62).partition(_MARK)
_USUAL_SIZE = len(_USUAL) + DIGEST_SIZE + len(_USUAL_END)
_AT_IMPRINT = len(_USUAL) - len(_IMPRINT)
_AT_NONCE = _USUAL_SIZE - 8
_USUAL_NONCE = _USUAL_END[:2]


def read_request(data: bytes) -> Request:
    """Read a TimeStampReq. Raises `RejectedError` with the bit that RFC 3161 asks for."""
    usual = len(data) == _USUAL_SIZE and data.startswith(_USUAL) and data.startswith(_USUAL_NONCE, _AT_NONCE - 2)
    if usual and 0 < data[_AT_NONCE] < _NEGATIVE:
        return Request(
            data[_AT_IMPRINT : _AT_NONCE - 2], None, int.from_bytes(data[_AT_NONCE:]), with_certificate=False
        )
    try:
        reader = der.only(data)
        version = der.integer_value(reader.read(der.INTEGER))
        imprint = reader.whole(der.SEQUENCE)
        algorithm, digest = read_imprint(imprint)
        policy = reader.optional(der.OID)
        nonce = reader.optional(der.INTEGER)
        with_certificate = reader.optional(der.BOOLEAN)
        extensions = reader.optional(_IMPLICIT_EXTENSIONS)
        reader.finish()
        request = Request(
            imprint,
            None if policy is None else der.object_identifier_value(policy),
            None if nonce is None else der.integer_value(nonce),
            # FALSE is the default and DER leaves it out, but clients write it and it says the same.
            with_certificate is not None and with_certificate != b"\x00",
        )
    except DerError as error:
        raise RejectedError(Failure.BAD_DATA_FORMAT, f"This is not a timestamp request: {error}.") from error
    if version != 1:
        raise RejectedError(Failure.BAD_REQUEST, "Only version 1 of the request exists.")
    if not is_sha256(algorithm):
        raise RejectedError(Failure.BAD_ALG, "Only SHA-256 digests are stamped.")
    if len(digest) != DIGEST_SIZE:
        raise RejectedError(Failure.BAD_DATA_FORMAT, "A SHA-256 digest has 32 octets.")
    if extensions is not None:
        raise RejectedError(Failure.UNACCEPTED_EXTENSION, "No extension is known.")
    return request


def split(data: bytes) -> list[bytes]:
    """Cut concatenated DER elements (requests or responses) apart. Raises `DerError`."""
    reader, pieces = Reader(data), []
    while reader.more():
        pieces.append(reader.whole(der.SEQUENCE))
    return pieces


def granted(token: bytes) -> bytes:
    """A TimeStampResp that carries a token."""
    return tlv(der.SEQUENCE, _GRANTED + token)


def rejection(failure: Failure, text: str) -> bytes:
    """A TimeStampResp without a token: one failure bit and one sentence."""
    octets = bytearray(failure // 8 + 1)
    octets[-1] = 0x80 >> failure % 8
    unused = 7 - failure % 8
    status = (
        _REJECTION
        + tlv(der.SEQUENCE, tlv(der.UTF8_STRING, text.encode()))
        + tlv(der.BIT_STRING, bytes((unused,)) + octets)
    )
    return tlv(der.SEQUENCE, tlv(der.SEQUENCE, status))


def read_response(data: bytes) -> bytes:
    """The token of a TimeStampResp. Raises `RejectedError` on a refusal, `DerError` when it is none."""
    reader = der.only(data)
    status = reader.enter(der.SEQUENCE)
    if der.integer_value(status.read(der.INTEGER)) == 0:
        token = reader.whole(der.SEQUENCE)
        reader.finish()
        return token
    texts = status.optional(der.SEQUENCE)
    bits = status.optional(der.BIT_STRING)
    status.finish()
    reader.finish()
    failure = next((known for known in Failure if _has_bit(bits, known)), Failure.SYSTEM_FAILURE)
    raise RejectedError(failure, _first_text(texts))


def _has_bit(bits: bytes | None, number: int) -> bool:
    octet = number // 8 + 1
    return bits is not None and octet < len(bits) and bool(bits[octet] & 0x80 >> number % 8)


def _first_text(texts: bytes | None) -> str:
    if not texts:
        return "no reason given"
    return Reader(texts).read(der.UTF8_STRING).decode("utf-8", "replace")
