"""The bodies of a mirror's requests, both ways: C2SP ``tlog-witness`` and ``tlog-mirror`` (docs/formats/mirror.md)."""

import base64
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emarge.proof.vault.errors import CheckpointError, VaultRefused
from emarge.proof.vault.log.checkpoint import MAX_SIZE, decode_base64
from emarge.proof.vault.log.merkle import HASH_SIZE
from emarge.proof.vault.log.tiles import WIDTH, encode_bundle

MAX_BODY = 32 * 1024 * 1024
MAX_HASHES = 63
MAX_PACKAGES = 32
INFO = "text/x.tlog.mirror-info"
SIZE = "text/x.tlog.size"
MAX_DESTROYED = 256
"""Packages of hashes in one upload."""
_LONG = struct.Struct(">I")
_LENGTH = struct.Struct(">H")
_RANGE = struct.Struct(">QQ")
_LONGEST_NUMBER = 19
_INFO_LINES = 4


@dataclass(frozen=True)
class Package:
    """The entries from ``start`` on, in one aligned run of 256, and the proof of the run up to their last."""

    start: int
    entries: tuple[bytes, ...]
    proof: tuple[bytes, ...]

    @property
    def end(self) -> int:
        return self.start + len(self.entries)


@dataclass(frozen=True)
class Upload:
    """What ``add-entries`` brings: for the pending checkpoint of size ``end``, the whole packages that came."""

    origin: str
    start: int
    end: int
    packages: tuple[Package, ...]

    @property
    def next(self) -> int:
        """The index after the last entry that came."""
        return self.packages[-1].end if self.packages else self.start


@dataclass(frozen=True)
class Info:
    """Where a mirror stands: size of its pending checkpoint, and the next entry it wants."""

    pending: int
    next: int


def dump_checkpoint(old_size: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """The body of ``add-checkpoint``."""
    hashes = "".join(base64.b64encode(value).decode("ascii") + "\n" for value in proof)
    return f"old {old_size}\n{hashes}\n".encode() + note


def load_checkpoint(body: bytes) -> tuple[int, list[bytes], bytes]:
    """Old size, consistency proof and note; VaultRefused when the body is malformed."""
    head, separator, note = body.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
        proof = [decode_base64(line, HASH_SIZE) for line in lines]
    except (UnicodeDecodeError, CheckpointError):
        raise _malformed("a line of the consistency proof is not a hash in base64") from None
    if not separator or not first.startswith("old ") or len(proof) > MAX_HASHES:
        raise _malformed("the body is an old size, up to 63 hashes, an empty line and a checkpoint")
    return number(first[4:]), proof, note


def spans(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The packages of an upload: each aligned run of 256 indexes, cut to ``[start, end)``."""
    while start < end:
        stop = min(end, (start // WIDTH + 1) * WIDTH)
        yield start, stop
        start = stop


def dump_entries(upload: Upload) -> bytes:
    """The body of ``add-entries``."""
    origin = upload.origin.encode()
    parts = [_LENGTH.pack(len(origin)), origin, _RANGE.pack(upload.start, upload.end), _LENGTH.pack(0)]
    for package in upload.packages:
        parts += [encode_bundle(package.entries), bytes([len(package.proof)]), *package.proof]
    return b"".join(parts)


def dump_destroyed(certificate: bytes, upload: Upload) -> bytes:
    """The body of ``add-destroyed``; the entries of the packages are leaf hashes."""
    packages = [b"".join((*one.entries, bytes([len(one.proof)]), *one.proof)) for one in upload.packages]
    header = dump_entries(Upload(upload.origin, upload.start, upload.end, ()))
    return b"".join((_LONG.pack(len(certificate)), certificate, header, *packages))


def load_destroyed(body: bytes) -> tuple[bytes, Upload]:
    """Read it: the certificate file, and packages of 256 leaf hashes each; VaultRefused when it is malformed."""
    cursor = _Cursor(body)
    try:
        certificate = cursor.take(int(_LONG.unpack(cursor.take(_LONG.size))[0]))
        origin, start, end = cursor.header()
        packages: list[Package] = []
        while not cursor.ended and len(packages) < MAX_DESTROYED:
            leaves = tuple(cursor.take(HASH_SIZE) for _ in range(WIDTH))
            packages.append(Package(start + WIDTH * len(packages), leaves, cursor.proof()))
    except (_ShortError, UnicodeDecodeError):
        raise _malformed("the upload is cut short") from None
    if not packages or not cursor.ended or start % WIDTH or packages[-1].end > end:
        raise _malformed("the upload is 1 to 256 whole runs of 256 hashes")
    return certificate, Upload(origin, start, end, tuple(packages))


def load_entries(body: bytes) -> Upload:
    """Read it, leaving out what follows the last whole package; VaultRefused when not even the header is whole."""
    cursor = _Cursor(body)
    try:
        origin, start, end = cursor.header()
    except (_ShortError, UnicodeDecodeError):
        raise _malformed("the header of the upload is cut short") from None
    packages = []
    try:
        for first, stop in spans(start, end):
            if cursor.ended:
                break
            entries = tuple(cursor.take(cursor.length()) for _ in range(first, stop))
            packages.append(Package(first, entries, cursor.proof()))
    except _ShortError:
        if not packages:
            raise _malformed("the first package is cut short") from None
    return Upload(origin, start, end, tuple(packages))


def dump_info(info: Info) -> bytes:
    """The body of 202 and 409: pending size, next entry, an empty ticket."""
    return f"{info.pending}\n{info.next}\n\n".encode()


def load_info(body: bytes) -> Info:
    """Read it; VaultRefused when it is malformed."""
    lines = body.decode("ascii", "replace").split("\n")
    if len(lines) != _INFO_LINES or lines[3]:
        raise _malformed("the mirror does not say where it stands")
    return Info(number(lines[0]), number(lines[1]))


def number(text: str) -> int:
    """A decimal below 2^63 without leading zeros; VaultRefused otherwise."""
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER and str(int(text)) == text):
        raise _malformed("a size is a decimal number without leading zeros")
    if int(text) > MAX_SIZE:
        raise _malformed("a size is below 2^63")
    return int(text)


class _ShortError(Exception):
    pass


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def ended(self) -> bool:
        return self._position == len(self._data)

    def take(self, count: int) -> bytes:
        start, self._position = self._position, self._position + count
        if self._position > len(self._data):
            raise _ShortError
        return self._data[start : self._position]

    def length(self) -> int:
        return int(_LENGTH.unpack(self.take(_LENGTH.size))[0])

    def header(self) -> tuple[str, int, int]:
        """Origin, start and end of an upload."""
        origin = self.take(self.length()).decode("utf-8")
        start, end = _RANGE.unpack(self.take(_RANGE.size))
        self.take(self.length())
        return origin, start, end

    def proof(self) -> tuple[bytes, ...]:
        """The proof of a package."""
        count = self.take(1)[0]
        if count > MAX_HASHES:
            raise _malformed("a package has at most 63 hashes")
        return tuple(self.take(HASH_SIZE) for _ in range(count))


def _malformed(text: str) -> VaultRefused:
    return VaultRefused("bad_request", text)
