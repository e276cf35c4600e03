"""Makes a picture of a screen small: the 256 colours that it holds most, the others by the nearest of them."""

import struct
import zlib
from collections import Counter
from functools import partial

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = 256


def smaller(picture: bytes) -> bytes:
    """The same picture as a PNG (W3C, third edition) with a palette. It must be 8-bit RGB, as a browser takes it."""
    chunks = _chunks(picture)
    width, height, depth, colour_type = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colour_type) == (8, 2)
    rows = _rows(zlib.decompress(chunks[b"IDAT"]), 3 * width, height)
    pixels = [[row[at : at + 3] for at in range(0, len(row), 3)] for row in rows]
    counts = Counter(colour for row in pixels for colour in row)
    palette = [colour for colour, _count in counts.most_common(_COLOURS)]
    places = {colour: number for number, colour in enumerate(palette)}
    for colour in counts.keys() - places.keys():
        places[colour] = places[min(palette, key=partial(_distance, colour))]
    lines = b"".join(b"\0" + bytes(places[colour] for colour in row) for row in pixels)
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            (b"PLTE", b"".join(palette)),
            (b"IDAT", zlib.compress(lines, 9)),
            (b"IEND", b""),
        )
    )


def _distance(colour: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(colour, other, strict=True))


def _chunks(picture: bytes) -> dict[bytes, bytes]:
    """The chunks by name, those of the same name joined."""
    chunks: dict[bytes, bytes] = {}
    at = len(_SIGNATURE)
    while at < len(picture):
        length, name = struct.unpack(">I4s", picture[at : at + 8])
        chunks[name] = chunks.get(name, b"") + picture[at + 8 : at + 8 + length]
        at += length + 12
    return chunks


def _rows(data: bytes, size: int, height: int) -> list[bytes]:
    """Undo the filter of each row (PNG, section 9)."""
    rows, above = [], bytes(size)
    for number in range(height):
        start = number * (size + 1)
        row = bytearray(data[start + 1 : start + 1 + size])
        kind = data[start]
        for at in range(size) if kind else ():
            left = row[at - 3] if at >= 3 else 0
            row[at] = (row[at] + _predicted(kind, left, above[at], above[at - 3] if at >= 3 else 0)) & 255
        above = bytes(row)
        rows.append(above)
    return rows


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    if kind < 4:
        return (0, left, up, (left + up) // 2)[kind]
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))
