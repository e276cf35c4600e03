"""Student identifiers: the families of the INE, their keys, and what stands in for one. Standard library only."""

import re
from dataclasses import dataclass
from enum import Enum

_KEY_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_SPACES = re.compile(r"\s+")
_INTERNAL = re.compile(
    r"[A-Z]{1,8}[-_./ ]+[0-9][0-9A-Z]*(?:[-_./][0-9A-Z]+)*|[0-9]{2,8}[-_/][0-9A-Z]{2,}(?:[-_/][0-9A-Z]+)*"
)
_MASK_SHOWS = 4


class Family(Enum):
    """The families of the INE, in the order in which they are detected."""

    RNIE = "rnie"
    BEA = "bea"
    SIFA = "sifa"
    PROVISIONAL = "provisional"
    BASE36 = "base36"


_PATTERNS = {
    Family.RNIE: re.compile(r"[0-9]{9}[A-HJK]{2}"),
    Family.BEA: re.compile(r"[0-9]{10}[A-HJ-NPR-Z]"),
    Family.SIFA: re.compile(r"[0-9]{4}A[0-9]{5}[A-HJ-NPR-Z]"),
    Family.PROVISIONAL: re.compile(r"[0-9]{4}D[0-9]{5}[A-HJ-NPR-Z]"),
    Family.BASE36: re.compile(r"[0-9A-Z]{10}[0-9]"),
}


class WrongFormatError(ValueError):
    """A text that is an INE of no family."""


@dataclass(frozen=True)
class Ine:
    """A normalised INE. ``key_is_right`` is True for the families without a published key."""

    value: str
    family: Family
    key_is_right: bool


def normalise(text: str) -> str:
    """Trim, capitals, no space."""
    return _SPACES.sub("", text).upper()


def bea_key(ten_digits: str) -> str:
    """The letter that closes a BEA number: the first ten digits modulo 23."""
    return _KEY_LETTERS[int(ten_digits) % 23]


def base36_key(ten_characters: str) -> str:
    """The digit that closes a Base 36 number: the first ten characters, read in base 36, modulo 10."""
    return str(int(ten_characters, 36) % 10)


def read_ine(text: str) -> Ine:
    """The INE in a text; raises WrongFormatError."""
    value = normalise(text)
    for family, pattern in _PATTERNS.items():
        if pattern.fullmatch(value):
            return Ine(value, family, _key_is_right(family, value))
    raise WrongFormatError(text)


def _key_is_right(family: Family, value: str) -> bool:
    if family is Family.BEA:
        return bea_key(value[:10]) == value[10]
    if family is Family.BASE36:
        return base36_key(value[:10]) == value[10]
    return True


def looks_internal(text: str) -> bool:
    """Whether a text is a school's own number: letters, a separator and digits (``FC-78183``), or digits so cut."""
    return _INTERNAL.fullmatch(text.strip().upper()) is not None


def masked(value: str) -> str:
    """An identifier as it may be shown outside the student's own record: its last four characters."""
    if len(value) <= _MASK_SHOWS:
        return "•" * len(value)
    return "•" * (len(value) - _MASK_SHOWS) + value[-_MASK_SHOWS:]
