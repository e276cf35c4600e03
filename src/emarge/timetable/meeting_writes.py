"""Comparing the meetings that a file asks for with those of the base, and writing the difference at once."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from emarge.hosting.models import Base
from emarge.institutions.models import Room, Subject
from emarge.lib.import_report import Outcome, Remarks
from emarge.timetable.meeting_plans import MeetingPlan, course_key
from emarge.timetable.models import ClassMeeting, Course, CourseType

_BATCH = 100
_Named = TypeVar("_Named", Subject, CourseType, Room)
_FIELDS = ["course", "starts_at", "ends_at", "room", "cancelled", "source_sequence"]


@dataclass
class _EventLine:
    """What will be told of one event: the outcomes of its meetings."""

    subject: str
    remarks: Remarks
    outcomes: list[Outcome] = field(default_factory=list)
    cancelled: int = 0


@dataclass
class _Changed:
    meeting: ClassMeeting
    teachers: set[int] | None = None
    """The teachers from now on, None when they stay."""


class MeetingWrites:
    """Collects the meetings of a file; ``finish`` writes them and gives what to tell, event by event."""

    def __init__(self, base: Base, locked: Callable[[Collection[int]], set[int]]) -> None:
        self._base = base
        meetings = list(ClassMeeting.objects.exclude(source_uid="").select_related("course", "room"))
        self._meetings = {meeting.source_uid: meeting for meeting in meetings}
        self._series: dict[str, list[ClassMeeting]] = {}
        for meeting in meetings:
            self._series.setdefault(meeting.source_uid.partition("#")[0], []).append(meeting)
        self._locked = locked([meeting.pk for meeting in meetings])
        self._teachers: dict[int, set[int]] = {}
        through = ClassMeeting.teachers.through.objects.filter(classmeeting__base=base)
        for meeting_id, teacher_id in through.values_list("classmeeting_id", "teacher_id"):
            self._teachers.setdefault(meeting_id, set()).add(teacher_id)
        self._courses = {course.source_key: course for course in Course.objects.exclude(source_key="")}
        self._subjects = {subject.name: subject for subject in Subject.objects.all()}
        self._types = {course_type.name: course_type for course_type in CourseType.objects.all()}
        self._rooms = {room.name: room for room in Room.objects.all()}
        self._lines: dict[int, _EventLine] = {}
        self._seen: set[int] = set()
        self._new: list[tuple[ClassMeeting, set[int]]] = []
        self._changed: list[_Changed] = []

    def expect(self, line: int, subject: str, remarks: Remarks) -> None:
        """Open the account of one event."""
        self._lines[line] = _EventLine(subject, remarks)

    def take(self, plan: MeetingPlan) -> None:
        """Create, change, leave or refuse one meeting."""
        line = self._lines[plan.line]
        line.cancelled += plan.cancelled
        meeting = self._meetings.get(plan.key)
        if meeting is None:
            self._create(plan)
            line.outcomes.append(line.remarks.outcome)
            return
        line.outcomes.append(self._update(plan, meeting, line))

    def cancel_others(self, series: str, keys: set[str], line: int, sequence: int) -> None:
        """Cancel the meetings that this series made before and makes no more."""
        for meeting in self._series.get(series, []):
            if meeting.source_uid in keys or meeting.cancelled or sequence < meeting.source_sequence:
                continue
            told = self._lines[line]
            when = self._when(meeting.starts_at)
            if meeting.pk in self._locked:
                told.outcomes.append(Outcome.REFUSED)
                told.remarks.append(_("%(when)s has a roll call: not cancelled") % {"when": when})
                continue
            meeting.cancelled = True
            meeting.source_sequence = sequence
            self._changed.append(_Changed(meeting))
            told.outcomes.append(Outcome.UPDATED)
            told.remarks.append(_("%(when)s is no longer in the series: cancelled") % {"when": when})

    def courses(self) -> list[int]:
        """The courses that the file speaks of, by primary key."""
        return sorted(self._seen)

    def finish(self) -> list[tuple[int, Outcome, str, list[str]]]:
        """Write everything; give line, outcome, subject and remarks of each event."""
        through = ClassMeeting.teachers.through
        ClassMeeting.objects.bulk_create([meeting for meeting, _teachers in self._new], batch_size=_BATCH)
        added = [(meeting.pk, teacher) for meeting, teachers in self._new for teacher in sorted(teachers)]
        ClassMeeting.objects.bulk_update([change.meeting for change in self._changed], _FIELDS, batch_size=_BATCH)
        for change in self._changed:
            if change.teachers is not None:
                through.objects.filter(classmeeting_id=change.meeting.pk).exclude(
                    teacher_id__in=change.teachers
                ).delete()
                had = self._teachers.get(change.meeting.pk, set())
                added += [(change.meeting.pk, teacher) for teacher in sorted(change.teachers - had)]
        through.objects.bulk_create(
            [through(classmeeting_id=meeting, teacher_id=teacher) for meeting, teacher in added],
            batch_size=_BATCH,
        )
        return [(number, *_told(line)) for number, line in self._lines.items()]

    def _create(self, plan: MeetingPlan) -> None:
        meeting = ClassMeeting(
            base=self._base,
            course=self._course(plan),
            starts_at=plan.starts_at,
            ends_at=plan.ends_at,
            room=self._room(plan),
            cancelled=plan.cancelled,
            source_uid=plan.key,
            source_sequence=plan.sequence,
        )
        self._new.append((meeting, {teacher.pk for teacher in plan.event.teachers}))

    def _update(self, plan: MeetingPlan, meeting: ClassMeeting, line: _EventLine) -> Outcome:
        when = self._when(meeting.starts_at)
        if plan.sequence < meeting.source_sequence:
            line.remarks.append(_("%(when)s: an older version than the one already taken") % {"when": when})
            return Outcome.REFUSED
        changes = self._changes(plan, meeting)
        new_room = (meeting.room.name if meeting.room else "") != plan.event.room
        if changes and meeting.pk in self._locked:
            line.remarks.append(
                _("%(when)s has a roll call: %(what)s not changed") % {"when": when, "what": ", ".join(changes)}
            )
            return Outcome.REFUSED
        if not changes and not new_room:
            self._keep_sequence(plan, meeting)
            self._seen.add(meeting.course_id)
            return Outcome.UNCHANGED
        what = [*changes, _("room")] if new_room else changes
        line.remarks.append(_("%(when)s changed: %(what)s") % {"when": when, "what": ", ".join(what)})
        self._apply(plan, meeting)
        return Outcome.UPDATED

    def _changes(self, plan: MeetingPlan, meeting: ClassMeeting) -> list[str]:
        """What the file says otherwise than the base, the room aside."""
        event = plan.event
        teachers = {teacher.pk for teacher in event.teachers}
        course = course_key(event.subject, event.course_type, event.groups)
        differences = [
            (_("time"), (meeting.starts_at, meeting.ends_at) != (plan.starts_at, plan.ends_at)),
            (_("course"), meeting.course.source_key != course),
            (_("teachers"), teachers != self._teachers.get(meeting.pk, set())),
            (_("cancelled"), plan.cancelled and not meeting.cancelled),
            (_("no longer cancelled"), meeting.cancelled and not plan.cancelled),
        ]
        return [name for name, differs in differences if differs]

    def _apply(self, plan: MeetingPlan, meeting: ClassMeeting) -> None:
        meeting.course = self._course(plan)
        meeting.starts_at, meeting.ends_at = plan.starts_at, plan.ends_at
        meeting.room = self._room(plan)
        meeting.cancelled = plan.cancelled
        meeting.source_sequence = plan.sequence
        teachers = {teacher.pk for teacher in plan.event.teachers}
        self._changed.append(_Changed(meeting, None if teachers == self._teachers.get(meeting.pk, set()) else teachers))

    def _keep_sequence(self, plan: MeetingPlan, meeting: ClassMeeting) -> None:
        if plan.sequence != meeting.source_sequence:
            meeting.source_sequence = plan.sequence
            self._changed.append(_Changed(meeting))

    def _course(self, plan: MeetingPlan) -> Course:
        event = plan.event
        key = course_key(event.subject, event.course_type, event.groups)
        course = self._courses.get(key)
        if course is None:
            course = Course.objects.create(
                base=self._base,
                subject=self._named(Subject, self._subjects, event.subject),
                course_type=self._named(CourseType, self._types, event.course_type),
                source_key=key,
            )
            course.groups.set(event.groups)
            self._courses[key] = course
        self._seen.add(course.pk)
        return course

    def _room(self, plan: MeetingPlan) -> Room | None:
        return self._named(Room, self._rooms, plan.event.room) if plan.event.room else None

    def _named(self, kind: type[_Named], known: dict[str, _Named], name: str) -> _Named:
        if name not in known:
            known[name] = kind.objects.create(base=self._base, name=name)
        return known[name]

    def _when(self, at: datetime) -> str:
        return f"{localtime(at, self._base.tz):%d/%m/%Y %H:%M}"


def _told(line: _EventLine) -> tuple[Outcome, str, list[str]]:
    """One outcome for an event of several meetings: the one that most needs to be seen."""
    remarks = list(line.remarks)
    if len(line.outcomes) > 1:
        count = len(line.outcomes)
        remarks.append(ngettext("%(count)d meeting", "%(count)d meetings", count) % {"count": count})
    if line.cancelled:
        remarks.append(_("taken as cancelled"))
    order = [Outcome.REFUSED, Outcome.UPDATED, Outcome.CORRECTED, Outcome.TAKEN, Outcome.UNCHANGED]
    outcome = next((one for one in order if one in line.outcomes), Outcome.REFUSED)
    return outcome, line.subject, remarks
