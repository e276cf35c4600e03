"""PDF documents from Typst templates: PDF/A-3a and PDF/UA-1 in one file, alike on every machine.

The data reaches the template as JSON in ``sys.inputs.data`` and never as Typst source, so that no text of a
person can act as markup. Only the fonts that Typst itself carries are used: Latin, Greek, Cyrillic, Armenian,
Georgian, Hebrew and Arabic scripts.
"""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import typst

MAX_INPUT_BYTES = 64 * 1024 * 1024
"""Above this the caller must cut the document: it would hold a server's memory for one reader."""

_FONTS = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
_MISSING_GLYPH = re.compile(r'the text `"(.+?)"` could not be displayed')
_MAX_ATTEMPTS = 8


class PdfError(RuntimeError):
    """The template and its data make no document: a fault of the program, told with Typst's own words."""


class PdfTooLargeError(PdfError):
    """The data is larger than :data:`MAX_INPUT_BYTES`."""


def compile_pdf(template: Path, data: dict[str, Any], *, at: datetime) -> bytes:
    """The PDF of ``template`` over ``data``. The same arguments give the same bytes.

    ``data`` is what JSON can carry; ``at`` (aware) dates the document, as PDF/A asks. A character that no
    font has is written ``[U+738B]``, so that a rare name never stops a document, nor vanishes from it.
    Raises :class:`PdfTooLargeError` and :class:`PdfError`.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode("utf-8")) > MAX_INPUT_BYTES:
        raise PdfTooLargeError(f"The data of {template.name} is over {MAX_INPUT_BYTES} bytes.")
    for _ in range(_MAX_ATTEMPTS):
        try:
            return typst.compile(
                template,
                root=template.parent,
                font_paths=_FONTS,
                sys_inputs={"data": text},
                format="pdf",
                pdf_standards=["a-3a", "ua-1"],
                timestamp=at.replace(microsecond=0),  # all that a PDF date can say
            )
        except typst.TypstError as error:
            missing = {c for run in _MISSING_GLYPH.findall(error.diagnostic) for c in run if not c.isascii()}
            if not missing:
                raise PdfError(f"{template.name}: {error.diagnostic or error.message}") from error
            text = text.translate({ord(c): f"[U+{ord(c):04X}]" for c in missing})
    raise PdfError(f"{template.name}: characters without a glyph remained after {_MAX_ATTEMPTS} attempts.")
