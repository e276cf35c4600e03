import pytest
from django.template import Context, Template

from emarge.attendance.drawing import DrawingRefusedError
from emarge.spaces.templatetags.signatures import signature_svg

DRAWING = b"v1;600x300;100,100 100,0 100,50;300,80"


def test_a_drawing_is_a_curve_and_its_dots():
    assert signature_svg(DRAWING) == (
        '<svg class="signature-drawing" viewBox="80 55 240 120" role="img" aria-label="Drawn signature" '
        'focusable="false"><path d="M100 100Q200 100 250 125L300 150M300 80h0"/></svg>'
    )


def test_a_wide_drawing_shows_whole():
    assert 'viewBox="-12 80 624 140"' in signature_svg(b"v1;600x300;0,150 300,58 300,-116")


def test_the_label_is_text_and_never_markup():
    page = Template("{% load signatures %}{% signature_svg data label=name large=True %}").render(
        Context({"data": memoryview(DRAWING), "name": 'Zoé "<script>'})
    )
    assert page.startswith(
        '<svg class="signature-drawing signature-large" viewBox="80 55 240 120" role="img" '
        'aria-label="Zoé &quot;&lt;script&gt;"'
    )


def test_a_signature_made_at_the_keyboard_shows_nothing():
    assert signature_svg(b"") == ""


def test_bytes_that_are_no_drawing_raise():
    with pytest.raises(DrawingRefusedError):
        signature_svg(b"v2;1x1;0,0")
