"""Taking a list of people into a base: one transaction a file, nothing dropped in silence (docs/formats/imports.md)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django_scopes import scope

from emarge.accounts.actions import STUDENTS, TEACHERS, create_users, ensure_default_profiles, new_user
from emarge.accounts.models import User
from emarge.hosting.models import Base
from emarge.institutions.groups import GroupBook, names_in_several_cohorts
from emarge.institutions.headings import Column, Headings, read_headings
from emarge.institutions.identities import Correction, Identity, OnCorrections
from emarge.institutions.known_people import ConflictError, Known, KnownPeople
from emarge.institutions.models import Student, Teacher
from emarge.institutions.people_rows import PersonRow, RowReader
from emarge.institutions.rules import lacks
from emarge.institutions.texts import LACK_TEXTS
from emarge.lib.import_report import FileKind, FileReport, Outcome
from emarge.lib.tables import Table
from emarge.lib.words import folded

Locked = Callable[[Collection[int]], set[int]]
Progress = Callable[[int, int], None]

_STUDENT_FIELDS = ("last_name", "first_name", "birth_on", "email", "employer", "employer_email")
_TEACHER_FIELDS = ("last_name", "first_name", "email")
_BATCH = 100


@dataclass
class _Result:
    row: PersonRow
    known: Known
    outcome: Outcome
    remarks: list[str] = field(default_factory=list)


@transaction.atomic
def import_people(
    base: Base,
    table: Table,
    report: FileReport,
    *,
    at: datetime,
    on_roll_calls: Locked,
    on_corrections: OnCorrections,
    progress: Progress,
) -> None:
    """Take the teachers or the students of a table into a base and tell about each line in ``report``.

    ``on_roll_calls`` gives, of some students' keys, those that stand on a roll call: their identifier may not
    change. ``on_corrections`` is told, in the same transaction, whose name, identifier or birth date changed.
    """
    headings = read_headings(table.headings)
    report.kind = FileKind.TEACHERS if headings.teachers else FileKind.STUDENTS
    reader = RowReader(table, headings, at.astimezone(base.tz).date())
    _note_headings(report, headings, reader)
    with scope(base=base):
        taking = _Taking(base, report, headings, on_roll_calls)
        on_corrections(taking.take(list(reader.rows()), progress))


def _note_headings(report: FileReport, headings: Headings, reader: RowReader) -> None:
    if headings.repeated:
        report.notes.append(
            _("columns left aside, another one says the same: %(names)s") % {"names": ", ".join(headings.repeated)}
        )
    if headings.unknown:
        report.notes.append(_("columns not known, left aside: %(names)s") % {"names": ", ".join(headings.unknown)})
    if not headings.sure:
        report.notes.append(_("taken as teachers: no heading speaks of students (INE, birth date, group, employer)"))
    if reader.month_first:
        report.notes.append(_("dates read as month/day/year: nothing else fits"))


class _Taking:
    """One import of one list: the rows are matched first, then everything is written at once."""

    def __init__(self, base: Base, report: FileReport, headings: Headings, on_roll_calls: Locked) -> None:
        self._base = base
        self._report = report
        self._students = not headings.teachers
        self._says_groups = bool({Column.COHORT, Column.GROUPS} & headings.columns.keys())
        self._on_roll_calls = on_roll_calls
        profiles = ensure_default_profiles(base)
        self._profile = profiles[STUDENTS if self._students else TEACHERS]
        self._users = {user.login: user for user in User.objects.filter(base=base)}
        loaded = self._load()
        self._keys = {known.person.source_key for known in loaded}
        self._people = KnownPeople(loaded)
        self._new_users: list[User] = []
        self._changed_users: dict[int, User] = {}
        self._new: list[Known] = []

    def _load(self) -> list[Known]:
        if not self._students:
            return [Known(teacher) for teacher in Teacher.objects.select_related("user")]
        groups: dict[int, set[int]] = {}
        for student, group in Student.groups.through.objects.filter(student__base=self._base).values_list(
            "student_id", "group_id"
        ):
            groups.setdefault(student, set()).add(group)
        return [
            Known(student, groups=groups.get(student.pk, set())) for student in Student.objects.select_related("user")
        ]

    def take(self, rows: list[PersonRow], progress: Progress) -> list[Correction]:
        """Match every row, write, and tell; the students known before who are no longer called as they were."""
        former = {
            known.person.pk: Identity.of(known.person)
            for known in self._people.all()
            if isinstance(known.person, Student)
        }
        book = GroupBook(
            self._base,
            names_in_several_cohorts((row.cohort, name) for row in rows for name in row.groups if not row.refused),
        )
        results: list[_Result] = []
        for number, row in enumerate(rows, start=1):
            result = self._match(row)
            if result is not None:
                self._want_groups(result, book)
                results.append(result)
            progress(number, len(rows))
        for result in results:
            self._settle_groups(result)
            self._tell_what_is_missing(result)
        self._write()
        self._report.keys = sorted({result.known.person.pk for result in results})
        for result in results:
            self._report.add(result.row.line, result.outcome, result.row.name, result.row.remarks + result.remarks)
        self._report.lines.sort(key=lambda line: line.number)
        return [
            Correction(student, former[student.pk])
            for known in self._people.all()
            if known.changed and (student := known.person).pk in former and isinstance(student, Student)
            if Identity.of(student) != former[student.pk]
        ]

    def _match(self, row: PersonRow) -> _Result | None:
        try:
            if row.refused:
                raise ConflictError(row.refused)  # noqa: TRY301 - told like every other refusal
            known = self._people.find(row)
            if known is None:
                result = self._create(row)
            elif known.line is not None:
                result = self._again(row, known)
            else:
                result = self._update(row, known)
        except ConflictError as refusal:
            self._report.add(row.line, Outcome.REFUSED, row.name, [*row.remarks, str(refusal)])
            return None
        self._give_login(result)
        if result.known.line is None:
            result.known.line = row.line
        self._people.add(result.known)
        return result

    def _create(self, row: PersonRow) -> _Result:
        person: Student | Teacher
        if self._students:
            person = Student(
                base=self._base,
                identifier_type=row.identifier_type,
                identifier=row.identifier,
                **{name: getattr(row, name) for name in _STUDENT_FIELDS},
            )
        else:
            person = Teacher(base=self._base, **{name: getattr(row, name) for name in _TEACHER_FIELDS})
        person.source_key = self._source_key(row, person)
        known = Known(person)
        self._new.append(known)
        return _Result(row, known, row.remarks.outcome)

    def _source_key(self, row: PersonRow, person: Student | Teacher) -> str:
        """By what the person was first known: kept for life, whatever changes later."""
        keys = [
            f"id:{row.identifier_type}:{row.identifier}" if row.identifier else "",
            f"email:{row.email}" if row.email else "",
            f"name:{folded(row.name)}:{row.birth_on or ''}",
            f"uuid:{person.uuid}",
        ]
        key = next(key for key in keys if key and key not in self._keys)
        self._keys.add(key)
        return key

    def _again(self, row: PersonRow, known: Known) -> _Result:
        """A second row of one person: it may only add groups and what the first left empty."""
        row.remarks.append(_("already seen on line %(line)d") % {"line": known.line})
        fields = _STUDENT_FIELDS if self._students else _TEACHER_FIELDS
        for name in fields:
            value, first = getattr(row, name), getattr(known.person, name)
            if value and not first:
                setattr(known.person, name, value)
                known.changed = True
            elif value and value != first and name not in {"last_name", "first_name"}:
                row.remarks.append(_("line %(line)d says otherwise: its value stands") % {"line": known.line})
        return _Result(row, known, Outcome.UNCHANGED)

    def _update(self, row: PersonRow, known: Known) -> _Result:
        changes = []
        person = known.person
        if isinstance(person, Student) and row.identifier:
            changes += self._change_identifier(row, person)
        old_email = person.email
        for name in _STUDENT_FIELDS if self._students else _TEACHER_FIELDS:
            value = getattr(row, name)
            if value and value != getattr(person, name):
                changes.append(_FIELD_TEXTS[name]())
                setattr(person, name, value)
        if not changes:
            return _Result(row, known, Outcome.UNCHANGED)
        known.changed = True
        if person.user is not None:
            self._follow(person.user, row, old_email)
        return _Result(row, known, Outcome.UPDATED, [_("changed: %(what)s") % {"what": ", ".join(changes)}])

    def _change_identifier(self, row: PersonRow, student: Student) -> list[str]:
        if (student.identifier_type, student.identifier) == (row.identifier_type, row.identifier):
            return []
        if student.identifier and student.pk in self._on_roll_calls([student.pk]):
            raise ConflictError(
                _("the identifier of a student on a roll call does not change by import: a person must settle")
            )
        student.identifier_type, student.identifier = row.identifier_type, row.identifier
        return [_("identifier")]

    def _follow(self, user: User, row: PersonRow, old_email: str) -> None:
        """The login follows the e-mail that it was, and the user's name the person's."""
        before = (user.login, user.first_name, user.last_name)
        if row.email and user.login == old_email and row.email not in self._users:
            del self._users[user.login]
            user.login = row.email
            self._users[user.login] = user
        user.first_name, user.last_name = row.first_name, row.last_name
        if (user.login, user.first_name, user.last_name) != before:
            self._changed_users[user.pk] = user

    def _give_login(self, result: _Result) -> None:
        person = result.known.person
        if not person.email or person.user is not None:
            return
        if person.email in self._users:
            result.remarks.append(_("no login: the e-mail is already somebody else's login"))
            return
        person.user = new_user(
            self._base,
            login=person.email,
            first_name=person.first_name,
            last_name=person.last_name,
            profile=self._profile,
        )
        self._users[person.email] = person.user
        self._new_users.append(person.user)
        result.known.changed = True
        if result.outcome is Outcome.UNCHANGED:
            result.outcome = Outcome.UPDATED
            result.remarks.append(_("login added"))

    def _want_groups(self, result: _Result, book: GroupBook) -> None:
        row, known = result.row, result.known
        cohort = book.cohort(row.cohort) if row.cohort else None
        said = {book.part(cohort, name).pk for name in row.groups} | ({cohort.pk} if cohort else set())
        new = said - known.wanted - known.groups
        known.wanted |= said
        if new and known.line != row.line:
            row.remarks.append(_("its groups are added"))
            result.outcome = Outcome.TAKEN if known.person.pk is None else Outcome.UPDATED

    def _settle_groups(self, result: _Result) -> None:
        """On the first row of a person known before: the groups of all the file's rows replace the old ones."""
        known = result.known
        if not self._says_groups or not known.wanted or known.person.pk is None or known.line != result.row.line:
            return
        if known.wanted != known.groups:
            result.outcome = Outcome.UPDATED
            result.remarks.append(_("changed: %(what)s") % {"what": _("groups")})

    def _tell_what_is_missing(self, result: _Result) -> None:
        student = result.known.person
        if not isinstance(student, Student):
            return
        missing = lacks(student.identifier, student.birth_on)
        if missing:
            what = ", ".join(str(LACK_TEXTS[lack]) for lack in missing)
            result.remarks.append(_("not ready for sign-in: missing %(what)s") % {"what": what})

    def _write(self) -> None:
        create_users(self._new_users)
        User.objects.bulk_update(self._changed_users.values(), ["login", "first_name", "last_name"], batch_size=_BATCH)
        known = [known for known in self._people.all() if known.person.pk is not None]
        changed = [entry.person for entry in known if entry.changed]
        if self._students:
            students = [person for person in changed if isinstance(person, Student)]
            fields = [*_STUDENT_FIELDS, "identifier_type", "identifier", "user"]
            Student.objects.bulk_update(students, fields, batch_size=_BATCH)
            Student.objects.bulk_create(
                [entry.person for entry in self._new if isinstance(entry.person, Student)], batch_size=_BATCH
            )
            self._write_groups([*known, *self._new])
        else:
            teachers = [person for person in changed if isinstance(person, Teacher)]
            Teacher.objects.bulk_update(teachers, [*_TEACHER_FIELDS, "user"], batch_size=_BATCH)
            Teacher.objects.bulk_create(
                [entry.person for entry in self._new if isinstance(entry.person, Teacher)], batch_size=_BATCH
            )

    def _write_groups(self, people: list[Known]) -> None:
        through = Student.groups.through
        added, removed = [], []
        for known in people:
            if known.wanted and known.wanted != known.groups:
                added += [
                    through(student_id=known.person.pk, group_id=group) for group in sorted(known.wanted - known.groups)
                ]
                removed += [(known.person.pk, group) for group in known.groups - known.wanted]
        through.objects.bulk_create(added, batch_size=_BATCH)
        for student, group in removed:
            through.objects.filter(student_id=student, group_id=group).delete()


_FIELD_TEXTS: dict[str, Callable[[], str]] = {
    "last_name": lambda: _("last name"),
    "first_name": lambda: _("first name"),
    "birth_on": lambda: _("birth date"),
    "email": lambda: _("e-mail"),
    "employer": lambda: _("employer"),
    "employer_email": lambda: _("employer's e-mail"),
}
