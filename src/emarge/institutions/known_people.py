"""Who a row is: the people already known, and the rules that keep homonyms apart (docs/formats/imports.md)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from django.utils.translation import gettext as _

from emarge.institutions.models import Student, Teacher
from emarge.institutions.names import name_key
from emarge.institutions.people_rows import PersonRow


@dataclass(eq=False)
class Known:
    """Somebody who is in the base, or in an earlier row of the file (``line``)."""

    person: Student | Teacher
    groups: set[int] = field(default_factory=set)
    """The groups that the base says, by primary key."""
    wanted: set[int] = field(default_factory=set)
    """The groups that the rows of the file say."""
    line: int | None = None
    changed: bool = False
    """Whether the base must be written."""

    @property
    def identifier(self) -> tuple[str, str] | None:
        person = self.person
        if isinstance(person, Student) and person.identifier:
            return person.identifier_type, person.identifier
        return None

    @property
    def birth_on(self) -> date | None:
        return self.person.birth_on if isinstance(self.person, Student) else None

    @property
    def name(self) -> str:
        return name_key(self.person.last_name, self.person.first_name)


class ConflictError(Exception):
    """A row that a person must settle; the text says why."""


class KnownPeople:
    """An index of people by identifier, e-mail and name."""

    def __init__(self, people: Iterable[Known]) -> None:
        self._all: dict[int, Known] = {}
        self._by_identifier: dict[tuple[str, str], Known] = {}
        self._by_email: defaultdict[str, list[Known]] = defaultdict(list)
        self._by_name: defaultdict[str, list[Known]] = defaultdict(list)
        for known in people:
            self.add(known)

    def add(self, known: Known) -> None:
        """Index somebody, again when a row has changed what is known."""
        self._all[id(known)] = known
        if known.identifier:
            self._by_identifier[known.identifier] = known
        if known.person.email and known not in self._by_email[known.person.email]:
            self._by_email[known.person.email].append(known)
        if known not in self._by_name[known.name]:
            self._by_name[known.name].append(known)

    def all(self) -> list[Known]:
        """Everybody, in the order in which they came."""
        return list(self._all.values())

    def find(self, row: PersonRow) -> Known | None:
        """The person of a row, None when it is somebody new; raises ConflictError."""
        name = name_key(row.last_name, row.first_name)
        by_identifier = self._by_identifier.get((row.identifier_type, row.identifier))
        # An entry of the index may be older than the person: a row may have changed what it was made from.
        if by_identifier is not None and by_identifier.identifier == _identifier(row):
            _check_same(by_identifier, row, name)
            return by_identifier
        for known in self._by_email.get(row.email, []):
            if known.name == name and known.person.email == row.email and not _apart(known, row):
                if known.line is not None and _differ(known.identifier, _identifier(row)):
                    raise ConflictError(
                        _("the same name and e-mail are on line %(line)d with another identifier")
                        % {"line": known.line}
                    )
                return known
        return self._by_name_only(row, name)

    def _by_name_only(self, row: PersonRow, name: str) -> Known | None:
        found = [
            known
            for known in self._by_name.get(name, [])
            if known.name == name
            and not _differ(known.identifier, _identifier(row))
            and not _differ(known.person.email, row.email)
            and not _differ(known.birth_on, row.birth_on)
            and (row.birth_on == known.birth_on or _says_little(known) or _row_says_little(row))
        ]
        if len(found) > 1:
            raise ConflictError(
                _("several people have this name, and nothing tells which one: add an identifier or an e-mail")
            )
        return found[0] if found else None


def _identifier(row: PersonRow) -> tuple[str, str] | None:
    return (row.identifier_type, row.identifier) if row.identifier else None


def _differ(one: object, other: object) -> bool:
    """Two facts that are both known and disagree."""
    return bool(one) and bool(other) and one != other


def _apart(known: Known, row: PersonRow) -> bool:
    """One name and one e-mail, but neither the identifier nor the birth date: two homonyms at one address."""
    return _differ(known.identifier, _identifier(row)) and _differ(known.birth_on, row.birth_on)


def _says_little(known: Known) -> bool:
    return known.identifier is None and not known.person.email and known.birth_on is None


def _row_says_little(row: PersonRow) -> bool:
    return not row.identifier and not row.email and row.birth_on is None


def _check_same(known: Known, row: PersonRow, name: str) -> None:
    """One identifier: is it one person? Raises ConflictError otherwise."""
    other_birth = _differ(known.birth_on, row.birth_on)
    if known.line is not None:
        if other_birth:
            raise ConflictError(
                _("the identifier is on line %(line)d with another birth date: a person must settle")
                % {"line": known.line}
            )
        if known.name != name:
            raise ConflictError(_("the identifier is that of line %(line)d, under another name") % {"line": known.line})
        return
    shares_a_name = bool(
        {name_key(known.person.last_name), name_key(known.person.first_name)}
        & {name_key(row.last_name), name_key(row.first_name)}
    )
    same_email = bool(row.email) and row.email == known.person.email
    if known.name == name or same_email or (shares_a_name and not other_birth):
        return
    raise ConflictError(
        _("the identifier is already that of %(name)s: a person must settle") % {"name": str(known.person)}
    )
