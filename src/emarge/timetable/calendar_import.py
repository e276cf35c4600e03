"""Taking a timetable into a base: one transaction a file, nothing dropped in silence (docs/formats/imports.md)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django_scopes import scope

from emarge.hosting.models import Base
from emarge.institutions.groups import GroupBook
from emarge.lib.import_report import FileKind, FileReport, Outcome
from emarge.lib.tables import UnreadableFileError
from emarge.timetable.calendar_file import CalendarEvent, CalendarFile, EventError, read_event
from emarge.timetable.directory import Publics, TeacherBook
from emarge.timetable.meeting_plans import (
    EventPlan,
    MeetingPlan,
    Planner,
    key_without_uid,
    meeting_key,
    series_key,
)
from emarge.timetable.meeting_writes import MeetingWrites
from emarge.timetable.recurrence import Occurrence, changed, occurrences
from emarge.timetable.zones import Zones

Locked = Callable[[Collection[int]], set[int]]
Progress = Callable[[int, int], None]


@dataclass
class _Series:
    """The events of one UID: the one that stands, and the changes of its single occurrences."""

    key: str
    master: CalendarEvent | None = None
    changes: dict[datetime, CalendarEvent] = field(default_factory=dict)


@transaction.atomic
def import_calendar(
    base: Base,
    calendar: CalendarFile,
    report: FileReport,
    *,
    locked: Locked,
    progress: Progress,
) -> None:
    """Take the class meetings of a calendar into a base and tell about each event in ``report``.

    ``locked`` gives, of some meetings' keys, those that have a roll call: they change nothing but their room (row
    M6.4).
    """
    report.kind = FileKind.TIMETABLE
    with scope(base=base):
        _Taking(base, calendar, report, locked).take(progress)


class _Taking:
    def __init__(self, base: Base, calendar: CalendarFile, report: FileReport, locked: Locked) -> None:
        self._base = base
        self._calendar = calendar
        self._report = report
        self._zones = Zones(base.tz, calendar.zones)
        self._planner = Planner(TeacherBook(), Publics(GroupBook(base)))
        self._writes = MeetingWrites(base, locked)

    def take(self, progress: Progress) -> None:
        events = self._read(progress)
        if not events and not any(block.name == "VEVENT" for block in self._calendar.blocks):
            raise UnreadableFileError("empty", _("the calendar holds no event"))
        for series in self._series(events):
            self._take_series(series)
        for line, outcome, subject, remarks in self._writes.finish():
            self._report.add(line, outcome, subject, remarks)
        self._report.keys = self._writes.courses()
        if self._zones.unknown:
            self._report.notes.append(
                _("unknown time zones, read as %(zone)s: %(names)s")
                % {"zone": self._base.time_zone, "names": ", ".join(sorted(self._zones.unknown))}
            )
        self._report.lines.sort(key=lambda line: line.number)

    def _read(self, progress: Progress) -> list[CalendarEvent]:
        events = []
        total = len(self._calendar.blocks)
        for number, block in enumerate(self._calendar.blocks, start=1):
            try:
                events.append(read_event(block, self._zones, cancels=self._calendar.cancels))
            except EventError as error:
                self._report.add(block.line, Outcome.REFUSED, _summary_of(block.content), [str(error)])
            progress(number, total)
        return events

    def _series(self, events: list[CalendarEvent]) -> list[_Series]:
        """The events by UID; of two versions of one event, the one that stands."""
        found: dict[str, _Series] = {}
        for event in events:
            key = self._key(event, found)
            series = found.setdefault(key, _Series(key))
            if event.replaces is not None:
                other = series.changes.get(event.replaces)
                series.changes[event.replaces] = self._standing(other, event)
            else:
                series.master = self._standing(series.master, event)
        return list(found.values())

    def _key(self, event: CalendarEvent, found: dict[str, _Series]) -> str:
        if event.uid:
            return series_key(event.uid)
        key = key_without_uid(event)
        other = found.get(key)
        if other is None or other.master is None or _same(other.master, event):
            return key
        return key_without_uid(event, whole=True)

    def _standing(self, one: CalendarEvent | None, other: CalendarEvent) -> CalendarEvent:
        """Of two versions of one event, the later; the other is told."""
        if one is None:
            return other
        if _same(one, other):
            self._tell_superseded(other, Outcome.UNCHANGED, _("already seen on line %(line)d") % {"line": one.line})
            return one
        versions = [(one.sequence, one.stamped_at), (other.sequence, other.stamped_at)]
        if versions[0] == versions[1]:
            text = _("line %(line)d has the same UID and version but says otherwise: a person must settle")
            self._tell_superseded(other, Outcome.REFUSED, text % {"line": one.line})
            return one
        new, old = (other, one) if versions[1] > versions[0] else (one, other)
        text = _("an older version: line %(line)d stands") % {"line": new.line}
        self._tell_superseded(old, Outcome.UNCHANGED, text)
        return new

    def _tell_superseded(self, event: CalendarEvent, outcome: Outcome, text: str) -> None:
        self._report.add(event.line, outcome, self._subject(event), [text])

    def _subject(self, event: CalendarEvent) -> str:
        if event.starts is None:
            return event.summary
        return f"{event.summary}, {localtime(event.starts.at, self._base.tz):%d/%m/%Y %H:%M}"

    def _take_series(self, series: _Series) -> None:
        """Plan every meeting of a series; an event that cannot be planned is told and takes nothing with it."""
        changes = list(series.changes.values())
        plans: dict[int, EventPlan] = {}
        for event in [series.master, *changes]:
            if event is None:
                continue
            try:
                plans[event.line] = self._planner.plan(event)
            except EventError as error:
                self._report.add(event.line, Outcome.REFUSED, self._subject(event), [str(error)])
        planned = [change for change in changes if change.line in plans or _only_cancels(change)]
        meetings: list[Occurrence] = []
        master = series.master if series.master is not None and series.master.line in plans else None
        try:
            if master is not None:
                meetings = occurrences(master, planned)
            else:
                meetings = [changed(change, None) for change in planned]
        except EventError as error:
            refused = [event for event in ([master] if master else planned) if event is not None]
            for event in refused:
                self._report.add(event.line, Outcome.REFUSED, self._subject(event), [str(error)])
            return
        self._give(series, master, meetings, plans)

    def _give(
        self,
        series: _Series,
        master: CalendarEvent | None,
        meetings: list[Occurrence],
        plans: dict[int, EventPlan],
    ) -> None:
        for event in [master, *series.changes.values()]:
            if event is not None and event.line in plans:
                remarks = plans[event.line].remarks
                # Some came while the repetition was worked out, after the plan was made.
                remarks.extend(remark for remark in event.remarks if remark not in remarks)
                self._writes.expect(event.line, self._subject(event), remarks)
        keys = set()
        for meeting in meetings:
            plan = plans.get(meeting.event.line)
            if plan is None:
                continue
            key = meeting_key(series.key, meeting)
            keys.add(key)
            self._writes.take(
                MeetingPlan(
                    key=key,
                    line=meeting.event.line,
                    sequence=meeting.event.sequence,
                    starts_at=meeting.starts_at,
                    ends_at=meeting.ends_at,
                    cancelled=meeting.cancelled or plan.cancelled,
                    event=plan,
                )
            )
        if master is not None:
            self._writes.cancel_others(series.key, keys, master.line, master.sequence)


def _only_cancels(change: CalendarEvent) -> bool:
    return change.cancelled and change.starts is None


def _same(one: CalendarEvent, other: CalendarEvent) -> bool:
    """Whether two events say the same thing, wherever they stand and whenever they were written."""
    return _said(one) == _said(other)


def _said(event: CalendarEvent) -> tuple[object, ...]:
    return (
        event.sequence,
        event.starts.at if event.starts else None,
        event.length,
        event.replaces,
        str(event.rule),
        [moment.at for moment in event.extra],
        event.left_out,
        event.left_out_on,
        event.cancelled,
        event.summary,
        event.description,
        event.location,
        event.categories,
        event.people,
    )


def _summary_of(content: str) -> str:
    """The summary of an event that could not be read, for the report."""
    found = [line.partition(":")[2] for line in content.split("\r\n") if line.upper().startswith("SUMMARY")]
    return found[0] if found else ""
