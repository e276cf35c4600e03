"""Birth dates as people write them. Standard library and lib only."""

import re
from collections.abc import Iterable
from datetime import date

from emarge.lib.words import folded

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "janvier janv jan january",
            "fevrier fevr fev february feb",
            "mars mar march",
            "avril avr april apr",
            "mai may",
            "juin jun june",
            "juillet juil july jul",
            "aout august aug",
            "septembre sept sep september",
            "octobre oct october",
            "novembre nov november",
            "decembre dec december",
        ),
        start=1,
    )
    for name in names.split()
}
_TIME = re.compile(r"[T ]\d{1,2}:\d{2}(:\d{2})?(\.\d+)?Z?$")
_YEAR_FIRST = re.compile(r"(\d{4})[-/. ](\d{1,2})[-/. ](\d{1,2})")
_COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})")
_YEAR_LAST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})")
_SHORT_YEAR = re.compile(r"\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2}")
_WORDS = re.compile(r"(\d{1,2})(?:er|st|nd|rd|th)? ([a-z]+) (\d{4})")
_ENGLISH_WORDS = re.compile(r"([a-z]+) (\d{1,2})(?:st|nd|rd|th)? (\d{4})")
_OLDEST = 1900
_MONTHS_A_YEAR = 12


class UnreadableDateError(ValueError):
    """A text that is no certain date. ``code``: short_year, impossible, future, old or unknown."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def month_comes_first(texts: Iterable[str]) -> bool:
    """Whether a column can only be month/day/year: some day stands second, and none first."""
    pairs = [(int(match[1]), int(match[2])) for text in texts if (match := _YEAR_LAST.fullmatch(_bare(text)))]
    return any(second > _MONTHS_A_YEAR for _, second in pairs) and not any(first > _MONTHS_A_YEAR for first, _ in pairs)


def read_date(text: str, *, month_first: bool, today: date) -> date:
    """A date of birth; raises UnreadableDateError."""
    year, month, day = _parts(_bare(text), month_first=month_first)
    try:
        value = date(year, month, day)
    except ValueError:
        raise UnreadableDateError("impossible") from None
    if value > today:
        raise UnreadableDateError("future")
    if value.year < _OLDEST:
        raise UnreadableDateError("old")
    return value


def _bare(text: str) -> str:
    return _TIME.sub("", text.strip()).strip()


def _parts(text: str, *, month_first: bool) -> tuple[int, int, int]:
    if match := _YEAR_FIRST.fullmatch(text) or _COMPACT.fullmatch(text):
        return int(match[1]), int(match[2]), int(match[3])
    if match := _YEAR_LAST.fullmatch(text):
        day, month = (match[2], match[1]) if month_first else (match[1], match[2])
        return int(match[3]), int(month), int(day)
    if _SHORT_YEAR.fullmatch(text):
        raise UnreadableDateError("short_year")
    words = folded(text)
    if (match := _WORDS.fullmatch(words)) and match[2] in _MONTHS:
        return int(match[3]), _MONTHS[match[2]], int(match[1])
    if (match := _ENGLISH_WORDS.fullmatch(words)) and match[1] in _MONTHS:
        return int(match[3]), _MONTHS[match[1]], int(match[2])
    raise UnreadableDateError("unknown")
