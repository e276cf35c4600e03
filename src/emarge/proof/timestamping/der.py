"""DER for the few types that RFC 3161 needs: written by concatenation, read strictly (X.690).

One value has one encoding here: the reader refuses indefinite and non-minimal lengths, padded integers
and trailing bytes.
"""

import re
from datetime import UTC, datetime

INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x02, 0x03, 0x04, 0x05, 0x06
UTF8_STRING, GENERALIZED_TIME, BOOLEAN = 0x0C, 0x18, 0x01
SEQUENCE, SET = 0x30, 0x31

_LONG_FORM = 0x80
_MAX_LENGTH_OCTETS = 3
_GENERALIZED = re.compile(rb"(\d{14})(?:\.(\d{0,5}[1-9]))?Z")


class DerError(ValueError):
    """The bytes are not the DER that was expected at this place."""


def tlv(tag: int, content: bytes) -> bytes:
    """One element: tag, minimal length, content."""
    length = len(content)
    if length < _LONG_FORM:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((tag, _LONG_FORM | len(octets))) + octets + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """An INTEGER in the fewest octets of two's complement."""
    magnitude = value if value >= 0 else ~value
    return tlv(tag, value.to_bytes(magnitude.bit_length() // 8 + 1, signed=True))


def object_identifier(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER from its dotted form; arcs may be of any size."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    content = bytearray()
    for arc in (40 * first + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(_LONG_FORM | (arc & 0x7F))
        content += bytes(reversed(groups))
    return tlv(OID, bytes(content))


def generalized_time(at: datetime) -> bytes:
    """A GeneralizedTime in UTC, with only the decimals that are needed (RFC 3161 §2.4.2)."""
    text = f"{at:%Y%m%d%H%M%S}"
    if at.microsecond:
        text += f".{at.microsecond:06d}".rstrip("0")
    return tlv(GENERALIZED_TIME, text.encode("ascii") + b"Z")


def integer_value(content: bytes) -> int:
    """The value of an INTEGER's content octets."""
    padded = len(content) > 1 and (content[0], content[1] >> 7) in {(0, 0), (0xFF, 1)}
    if not content or padded:
        raise DerError("an integer is not in its shortest form")
    return int.from_bytes(content, signed=True)


def object_identifier_value(content: bytes) -> str:
    """The dotted form of an OBJECT IDENTIFIER's content octets."""
    arcs, arc, fresh = [], 0, True
    for octet in content:
        if fresh and octet == _LONG_FORM:
            raise DerError("an object identifier has a padded arc")
        arc = arc << 7 | octet & 0x7F
        fresh = octet < _LONG_FORM
        if fresh:
            arcs.append(arc)
            arc = 0
    if not arcs or not fresh:
        raise DerError("an object identifier is cut short")
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def generalized_time_value(content: bytes) -> datetime:
    """The instant of a GeneralizedTime's content octets: UTC, at most six decimals, no trailing zero."""
    match = _GENERALIZED.fullmatch(content)
    if match is None:
        raise DerError("a time is not in the canonical UTC form")
    digits, micros = match[1], int((match[2] or b"0").ljust(6, b"0"))
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:8])
    hour, minute, second = int(digits[8:10]), int(digits[10:12]), int(digits[12:])
    try:
        return datetime(year, month, day, hour, minute, second, micros, tzinfo=UTC)
    except ValueError as error:
        raise DerError("a time does not exist") from error


class Reader:
    """Walks the elements of one DER value in order. Every method raises `DerError`."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._end = data, 0, len(data)

    def read(self, tag: int) -> bytes:
        """The content of the next element, which must have this tag."""
        data, start = self._data, self._at + 2
        if start > self._end or data[start - 2] != tag:
            raise DerError(f"an element with tag {tag:#04x} was expected")
        length = data[start - 1]
        if length >= _LONG_FORM:
            start, length = self._long_length(start, length - _LONG_FORM)
        end = start + length
        if end > self._end:
            raise DerError("the bytes end too early")
        self._at = end
        return data[start:end]

    def _long_length(self, at: int, count: int) -> tuple[int, int]:
        """Where the content starts, and its length, which ``count`` octets hold."""
        if not 1 <= count <= _MAX_LENGTH_OCTETS:
            raise DerError("a length is indefinite or too long")
        length = int.from_bytes(self._data[at : at + count])
        if length < _LONG_FORM or length >> (8 * count - 8) == 0:
            raise DerError("a length is not in its shortest form")
        return at + count, length

    def whole(self, tag: int) -> bytes:
        """The next element, tag and length included."""
        start = self._at
        self.read(tag)
        return self._data[start : self._at]

    def optional(self, tag: int) -> bytes | None:
        """The content of the next element when it has this tag, else None."""
        return self.read(tag) if self._at < self._end and self._data[self._at] == tag else None

    def enter(self, tag: int) -> "Reader":
        """A reader over the content of the next element."""
        return Reader(self.read(tag))

    def expect(self, element: bytes) -> None:
        """The next bytes must be exactly this element."""
        if not self._data.startswith(element, self._at):
            raise DerError("a part has another value than the format lays down")
        self._at += len(element)

    def rest(self) -> bytes:
        """Everything that is left, whatever it is."""
        start, self._at = self._at, self._end
        return self._data[start : self._end]

    def more(self) -> bool:
        """Whether anything is left."""
        return self._at < self._end

    def finish(self) -> None:
        """Nothing may be left."""
        if self._at != self._end:
            raise DerError("there are bytes too many")


def only(data: bytes, tag: int = SEQUENCE) -> Reader:
    """A reader over the content of the one element that the bytes are."""
    outer = Reader(data)
    inner = outer.enter(tag)
    outer.finish()
    return inner
