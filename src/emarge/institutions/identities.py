"""Who a student is, as a value: what a correction changes, and what it was before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

from emarge.institutions.models import Student


@dataclass(frozen=True)
class Identity:
    """A student's name, identifier and date of birth at one moment."""

    last_name: str
    first_name: str
    identifier_type: str
    identifier: str
    birth_on: date | None

    @classmethod
    def of(cls, student: Student) -> Self:
        return cls(student.last_name, student.first_name, student.identifier_type, student.identifier, student.birth_on)


@dataclass(frozen=True)
class Correction:
    """A student as they are now, and who they were before."""

    student: Student
    former: Identity


OnCorrections = Callable[[Sequence[Correction]], None]
"""What the packages above do with corrections once they are written: the history must follow them."""
