"""Names and bytes of C2SP ``tlog-tiles``: where hashes and entries stand. See docs/formats/log.md."""

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emarge.proof.vault.errors import CorruptVault
from emarge.proof.vault.log.merkle import HASH_SIZE

WIDTH = 256
ENTRIES = -1
_LENGTH = struct.Struct(">H")
_PATH = re.compile(
    r"tile/(entries|0|[1-5]?[0-9]|6[0-3])/((?:x[0-9]{3}/){0,5})([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, order=True)
class Tile:
    """A tile of hashes, or a bundle of entries when ``level`` is ENTRIES; ``width`` is 1 to 256."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Its path under the log's prefix."""
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
        name = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
        level = "entries" if self.level == ENTRIES else str(self.level)
        return f"tile/{level}/{name}" + (f".p/{self.width}" if self.width < WIDTH else "")

    @property
    def full(self) -> "Tile":
        return Tile(self.level, self.index)


def parse_path(path: str) -> Tile | None:
    """The tile of a path, or None when the path is not written in the one form."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    level, groups, last, width = match.groups()
    index = int(groups.replace("x", "").replace("/", "") + last)
    tile = Tile(ENTRIES if level == "entries" else int(level), index, int(width) if width else WIDTH)
    return tile if tile.path == path else None


def width_at(level: int, index: int, size: int) -> int:
    """How many hashes (or entries) of a tile exist in a tree of ``size`` entries: 0 to 256."""
    count = size if level == ENTRIES else size >> 8 * level
    return max(0, min(WIDTH, count - index * WIDTH))


def tiles_of(size: int) -> Iterator[Tile]:
    """Every bundle and tile of a tree of ``size`` entries, the last one of each level partial."""
    level, count = 0, size
    while count:
        for index in range(-(-count // WIDTH)):
            width = min(WIDTH, count - index * WIDTH)
            if level == 0:
                yield Tile(ENTRIES, index, width)
            yield Tile(level, index, width)
        level, count = level + 1, count // WIDTH


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries, each after its length."""
    return b"".join(_LENGTH.pack(len(entry)) + entry for entry in entries)


def decode_bundle(data: bytes, name: str) -> list[bytes]:
    """The entries of a bundle; CorruptVault, naming it, when its lengths do not add up."""
    entries: list[bytes] = []
    position = 0
    while position < len(data):
        start = position + _LENGTH.size
        if start > len(data):
            raise CorruptVault(f"{name} is cut short")
        position = start + _LENGTH.unpack_from(data, position)[0]
        entries.append(data[start:position])
    if position != len(data):
        raise CorruptVault(f"{name} is cut short")
    return entries


def decode_hashes(data: bytes, name: str) -> list[bytes]:
    """The hashes of a tile; CorruptVault, naming it, when they are not whole."""
    if len(data) % HASH_SIZE:
        raise CorruptVault(f"{name} is cut short")
    return [data[start : start + HASH_SIZE] for start in range(0, len(data), HASH_SIZE)]


def cut(tile: Tile, data: bytes) -> bytes:
    """The first ``tile.width`` hashes or entries of the bytes of a tile at least that wide."""
    if tile.level == ENTRIES:
        return encode_bundle(_first(tile, decode_bundle(data, tile.path)))
    return b"".join(_first(tile, decode_hashes(data, tile.path)))


def _first(tile: Tile, parts: list[bytes]) -> list[bytes]:
    if len(parts) < tile.width:
        raise CorruptVault(f"{tile.path} holds {len(parts)} of its {tile.width} parts")
    return parts[: tile.width]
