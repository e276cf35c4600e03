"""Finding the teachers and the groups that a timetable names."""

import re
from collections import defaultdict

from emarge.institutions.groups import GroupBook
from emarge.institutions.models import Group, Teacher
from emarge.institutions.names import name_key
from emarge.lib.words import folded, tidy

_BETWEEN_PEOPLE = re.compile(r"\s*(?:[;/&|+\n]|\bet\b|\band\b)\s*")
_BETWEEN_GROUPS = re.compile(r"\s*[,;|\n]\s*")
_WEAKLY_BETWEEN_GROUPS = re.compile(r"\s*(?:[/&+]|\bet\b|\band\b|\s[-–]\s)\s*")
_INSIDE = re.compile(r"\s*(?:\s[-–]\s|>)\s*")
_IN_BRACKETS = re.compile(r"\s*\([^)]*\)\s*")
_GROUP_WORDS = re.compile(
    r"^(groupes?|grp?|promotions?|promo|classes?|td|tp|cohortes?|groups?|class)\s+", re.IGNORECASE
)


class TeacherBook:
    """The teachers of a base, by name and by e-mail."""

    def __init__(self) -> None:
        self._by_name: defaultdict[str, list[Teacher]] = defaultdict(list)
        self._by_last_name: defaultdict[str, list[Teacher]] = defaultdict(list)
        self._by_email = {}
        for teacher in Teacher.objects.all():
            self._by_name[name_key(teacher.last_name, teacher.first_name)].append(teacher)
            self._by_last_name[name_key(teacher.last_name)].append(teacher)
            if teacher.email:
                self._by_email[teacher.email] = teacher

    def by_email(self, email: str) -> Teacher | None:
        return self._by_email.get(email.lower())

    def named(self, text: str) -> Teacher | None:
        """The one teacher of a name in full, in any order of the words; None when there is none or several."""
        found = self._by_name.get(name_key(_IN_BRACKETS.sub(" ", text)), [])
        return found[0] if len(found) == 1 else self.by_email(text.strip())

    def read(self, text: str) -> tuple[list[Teacher], list[str]]:
        """The teachers whom a labelled value names, and the names that are nobody's or several people's."""
        found: list[Teacher] = []
        unknown: list[str] = []
        for part in _BETWEEN_PEOPLE.split(text):
            name = tidy(part)
            teacher = self._likely(name)
            if teacher is not None:
                found.append(teacher)
                continue
            for piece in self._cut(name):
                teacher = self._likely(piece)
                if teacher is not None:
                    found.append(teacher)
                elif piece:
                    unknown.append(piece)
        return list(dict.fromkeys(found)), unknown

    def _cut(self, name: str) -> list[str]:
        """At its commas; but « DUPONT, Jean » is one person."""
        pieces = [tidy(piece) for piece in name.split(",")]
        if len(pieces) == 2 and all(" " not in piece for piece in pieces):  # noqa: PLR2004 - last name, first name
            return pieces if any(self._likely(piece) for piece in pieces) else [" ".join(pieces)]
        return pieces

    def _likely(self, text: str) -> Teacher | None:
        """In full; else, when only one teacher fits, by the last name with an initial or alone."""
        teacher = self.named(text) if text else None
        if teacher is not None or not text:
            return teacher
        words = name_key(_IN_BRACKETS.sub(" ", text)).split()
        initials = [word for word in words if len(word) == 1]
        last = self._by_last_name.get(" ".join(word for word in words if len(word) > 1), [])
        fitting = [one for one in last if all(folded(one.first_name).startswith(letter) for letter in initials)]
        return fitting[0] if len(fitting) == 1 and len(initials) <= 1 else None


class Publics:
    """The groups that a timetable names; those that nobody knows are made, empty."""

    def __init__(self, book: GroupBook) -> None:
        self._book = book

    def named(self, text: str) -> Group | None:
        """The group of exactly that name, or of that name after a word like « Groupe »."""
        return self._book.find(text) or self._book.find(_GROUP_WORDS.sub("", text))

    def read(self, text: str, cohorts: list[Group]) -> tuple[list[Group], list[str]]:
        """The groups that a labelled value names, and those names that were unknown until now."""
        whole = self._within(text, cohorts)
        if whole is not None:
            return [whole], []
        found: list[Group] = []
        made: list[str] = []
        for name in _BETWEEN_GROUPS.split(text):
            if name:
                self._read_one(tidy(name), cohorts, found, made)
        return list(dict.fromkeys(found)), made

    def _read_one(self, name: str, cohorts: list[Group], found: list[Group], made: list[str]) -> None:
        group = self._within(name, cohorts)
        if group is not None:
            found.append(group)
            return
        inside = self._inside(name)
        if inside is not None:
            found.append(inside)
            return
        pieces = [tidy(piece) for piece in _WEAKLY_BETWEEN_GROUPS.split(name) if piece.strip()]
        if len(pieces) > 1 and any(self._within(piece, cohorts) for piece in pieces):
            for piece in pieces:
                self._read_one(piece, cohorts, found, made)
            return
        found.append(self._book.part(cohorts[0], name) if len(cohorts) == 1 else self._book.unknown(name))
        made.append(name)

    def _inside(self, name: str) -> Group | None:
        """« BUT1 - G1 » is the group of that cohort, not both."""
        outer, _dash, inner = (tidy(part) for part in _INSIDE.sub("\n", name, count=1).partition("\n"))
        cohort = self.named(outer)
        group = self._within(inner, [cohort]) if cohort is not None and inner else None
        return group if cohort is not None and group is not None and group.cohort_id == cohort.pk else None

    def _within(self, name: str, cohorts: list[Group]) -> Group | None:
        """A group of one of the cohorts named beside it comes first: « G1 » of « BTS1 »."""
        bare = _GROUP_WORDS.sub("", name)
        for cohort in cohorts:
            for candidate in (name, bare):
                group = self._book.find(f"{cohort.name} {candidate}")
                if group is not None:
                    return group
        return self.named(name)
