"""What an import did, line by line, as a value (docs/formats/imports.md, Report)."""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy


class Outcome(Enum):
    """What became of one line of a file."""

    TAKEN = "taken"
    CORRECTED = "corrected"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


OUTCOME_TEXTS = {
    Outcome.TAKEN: _("taken"),
    Outcome.CORRECTED: _("corrected"),
    Outcome.UPDATED: _("updated"),
    Outcome.UNCHANGED: _("unchanged"),
    Outcome.REFUSED: _("refused"),
}
OUTCOME_COUNT_TEXTS = {
    Outcome.TAKEN: ngettext_lazy("%(count)d taken", "%(count)d taken", "count"),
    Outcome.CORRECTED: ngettext_lazy("%(count)d corrected", "%(count)d corrected", "count"),
    Outcome.UPDATED: ngettext_lazy("%(count)d updated", "%(count)d updated", "count"),
    Outcome.UNCHANGED: ngettext_lazy("%(count)d unchanged", "%(count)d unchanged", "count"),
    Outcome.REFUSED: ngettext_lazy("%(count)d refused", "%(count)d refused", "count"),
}


class FileKind(Enum):
    """What a file holds; the values are the order in which files are taken."""

    TEACHERS = 1
    STUDENTS = 2
    TIMETABLE = 3


FILE_KIND_TEXTS = {
    FileKind.TEACHERS: _("teachers"),
    FileKind.STUDENTS: _("students"),
    FileKind.TIMETABLE: _("timetable"),
}


class Remarks(list[str]):
    """What a person should know of one line; ``corrected`` when something was put right or left out."""

    corrected = False

    def correct(self, text: str) -> None:
        """Tell that something was put right or left out."""
        self.append(text)
        self.corrected = True

    @property
    def outcome(self) -> Outcome:
        """How a new line with these remarks was taken."""
        return Outcome.CORRECTED if self.corrected else Outcome.TAKEN


@dataclass(frozen=True)
class ReportLine:
    """One line of a file: its number (from 1), what became of it, who or what it tells of, and why."""

    number: int
    outcome: Outcome
    subject: str
    remarks: tuple[str, ...] = ()


@dataclass
class FileReport:
    """One file. ``refused`` is why nothing of it was taken, else empty; ``notes`` tell of the whole."""

    file: str
    kind: FileKind | None = None
    refused: str = ""
    notes: list[str] = field(default_factory=list)
    lines: list[ReportLine] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    """The students, or the courses of a timetable, that the file speaks of, by primary key."""

    def add(self, number: int, outcome: Outcome, subject: str, remarks: list[str]) -> None:
        """Tell what became of one line."""
        self.lines.append(ReportLine(number, outcome, subject, tuple(dict.fromkeys(remarks))))

    def count(self) -> Counter[Outcome]:
        return Counter(line.outcome for line in self.lines)
