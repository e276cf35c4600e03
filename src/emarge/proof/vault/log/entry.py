"""What is logged for one record: the record's bytes and its timestamp token. See docs/formats/entry.md."""

import struct
from dataclasses import dataclass

from emarge.proof.vault.errors import EntryError

MAX_ENTRY = 65_535
_LENGTH = struct.Struct(">H")


@dataclass(frozen=True)
class Entry:
    """The record as it was deposited, and the token that covers it; both opaque here."""

    payload: bytes
    stamp: bytes


def encode(payload: bytes, stamp: bytes) -> bytes:
    """The bytes of an entry; raises EntryError when a part is empty or the whole exceeds 65,535 bytes."""
    if not payload or not stamp:
        raise EntryError("an entry holds a record and its timestamp token")
    if _LENGTH.size + len(payload) + len(stamp) > MAX_ENTRY:
        raise EntryError(f"an entry is at most {MAX_ENTRY} bytes long")
    return _LENGTH.pack(len(payload)) + payload + stamp


def decode(data: bytes) -> Entry:
    """Read an entry; raises EntryError. Every byte belongs to the record, to the token or to the length."""
    end = _LENGTH.size + check(data)
    return Entry(data[_LENGTH.size : end], data[end:])


def check(data: bytes) -> int:
    """The length of the record in an entry; raises EntryError when these bytes are none."""
    if not _LENGTH.size < len(data) <= MAX_ENTRY:
        raise EntryError(f"an entry is 3 to {MAX_ENTRY} bytes long")
    (length,) = _LENGTH.unpack_from(data)
    if not 0 < length < len(data) - _LENGTH.size:
        raise EntryError("an entry holds a record and its timestamp token")
    return int(length)
