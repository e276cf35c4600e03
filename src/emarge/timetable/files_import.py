"""Taking the files of a school: each is known by its content, and they are taken in the order that they need."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from emarge.hosting.models import Base
from emarge.institutions import headings
from emarge.institutions.identities import OnCorrections
from emarge.institutions.people_import import import_people
from emarge.lib.import_report import FileKind, FileReport
from emarge.lib.refusal import Refused
from emarge.lib.tables import Table, read_table
from emarge.timetable.calendar_file import CalendarFile, looks_like_a_calendar, read_calendar
from emarge.timetable.calendar_import import import_calendar

Progress = Callable[[str, int, int], None]
"""Called with the name of the file, the lines done and the lines there are."""


@dataclass(frozen=True)
class SourceFile:
    """A file to import: its name for the report, its bytes, or why it could not even be read."""

    name: str
    data: bytes = b""
    fault: str = ""


@dataclass(frozen=True)
class Lockings:
    """What the packages above know: which meetings have a roll call, and which students stand on one.

    ``corrections`` is told which students a file corrected, so that their history follows.
    """

    meetings: Callable[[Collection[int]], set[int]]
    students: Callable[[Collection[int]], set[int]]
    corrections: OnCorrections


def import_files(
    base: Base,
    sources: Sequence[SourceFile],
    *,
    at: datetime,
    lockings: Lockings,
    progress: Progress = lambda _name, _done, _total: None,
) -> list[FileReport]:
    """Import files into a base, each in its own transaction; one that is refused as a whole stops no other.

    Returns a report for each, in the order in which they were taken.
    """
    read: list[tuple[FileReport, Table | CalendarFile | None]] = []
    for source in sources:
        report = FileReport(source.name)
        read.append((report, _read(source, report)))
    read.sort(key=lambda pair: pair[0].kind.value if pair[0].kind else 0)
    for report, content in read:
        if content is None:
            continue

        def step(done: int, total: int, name: str = report.file) -> None:
            progress(name, done, total)

        try:
            with transaction.atomic():
                if isinstance(content, CalendarFile):
                    import_calendar(
                        base,
                        content,
                        report,
                        locked=lockings.meetings,
                        progress=step,
                    )
                else:
                    import_people(
                        base,
                        content,
                        report,
                        at=at,
                        on_roll_calls=lockings.students,
                        on_corrections=lockings.corrections,
                        progress=step,
                    )
        except Refused as refusal:
            report.refused = str(refusal.text)
            report.lines.clear()
    return [report for report, _content in read]


def _read(source: SourceFile, report: FileReport) -> Table | CalendarFile | None:
    """The content of a file, and its kind in the report; None, and the reason there, when it is refused."""
    try:
        if source.fault:
            report.refused = source.fault
            return None
        if looks_like_a_calendar(source.data):
            report.kind = FileKind.TIMETABLE
            return read_calendar(source.data)
        table = read_table(source.data, headings.score)
    except Refused as refusal:
        report.refused = str(refusal.text)
        return None
    teachers = headings.read_headings(table.headings).teachers
    report.kind = FileKind.TEACHERS if teachers else FileKind.STUDENTS
    return table
