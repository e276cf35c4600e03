"""PDF documents from Typst templates: PDF/A-3a and PDF/UA-1 in one file, alike on every machine.

The data reaches the template as JSON in ``sys.inputs.data`` and never as Typst source, so that no text of a
person can act as markup. Only the fonts that Typst itself carries are used: Latin, Greek, Cyrillic, Armenian,
Georgian, Hebrew and Arabic scripts.

Typst runs in a process of its own (pdf_worker.py): it keeps what it computed for its next ten documents, hundreds
of MiB for a long one, which a web server must not carry; and a process can be stopped.
"""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

MAX_INPUT_BYTES = 64 * 1024 * 1024
"""Above this the caller must cut the document: it would hold a server's memory for one reader."""
MAX_SECONDS = 180.0

_WORKER = Path(__file__).with_name("pdf_worker.py")


class PdfError(RuntimeError):
    """The template and its data make no document: a fault of the program, told with Typst's own words."""


class PdfTooLargeError(PdfError):
    """The data is larger than :data:`MAX_INPUT_BYTES`, or took more than :data:`MAX_SECONDS`."""


def compile_pdf(template: Path, data: dict[str, Any], *, at: datetime) -> bytes:
    """The PDF of ``template`` over ``data``. The same arguments give the same bytes.

    ``data`` is what JSON can carry; ``at`` (aware) dates the document, as PDF/A asks. A character that no
    font has is written ``[U+738B]``, so that a rare name never stops a document, nor vanishes from it.
    Raises :class:`PdfTooLargeError` and :class:`PdfError`.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    if len(text) > MAX_INPUT_BYTES:
        raise PdfTooLargeError(f"The data of {template.name} is over {MAX_INPUT_BYTES} bytes.")
    command = [sys.executable, "-P", str(_WORKER), str(template), str(int(at.timestamp()))]
    try:
        done = subprocess.run(  # noqa: S603 - our own file, and no shell
            command, input=text, capture_output=True, timeout=MAX_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PdfTooLargeError(f"{template.name} took more than {MAX_SECONDS} s.") from error
    if done.returncode:
        raise PdfError(f"{template.name}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout
