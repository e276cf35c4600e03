"""A drawn signature as compact integers (docs/formats/drawing.md)."""

import math
import re
from dataclasses import dataclass
from itertools import accumulate, pairwise

import orjson

from emarge.attendance.rules import Refusal

MAX_WIDTH, MAX_HEIGHT = 600, 300
MAX_STROKES = 64
MAX_POINTS = 4_000
MAX_DRAWING_TEXT = 24 * 1024
MIN_DRAWING_LENGTH = 20
"""In units of the drawing: shorter is a slip of the finger, not a signature."""

_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")
_NO_DIGITS = str.maketrans("", "", "0123456789")

Point = tuple[int, int]


class DrawingRefusedError(ValueError):
    """The drawing is not taken; ``refusal`` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True)
class Drawing:
    """Strokes of absolute points, inside ``width`` by ``height`` units, y downwards. No time, no pressure."""

    width: int
    height: int
    strokes: tuple[tuple[Point, ...], ...]


def parse_drawing(text: str) -> Drawing:
    """Read the text form ``v1;WIDTHxHEIGHT;x,y dx,dy …;…``; there is exactly one text for a drawing.

    Raises DrawingRefusedError: empty (nothing drawn, or a slip), too large, or malformed.
    """
    width, height, strokes = _read(text)
    return Drawing(width, height, tuple(tuple(zip(across, down, strict=True)) for across, down in strokes))


def check_drawing(text: str) -> None:
    """Refuse a text as ``parse_drawing`` does, at a third of its cost: a lecture hall sends a million points."""
    _read(text)


Stroke = tuple[list[int], list[int]]
"""The abscissas and the ordinates of its points."""


def _read(text: str) -> tuple[int, int, list[Stroke]]:
    if len(text) > MAX_DRAWING_TEXT:
        raise DrawingRefusedError(Refusal.DRAWING_TOO_LARGE)
    if not text:
        raise DrawingRefusedError(Refusal.DRAWING_EMPTY)
    version, _, rest = text.partition(";")
    size, _, strokes = rest.partition(";")
    found = _SIZE.fullmatch(size)
    if version != "v1" or found is None:
        raise DrawingRefusedError(Refusal.DRAWING_MALFORMED)
    width, height = int(found[1]), int(found[2])
    if width > MAX_WIDTH or height > MAX_HEIGHT:
        raise DrawingRefusedError(Refusal.DRAWING_TOO_LARGE)
    if not strokes:
        raise DrawingRefusedError(Refusal.DRAWING_EMPTY)
    if strokes.count(";") >= MAX_STROKES or strokes.count(",") > MAX_POINTS:
        raise DrawingRefusedError(Refusal.DRAWING_TOO_LARGE)
    read = [_stroke(part, width, height) for part in strokes.split(";")]
    if not any(long for _, long in read) and sum(_length(stroke) for stroke, _ in read) < MIN_DRAWING_LENGTH:
        raise DrawingRefusedError(Refusal.DRAWING_EMPTY)
    return width, height, [stroke for stroke, _ in read]


def _stroke(text: str, width: int, height: int) -> tuple[Stroke, bool]:
    """One stroke, a first absolute point and then steps from the point before; whether it is surely no slip.

    Its numbers are read as JSON, whose integers are ours but for -0, and which is read fast.
    """
    signs = text.translate(_NO_DIGITS)
    if signs.replace("-", "") != "," + " ," * text.count(" ") or "-0" in text:
        raise DrawingRefusedError(Refusal.DRAWING_MALFORMED)
    try:
        numbers = orjson.loads(f"[{text.replace(' ', ',')}]")
    except orjson.JSONDecodeError:
        raise DrawingRefusedError(Refusal.DRAWING_MALFORMED) from None
    across, down = list(accumulate(numbers[0::2])), list(accumulate(numbers[1::2]))
    left, right, top, bottom = min(across), max(across), min(down), max(down)
    if left < 0 or right > width or top < 0 or bottom > height:
        raise DrawingRefusedError(Refusal.DRAWING_MALFORMED)
    return (across, down), max(right - left, bottom - top) >= MIN_DRAWING_LENGTH


def _length(stroke: Stroke) -> float:
    return sum(math.dist(a, b) for a, b in pairwise(zip(*stroke, strict=True)))
