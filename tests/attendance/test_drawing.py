import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emarge.attendance.drawing import Drawing, DrawingRefusedError, parse_drawing
from emarge.attendance.rules import Refusal


def format_drawing(drawing: Drawing) -> str:
    """The text form of a drawing, as docs/formats/drawing.md says: the browser writes it, the product only reads."""
    strokes = []
    for stroke in drawing.strokes:
        steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(stroke)]
        strokes.append(" ".join(f"{x},{y}" for x, y in [stroke[0], *steps]))
    return ";".join(["v1", f"{drawing.width}x{drawing.height}", *strokes])


def test_the_documented_drawing():
    text = "v1;300x150;10,20 15,-4 30,12;80,40"
    drawing = parse_drawing(text)
    assert drawing == Drawing(300, 150, (((10, 20), (25, 16), (55, 28)), ((80, 40),)))
    assert format_drawing(drawing) == text


def _repeat(pair: str, times: int) -> str:
    return " ".join([pair] * times)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", Refusal.DRAWING_EMPTY),
        ("v1;300x150;", Refusal.DRAWING_EMPTY),
        ("v1;300x150", Refusal.DRAWING_EMPTY),
        ("v1;300x150;10,20", Refusal.DRAWING_EMPTY),
        ("v1;300x150;10,20 19,0", Refusal.DRAWING_EMPTY),
        ("v2;300x150;10,20 30,0", Refusal.DRAWING_MALFORMED),
        ("v1;300;10,20 30,0", Refusal.DRAWING_MALFORMED),
        ("v1;0x150;10,20 30,0", Refusal.DRAWING_MALFORMED),
        ("v1;601x150;10,20 30,0", Refusal.DRAWING_TOO_LARGE),
        ("v1;300x301;10,20 30,0", Refusal.DRAWING_TOO_LARGE),
        ("v1;300x150;10,20  30,0", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 30,0 ", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 30,0\n", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 30,0;", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 030,0", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 +30,0", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 30,-0", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 30.5,0", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 ٣٠,0", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 291,0", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;10,20 -11,0", Refusal.DRAWING_MALFORMED),
        ("v1;300x150;-1,20 30,0", Refusal.DRAWING_MALFORMED),
        ("<svg onload=alert(1)>", Refusal.DRAWING_MALFORMED),
        (f"v1;300x150;0,0 {_repeat('1,0 -1,0', 2000)}", Refusal.DRAWING_TOO_LARGE),
        ("v1;300x150" + ";0,0 30,0" * 65, Refusal.DRAWING_TOO_LARGE),
        ("v1;300x150;0,0 30,0" + " " * 24_576, Refusal.DRAWING_TOO_LARGE),
    ],
)
def test_refused_drawings(text, refusal):
    with pytest.raises(DrawingRefusedError) as refused:
        parse_drawing(text)
    assert refused.value.refusal == refusal


def test_drawings_at_the_limits():
    assert len(parse_drawing("v1;600x300" + ";0,0 30,0" * 64).strokes) == 64
    assert len(parse_drawing(f"v1;600x300;0,0 {_repeat('1,0 -1,0', 1999)} 1,1").strokes[0]) == 4000
    assert parse_drawing("v1;300x150;10,20 20,0").strokes == (((10, 20), (30, 20)),)


_points = st.tuples(st.integers(0, 300), st.integers(0, 150))
_drawings = st.builds(
    Drawing,
    st.just(300),
    st.just(150),
    st.lists(st.lists(_points, min_size=1, max_size=20).map(tuple), min_size=1, max_size=8).map(tuple),
)


@given(_drawings)
def test_a_drawing_survives_its_text(drawing):
    text = format_drawing(drawing)
    if sum(math.dist(a, b) for stroke in drawing.strokes for a, b in pairwise(stroke)) >= 20:
        assert parse_drawing(text) == drawing
    else:
        with pytest.raises(DrawingRefusedError) as refused:
            parse_drawing(text)
        assert refused.value.refusal == Refusal.DRAWING_EMPTY


@given(st.text(alphabet="v1;x,- 0123456789", max_size=200) | st.text(max_size=200))
def test_any_text_is_refused_or_is_the_only_text_of_its_drawing(text):
    try:
        drawing = parse_drawing(text)
    except DrawingRefusedError:
        return
    assert format_drawing(drawing) == text
