"""Reading a table that somebody exported: its encoding, its delimiter, its headings (docs/formats/imports.md)."""

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from emarge.lib.refusal import Refused

DELIMITERS = (";", ",", "\t", "|")
MAX_BYTES = 64 * 1024 * 1024
_HEADINGS_WITHIN = 15
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OLD_ENCODINGS = ("cp1252", "mac-roman", "cp850")
_BINARY_STARTS = (
    b"PK\x03\x04",
    b"%PDF",
    b"\xd0\xcf\x11\xe0",
    b"\x1f\x8b",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"SQLite format",
)
_CONTROLS = frozenset(chr(code) for code in range(32)) - {"\t", "\n", "\v", "\f", "\r", "\x1a"}
_END = "\x1eend of table\x1e"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class UnreadableFileError(Refused):
    """A file refused as a whole; its text says why."""


@dataclass(frozen=True)
class Row:
    """One record: the number of its first physical line, and its cells."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    encoding: str
    delimiter: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]


def is_formula(text: str) -> bool:
    """Whether a spreadsheet could run this cell."""
    return text.startswith(_FORMULA_STARTS)


def harmless(text: str) -> str:
    """The text as a cell of ours: one that a spreadsheet could run is preceded by an apostrophe."""
    return f"'{text}" if is_formula(text.lstrip(" \n\x00")) else text


def decode(data: bytes, score: Callable[[str], int]) -> tuple[str, str]:
    """The text of a file and the name of its encoding.

    ``score`` tells how much of a text is understood: it decides between old encodings that all decode. Raises
    UnreadableFileError.
    """
    _refuse_what_is_no_text(data)
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strictly(data, encoding), encoding.removesuffix("-sig")
    wide = _wide_encoding(data)
    if wide:
        return _strictly(data, wide), wide
    try:
        return _checked(data.decode("utf-8")), "utf-8"
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise _truncated() from None
    texts = []
    for encoding in _OLD_ENCODINGS:
        try:
            texts.append((_checked(data.decode(encoding)), encoding))
        except UnicodeDecodeError:
            continue
    return max(texts, key=lambda pair: score(pair[0]))


def read_table(data: bytes, score: Callable[[Sequence[str]], int]) -> Table:
    """The table in a file.

    ``score`` gives how many cells of a row are known headings, 0 when it is no row of headings. Raises
    UnreadableFileError.
    """
    text, encoding = decode(data, lambda text: max(_best(text, score)[:1]))
    points, _least, delimiter, rows, start = _best(text, score)
    if points == 0:
        raise UnreadableFileError(
            "headings", _("no line of headings was recognised (a name and another column are needed)")
        )
    headings = rows[start].cells
    body = tuple(row for row in rows[start + 1 :] if any(cell.strip() for cell in row.cells))
    if not body:
        raise UnreadableFileError("empty", _("there is nothing under the headings"))
    _refuse_a_cut_end(text, headings, body)
    return Table(encoding, delimiter, headings, body)


def _refuse_what_is_no_text(data: bytes) -> None:
    if not data.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00"):
        raise UnreadableFileError("empty", _("the file is empty"))
    if len(data) > MAX_BYTES:
        raise UnreadableFileError("huge", _("the file is larger than 64 MiB"))
    if data.startswith(_BINARY_STARTS):
        raise _binary()


def _binary() -> UnreadableFileError:
    return UnreadableFileError(
        "binary", _("this is not a text file (export a workbook as CSV, a timetable as iCalendar)")
    )


def _truncated() -> UnreadableFileError:
    return UnreadableFileError("truncated", _("the file is truncated: its end is missing"))


def _wide_encoding(data: bytes) -> str:
    """UTF-16 without a mark shows as a NUL in every other byte of its ASCII part."""
    start = data[:200]
    for encoding, nuls in (("utf-16-le", start[1::2]), ("utf-16-be", start[0::2])):
        if len(nuls) > 1 and nuls.count(0) * 10 > len(nuls) * 8:
            return encoding
    return ""


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return _checked(data.decode(encoding))
    except UnicodeDecodeError as error:
        if error.reason in {"unexpected end of data", "truncated data"}:
            raise _truncated() from None
        raise _binary() from None


def _checked(text: str) -> str:
    if _CONTROLS.intersection(text):
        raise _binary()
    return text


def _best(text: str, score: Callable[[Sequence[str]], int]) -> tuple[int, int, str, list[Row], int]:
    """The reading with the most known headings: points, tie-break, delimiter, rows, index of the headings."""
    readings = []
    for order, delimiter in enumerate(DELIMITERS):
        # Only the top is needed to choose; the whole is read once, for the delimiter that wins.
        top = list(_rows(text, delimiter, _HEADINGS_WITHIN))
        points = [score(row.cells) for row in top]
        best = max(points, default=0)
        readings.append((best, -order, delimiter, points.index(best) if best else 0))
    best, least, delimiter, start = max(readings)
    return best, least, delimiter, list(_rows(text, delimiter, None)) if best else [], start


def _rows(text: str, delimiter: str, limit: int | None) -> Iterator[Row]:
    """The rows; without a limit, a quotation mark that is never closed is an error, found by a row put at the end."""
    reader = csv.reader(io.StringIO(f"{text}\n{_END}", newline=""), delimiter=delimiter)
    line, count = 1, 0
    try:
        for cells in reader:
            if cells == [_END]:
                return
            if any(_END in cell for cell in cells):
                if limit is None:
                    raise UnreadableFileError(
                        "truncated",
                        _("the file is truncated: a quotation mark opened on line %(line)d is never closed")
                        % {"line": line},
                    )
                return
            if not (line == 1 and cells and cells[0].lower().startswith("sep=")):
                yield Row(line, tuple(cells))
                count += 1
            if count == limit:
                return
            line = reader.line_num + 1
    except csv.Error:
        raise _binary() from None


def _refuse_a_cut_end(text: str, headings: tuple[str, ...], rows: tuple[Row, ...]) -> None:
    """A last line without line end and with fewer cells than every other is a file cut short."""
    others = {len(row.cells) for row in rows[:-1]} or {len(headings)}
    if not text.endswith(("\n", "\r")) and len(rows[-1].cells) < min(others):
        raise _truncated()
