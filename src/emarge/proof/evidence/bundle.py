"""The container: a zip file with one possible spelling (docs/formats/bundle.md, *Container*)."""

import re
import struct
import zlib
from collections.abc import Iterator, Mapping

from emarge.proof.evidence.errors import BundleError

MAX_BUNDLE = 256 * 1024 * 1024
MAX_FILES = 65_534
MAX_NAME = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_VERSION = 10
_DATE = 0x0021  # 1980-01-01, the first day that the format can write
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")


def write(files: Mapping[str, bytes]) -> bytes:
    """The container of these files. Raises BundleError for a name or a size that it cannot hold."""
    for name in files:
        _check_name(name)
    if len(files) > MAX_FILES:
        raise BundleError(f"a bundle holds at most {MAX_FILES} files, not {len(files)}")
    overhead = sum(_LOCAL.size + _CENTRAL.size + 2 * len(name) for name in files) + _END.size
    if overhead + sum(map(len, files.values())) > MAX_BUNDLE:
        raise BundleError(f"a bundle is at most {MAX_BUNDLE} bytes long")
    return b"".join(piece for _, piece in _pieces(files))


def read(data: bytes) -> dict[str, bytes]:
    """The files of a container, by name. Raises BundleError for a byte ``write`` would not write."""
    if not data:
        raise BundleError("the file is empty")
    if len(data) > MAX_BUNDLE:
        raise BundleError(f"the file is larger than {MAX_BUNDLE} bytes")
    if not data.startswith(_LOCAL_MARK):
        raise BundleError("the file is not a zip container")
    files = _walk(data)
    view, position = memoryview(data), 0
    for name, piece in _pieces(files):
        found = view[position : position + len(piece)]
        if found != piece:
            place = position + _first_difference(found, piece)
            raise BundleError(f"the container is not in its canonical form at byte {place}", name)
        position += len(piece)
    if position != len(data):
        raise BundleError(f"{len(data) - position} bytes follow the end of the container")
    return files


def _walk(data: bytes) -> dict[str, bytes]:
    """The files by their local headers; what these do not say is compared afterwards."""
    files: dict[str, bytes] = {}
    previous, position = "", 0
    while data.startswith(_LOCAL_MARK, position):
        if len(files) == MAX_FILES:
            raise BundleError(f"the container holds more than {MAX_FILES} files")
        start = position + _LOCAL.size
        if start > len(data):
            raise BundleError("the container is cut short", previous)
        *_, checksum, size, _, length, _ = _LOCAL.unpack_from(data, position)
        name = data[start : start + length].decode("ascii", "replace")
        _check_name(name)
        content = data[start + length : start + length + size]
        if len(content) != size:
            raise BundleError("the container is cut short", name)
        if name == previous:
            raise BundleError("the name stands twice", name)
        if name < previous:
            raise BundleError("the names are not in ascending order", name)
        if zlib.crc32(content) != checksum:
            raise BundleError("its bytes do not match their checksum", name)
        files[name] = content
        previous, position = name, start + length + size
    return files


def _pieces(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """The container piece by piece, each with the file that it speaks of (none for the end)."""
    offset, central = 0, []
    for name in sorted(files):
        content = files[name]
        encoded = name.encode("ascii")
        facts = (_VERSION, 0, 0, 0, _DATE, zlib.crc32(content), len(content), len(content), len(encoded), 0)
        yield name, _LOCAL.pack(_LOCAL_MARK, *facts) + encoded
        yield name, content
        central.append((name, _CENTRAL.pack(_CENTRAL_MARK, _VERSION, *facts, 0, 0, 0, 0, offset) + encoded))
        offset += _LOCAL.size + len(encoded) + len(content)
    yield from central
    length = sum(len(piece) for _, piece in central)
    yield "", _END.pack(_END_MARK, 0, 0, len(central), len(central), length, offset, 0)


def _check_name(name: str) -> None:
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise BundleError(f"not a name of a file of a bundle: {name!r:.120}")


def _first_difference(found: memoryview, expected: bytes) -> int:
    pairs = enumerate(zip(found, expected, strict=False))
    return next((offset for offset, (a, b) in pairs if a != b), len(found))
