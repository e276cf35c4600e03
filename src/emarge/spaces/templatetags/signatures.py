from itertools import pairwise

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from emarge.attendance.drawing import Drawing, parse_drawing

register = template.Library()

_MARGIN = 12
_LEAST_WIDTH, _LEAST_HEIGHT = 240, 120


def _path(stroke: tuple[tuple[int, int], ...]) -> str:
    """A curve through the middles of the segments, so that whole numbers still look like a hand."""
    (x, y), *rest = stroke
    if not rest:
        return f"M{x} {y}h0"
    parts = [f"M{x} {y}"]
    for (ax, ay), (bx, by) in pairwise(rest):
        parts.append(f"Q{ax} {ay} {(ax + bx) / 2:g} {(ay + by) / 2:g}")
    parts.append(f"L{rest[-1][0]} {rest[-1][1]}")
    return "".join(parts)


def _view_box(drawing: Drawing) -> str:
    """Close around the ink, but never so close that a small signature looks like a large one."""
    xs = [x for stroke in drawing.strokes for x, _y in stroke]
    ys = [y for stroke in drawing.strokes for _x, y in stroke]
    width = max(max(xs) - min(xs) + 2 * _MARGIN, _LEAST_WIDTH)
    height = max(max(ys) - min(ys) + 2 * _MARGIN, _LEAST_HEIGHT)
    left = (min(xs) + max(xs) - width) / 2
    top = (min(ys) + max(ys) - height) / 2
    return f"{left:g} {top:g} {width} {height}"


@register.simple_tag
def signature_svg(data: bytes | memoryview, label: str = "", large: bool = False) -> str | SafeString:
    """Show a stored drawing (docs/formats/drawing.md) as inline SVG, named ``label`` for who cannot see it.

    A signature made at the keyboard has no drawing: nothing is shown. ``data`` was parsed when it was stored,
    so that bytes which do not parse now are a fault, and raise.
    """
    text = bytes(data).decode("ascii")
    if not text:
        return ""
    drawing = parse_drawing(text)
    return format_html(
        '<svg class="signature-drawing{}" viewBox="{}" role="img" aria-label="{}" focusable="false">'
        '<path d="{}"/></svg>',
        " signature-large" if large else "",
        _view_box(drawing),
        label or _("Drawn signature"),
        "".join(_path(stroke) for stroke in drawing.strokes),
    )
