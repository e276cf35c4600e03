import io
from datetime import UTC, datetime

import pytest
from pypdf import PdfReader

from emarge.lib import pdf

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
TEMPLATE = """
#let data = json(bytes(sys.inputs.data))
#set document(title: "A title", date: datetime(year: 2026, month: 11, day: 23))
#set text(font: ("Libertinus Serif", "New Computer Modern", "DejaVu Sans Mono"), lang: "en")
= Heading
#data.text
"""


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "page.typ"
    path.write_text(TEMPLATE, encoding="utf-8")
    return path


def body(document: bytes) -> str:
    return PdfReader(io.BytesIO(document)).pages[0].extract_text().removeprefix("Heading\n")


def test_document_claims_both_standards_and_carries_its_date(template):
    document = pdf.compile_pdf(template, {"text": "x"}, at=AT)
    metadata = PdfReader(io.BytesIO(document)).trailer["/Root"]["/Metadata"].get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part>" in metadata
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in metadata
    assert "<pdfuaid:part>1</pdfuaid:part>" in metadata


def test_same_arguments_give_the_same_bytes(template):
    first = pdf.compile_pdf(template, {"text": "x"}, at=AT)
    assert pdf.compile_pdf(template, {"text": "x"}, at=AT) == first


@pytest.mark.parametrize(
    "text",
    [
        "Łucja d'Œuvre-Ñandú",
        '#import "page.typ": *',
        "#read(sys.inputs.data)",
        "*bold* _it_ $x^2$ <label> @ref `raw`",
        "= Not a heading",
        "Жуков Ελένη",
    ],
)
def test_text_renders_literally(template, text):
    assert body(pdf.compile_pdf(template, {"text": text}, at=AT)) == text


def test_character_without_glyph_is_told_by_its_number(template):
    assert body(pdf.compile_pdf(template, {"text": "王 Wang"}, at=AT)) == "[U+738B] Wang"


def test_template_that_fails_is_told(template):
    with pytest.raises(pdf.PdfError, match=r"page\.typ: .*dictionary does not contain key"):
        pdf.compile_pdf(template, {}, at=AT)


def test_template_reads_nothing_outside_its_folder(template):
    template.write_text('#read("/etc/hostname")', encoding="utf-8")
    with pytest.raises(pdf.PdfError, match="file not found"):
        pdf.compile_pdf(template, {}, at=AT)


def test_what_takes_too_long_is_stopped(template, monkeypatch):
    template.write_text("#let n = 0\n#while n < 9 { n = calc.rem(n + 1, 8) }", encoding="utf-8")
    monkeypatch.setattr(pdf, "MAX_SECONDS", 0.01)
    with pytest.raises(pdf.PdfTooLargeError, match=r"page\.typ took more than 0\.01 s"):
        pdf.compile_pdf(template, {}, at=AT)


def test_too_much_data_is_refused_before_any_work(template, monkeypatch):
    monkeypatch.setattr(pdf, "MAX_INPUT_BYTES", 20)
    with pytest.raises(pdf.PdfTooLargeError):
        pdf.compile_pdf(template, {"text": "é" * 20}, at=AT)
