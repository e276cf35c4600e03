"""Signatures as images of a document."""

from emarge.attendance.drawing import parse_drawing

_MARGIN = 12
_LEAST_WIDTH, _LEAST_HEIGHT = 240, 90


def svg_of(text: str) -> str:
    """A drawing (docs/formats/drawing.md) as an SVG file, closed in around the ink.

    Only numbers of a parsed drawing reach the file. Raises DrawingRefusedError for a text that is no drawing.
    """
    drawing = parse_drawing(text)
    xs = [x for stroke in drawing.strokes for x, _y in stroke]
    ys = [y for stroke in drawing.strokes for _x, y in stroke]
    width = max(max(xs) - min(xs) + 2 * _MARGIN, _LEAST_WIDTH)
    height = max(max(ys) - min(ys) + 2 * _MARGIN, _LEAST_HEIGHT)
    left, top = (min(xs) + max(xs) - width) / 2, (min(ys) + max(ys) - height) / 2
    path = "".join("M" + "L".join(f"{x} {y}" for x, y in stroke) for stroke in drawing.strokes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:g} {top:g} {width} {height}">'
        f'<path d="{path}" fill="none" stroke="#1b2a6b" stroke-width="3.5" '
        'stroke-linecap="round" stroke-linejoin="round"/></svg>'
    )
