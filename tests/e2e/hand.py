"""Signatures as a hand would draw them: a few points in a box of 600 by 300, joined by a smooth curve."""

from itertools import pairwise

Point = tuple[float, float]

HANDS: dict[str, list[list[Point]]] = {
    "camille.moreau": [
        [
            (150, 110),
            (110, 90),
            (72, 140),
            (80, 205),
            (130, 212),
            (165, 180),
            (190, 150),
            (180, 195),
            (215, 185),
            (228, 150),
            (242, 190),
            (258, 152),
            (272, 192),
            (292, 150),
            (306, 190),
            (330, 150),
            (345, 190),
            (400, 130),
            (380, 75),
            (362, 130),
            (380, 195),
            (420, 180),
            (520, 150),
        ],
        [(120, 245), (300, 232), (500, 240)],
    ],
    "lea.martin": [
        [
            (95, 70),
            (88, 150),
            (92, 210),
            (130, 216),
            (170, 196),
            (205, 165),
            (188, 145),
            (172, 175),
            (196, 206),
            (236, 180),
            (262, 150),
            (238, 160),
            (240, 198),
            (268, 186),
            (276, 150),
            (282, 198),
            (330, 170),
            (420, 190),
        ],
        [(300, 110), (322, 96)],
    ],
    "sofia.benali": [
        [(190, 80), (140, 78), (112, 112), (150, 145), (180, 178), (150, 215), (96, 205)],
        [
            (205, 165),
            (190, 195),
            (215, 208),
            (236, 178),
            (218, 160),
            (250, 170),
            (285, 90),
            (262, 130),
            (258, 240),
            (252, 268),
            (290, 180),
            (312, 165),
            (312, 204),
            (352, 168),
            (338, 205),
            (372, 196),
            (410, 165),
            (500, 196),
        ],
        [(80, 150), (300, 136)],
    ],
    "jules.petit": [
        [
            (180, 70),
            (188, 150),
            (172, 225),
            (120, 240),
            (104, 200),
            (180, 168),
            (236, 160),
            (228, 200),
            (262, 196),
            (272, 158),
            (276, 200),
            (312, 150),
            (330, 80),
            (306, 120),
            (312, 204),
            (352, 176),
            (346, 204),
            (400, 170),
        ],
    ],
}


def strokes(login: str) -> list[list[Point]]:
    """The strokes of somebody's signature, dense enough to look smooth."""
    return [_smooth(stroke) for stroke in HANDS[login]]


def _smooth(points: list[Point], steps: int = 4) -> list[Point]:
    """A Catmull-Rom curve through the points."""
    padded = [points[0], *points, points[-1]]
    curve = [points[0]]
    for number, (b, c) in enumerate(pairwise(points)):
        a, d = padded[number], padded[number + 3]
        for step in range(1, steps + 1):
            t = step / steps
            curve.append((_between(a[0], b[0], c[0], d[0], t), _between(a[1], b[1], c[1], d[1], t)))
    return curve


def _between(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
