"""From an event to the class meeting that it asks for: who teaches what to whom, and where."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from emarge.institutions.models import Group, Teacher
from emarge.lib.import_report import Remarks
from emarge.lib.tables import is_formula
from emarge.lib.words import tidy
from emarge.timetable.calendar_file import CalendarEvent, EventError
from emarge.timetable.directory import Publics, TeacherBook
from emarge.timetable.event_words import Words, known_type, read_words
from emarge.timetable.recurrence import Occurrence

NO_TYPE = "Cours"
_MAX_SUBJECT, _MAX_ROOM, _MAX_TYPE, _MAX_GROUP, _MAX_UID = 300, 200, 50, 200, 250


@dataclass
class EventPlan:
    """What one event says of each of its meetings."""

    subject: str
    course_type: str
    room: str
    groups: list[Group]
    teachers: list[Teacher]
    cancelled: bool
    remarks: Remarks


@dataclass(frozen=True)
class MeetingPlan:
    """One class meeting that a file asks for. ``key`` names it for life."""

    key: str
    line: int
    sequence: int
    starts_at: datetime
    ends_at: datetime
    cancelled: bool
    event: EventPlan


class Planner:
    """Reads events with the teachers and the groups of a base at hand."""

    def __init__(self, teachers: TeacherBook, publics: Publics) -> None:
        self._teachers = teachers
        self._publics = publics

    def plan(self, event: CalendarEvent) -> EventPlan:
        """What an event asks for. Raises EventError when it has no subject."""
        words = read_words(event)
        remarks = Remarks(event.remarks)
        if words.cancelled and not event.cancelled:
            remarks.append(_("cancelled: the summary says so"))
        groups = self._groups(words, remarks)
        teachers = self._teachers_of(event, words, remarks)
        course_type = self._type(event, words, remarks)
        self._from_loose_words(words, groups, teachers)
        if not groups:
            remarks.append(_("no public: nobody is on its roll sheet"))
        if not teachers:
            remarks.append(_("no teacher"))
        return EventPlan(
            subject=self._subject(words, groups, teachers),
            course_type=course_type,
            room=_room(words.room, remarks),
            groups=sorted(groups, key=lambda group: group.pk),
            teachers=sorted(teachers, key=lambda teacher: teacher.pk),
            cancelled=event.cancelled or words.cancelled,
            remarks=remarks,
        )

    def _groups(self, words: Words, remarks: Remarks) -> list[Group]:
        cohorts, made = self._read_publics(words.cohorts, [], remarks)
        parts, made_parts = self._read_publics(words.public, cohorts, remarks)
        unknown = _("group “%(name)s” unknown until now: created, empty")
        remarks.extend(unknown % {"name": name} for name in made + made_parts)
        # « Promotion » beside « Groupe » says where the group is; alone, it is the public.
        return parts or cohorts

    def _read_publics(self, values: list[str], cohorts: list[Group], remarks: Remarks) -> tuple[list[Group], list[str]]:
        found: dict[Group, None] = {}
        made: list[str] = []
        for value in values:
            if is_formula(value) or len(value) > _MAX_GROUP * 10:
                remarks.correct(_("%(what)s left out: it is a spreadsheet formula") % {"what": _("group")})
                continue
            groups, new = self._publics.read(value, cohorts)
            found.update(dict.fromkeys(groups))
            made += new
        return list(found), made

    def _teachers_of(self, event: CalendarEvent, words: Words, remarks: Remarks) -> list[Teacher]:
        found: dict[Teacher, None] = {}
        for value in words.teachers:
            teachers, unknown = self._teachers.read(value)
            found.update(dict.fromkeys(teachers))
            for name in unknown:
                remarks.correct(_("teacher “%(name)s” unknown or ambiguous: left out") % {"name": name})
        for name, email in event.people:
            teacher = self._teachers.by_email(email) or (self._teachers.named(name) if name else None)
            if teacher is not None:
                found.setdefault(teacher)
        return list(found)

    def _type(self, event: CalendarEvent, words: Words, remarks: Remarks) -> str:
        candidates = [words.course_type]
        candidates += [piece for piece in event.categories if known_type(piece)]
        candidates += [piece for piece in words.summary[1:] + words.loose if known_type(piece)]
        candidates += [piece for piece in event.categories if self._publics.named(piece) is None]
        for text in candidates:
            if text and (is_formula(text) or len(text) > _MAX_TYPE):
                remarks.correct(_("type of course not taken: too long or a formula"))
            elif text:
                return known_type(text) or text
        return NO_TYPE

    def _from_loose_words(self, words: Words, groups: list[Group], teachers: list[Teacher]) -> None:
        """Words without label count as far as they name somebody or a group that is known."""
        for piece in words.loose + words.summary[1:]:
            teacher = None if words.teachers else self._teachers.named(piece)
            group = None if words.public or words.cohorts else self._publics.named(piece)
            if teacher is not None and teacher not in teachers:
                teachers.append(teacher)
            elif group is not None and group not in groups:
                groups.append(group)

    def _subject(self, words: Words, groups: list[Group], teachers: list[Teacher]) -> str:
        pieces = [
            piece
            for piece in words.summary
            if not known_type(piece)
            and self._publics.named(piece) not in groups
            and self._teachers.named(piece) not in teachers
        ]
        subject = tidy(words.subject or (" - ".join(pieces) if pieces else " - ".join(words.summary)))
        if not subject:
            raise EventError(_("there is no subject"))
        if is_formula(subject):
            raise EventError(_("the subject is a spreadsheet formula: write it as text"))
        if len(subject) > _MAX_SUBJECT:
            raise EventError(_("the subject is longer than %(most)d characters") % {"most": _MAX_SUBJECT})
        return subject


def _room(text: str, remarks: Remarks) -> str:
    room = tidy(text)
    if is_formula(room) or len(room) > _MAX_ROOM:
        remarks.correct(_("room not taken: too long or a formula"))
        return ""
    return room


def course_key(subject: str, course_type: str, groups: list[Group]) -> str:
    """What makes two meetings one course: subject, type and public."""
    says = [subject, course_type, sorted(str(group.uuid) for group in groups)]
    return f"course:{hashlib.sha256(json.dumps(says, ensure_ascii=False).encode()).hexdigest()}"


def series_key(uid: str) -> str:
    """The UID as it is kept: very long ones by their digest. « # » is ours, to number the repetitions."""
    plain = uid.replace("#", "%23")
    return plain if len(plain) <= _MAX_UID else f"uid-sha256:{hashlib.sha256(uid.encode()).hexdigest()}"


def key_without_uid(event: CalendarEvent, *, whole: bool = False) -> str:
    """A name for an event that has none: its start and its words, with all that it says when two share them."""
    start = event.starts.at.isoformat() if event.starts else ""
    says = [start, event.summary, event.description]
    if whole:
        says += [event.location, str(event.length), str(event.rule)]
    return f"no-uid:{hashlib.sha256(json.dumps(says, ensure_ascii=False).encode()).hexdigest()}"


def meeting_key(series: str, occurrence: Occurrence) -> str:
    """The name of one meeting: the series, with the original start of a repetition."""
    if occurrence.original is None:
        return series
    return f"{series}#{occurrence.original:%Y%m%dT%H%M%SZ}"
