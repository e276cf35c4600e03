"""Decisions on values. Standard library only."""

from datetime import date
from enum import Enum


class Lack(Enum):
    """What keeps a student from being subject to sign-in (row M3.4)."""

    IDENTIFIER = "identifier"
    BIRTH_DATE = "birth_date"


def lacks(identifier: str, birth_on: date | None) -> list[Lack]:
    """What a student's file still lacks before sign-in."""
    found = [] if identifier else [Lack.IDENTIFIER]
    return found if birth_on else [*found, Lack.BIRTH_DATE]
