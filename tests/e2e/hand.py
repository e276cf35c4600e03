"""Signatures as hands draw them: loops that run along a line, each person's own, in a box of 600 by 300."""

import math
import random
from itertools import pairwise

Point = tuple[float, float]

_LEFT, _RIGHT, _LINE = 80, 520, 175
_STEPS = 14  # points a loop


def strokes(login: str) -> list[list[Point]]:
    """The strokes of somebody's signature: a tall first letter, smaller loops, often a flourish under them."""
    hand = random.Random(login)
    written = _loops(hand)
    if hand.random() < 0.6:
        slope, y = hand.uniform(-18, 6), _LINE + hand.uniform(45, 70)
        written.append([(150 + step * 30, y + slope * step / 10 + 6 * math.sin(step / 3)) for step in range(11)])
    return written


def text(login: str) -> str:
    """The same, as a browser posts it (docs/formats/drawing.md)."""
    parts = ["v1;600x300"]
    for stroke in strokes(login):
        points = [(round(x), round(y)) for x, y in stroke]
        steps = [(bx - ax, by - ay) for (ax, ay), (bx, by) in pairwise(points)]
        parts.append(" ".join(f"{x},{y}" for x, y in [points[0], *steps]))
    return ";".join(parts)


def _loops(hand: random.Random) -> list[list[Point]]:
    count = hand.randint(5, 8)
    heights = [
        hand.uniform(75, 105),
        *(hand.choice([18, 22, 28, 34, 62]) * hand.uniform(0.8, 1.2) for _ in range(count)),
    ]
    lean, phase, slope = hand.uniform(0.1, 0.45), hand.uniform(-0.4, 1.5), hand.uniform(-0.14, 0.04)
    advance = (_RIGHT - _LEFT) / (count + 1.5)
    points: list[Point] = []
    for number, height in enumerate(heights):
        for step in range(_STEPS):
            angle = phase + 2 * math.pi * step / _STEPS
            along = number + step / _STEPS + (0.5 if number else 0)
            rise = height * math.sin(angle) - (height * 0.5 if height > 50 else 0)
            x = _LEFT + advance * along + 0.75 * min(height, 45) * math.cos(angle) - lean * rise
            points.append((min(max(x, 20), 580), min(max(_LINE + rise + slope * (x - 300), 15), 285)))
    tail = points[-1]
    return [[*points, (tail[0] + 30, tail[1] + 6), (min(tail[0] + 75, 585), tail[1] - 12)]]
