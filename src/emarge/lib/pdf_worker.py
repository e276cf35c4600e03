"""Compiles one document: JSON on the standard input, the PDF on the standard output. Started by pdf.py only.

Arguments: the template, and the document's date in UNIX seconds. Exit code 1 with Typst's diagnostic on the
standard error when there is no document. It imports nothing of ours, and stands alone.
"""

import re
import resource
import sys
from pathlib import Path

import typst

MAX_MEMORY = 6 * 1024**3
"""Of address space, in bytes; the largest sheet (12,000 records) takes about a third."""
_MISSING_GLYPH = re.compile(r'the text `"(.+?)"` could not be displayed')
_MAX_ATTEMPTS = 8


def main(template: Path, seconds: int, text: str) -> bytes:
    """The PDF, once the characters that no font has are told by their numbers. Raises TypstError."""
    for _ in range(_MAX_ATTEMPTS - 1):
        try:
            return _compile(template, seconds, text)
        except typst.TypstError as error:
            missing = {c for run in _MISSING_GLYPH.findall(error.diagnostic) for c in run if not c.isascii()}
            if not missing:
                raise
            text = text.translate({ord(c): f"[U+{ord(c):04X}]" for c in missing})
    return _compile(template, seconds, text)


def _compile(template: Path, seconds: int, text: str) -> bytes:
    return typst.compile(
        template,
        root=template.parent,
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=True),
        sys_inputs={"data": text},
        format="pdf",
        pdf_standards=["a-3a", "ua-1"],
        timestamp=seconds,
    )


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    try:
        document = main(Path(sys.argv[1]), int(sys.argv[2]), sys.stdin.buffer.read().decode("utf-8"))
    except typst.TypstError as error:
        sys.stderr.write(error.diagnostic or error.message)
        sys.exit(1)
    sys.stdout.buffer.write(document)
