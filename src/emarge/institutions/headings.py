"""What the columns of a list of people mean, and which people they are. Standard library and lib only."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from emarge.lib.words import heading


class Column(Enum):
    LAST_NAME = "last_name"
    FIRST_NAME = "first_name"
    FULL_NAME = "full_name"
    FULL_NAME_REVERSED = "full_name_reversed"
    BIRTH_ON = "birth_on"
    INE = "ine"
    INAA = "inaa"
    FOREIGN = "foreign"
    INTERNAL = "internal"
    COHORT = "cohort"
    GROUPS = "groups"
    CLASS = "class"
    EMAIL = "email"
    EMPLOYER = "employer"
    EMPLOYER_EMAIL = "employer_email"


_PEOPLE = r"(etudiante?s?|eleves?|apprenante?s?|apprentie?s?|stagiaires?|alternante?s?|students?|learners?)"
_STAFF = (
    r"(enseignante?s?|professeure?s?|profs?|intervenante?s?|format(eur)?( ?(format)?rice)?s?"
    r"|teachers?|trainers?|lecturers?)"
)
_PERSON = rf"( (de |d |du |de la |des |de l )?({_PEOPLE}|{_STAFF}))?"
_FIRM = r"(entreprise|employeur|societe|company|employer|structure d accueil)"
_TUTOR = r"(tuteur|tutrice|maitre d apprentissage)"
_MAIL = r"(e ?mails?|courriels?|mels?|mails?|adresses? (e ?mail|mail|electronique|courriel|mel)|e ?mail address)"
# Each meaning with its headings, folded; of two columns with one meaning the earlier pattern is read.
_MEANINGS: tuple[tuple[Column, tuple[str, ...]], ...] = (
    (
        Column.FULL_NAME_REVERSED,
        (rf"prenoms? (et |& )?noms?( de famille)?{_PERSON}", r"first name (and )?last name"),
    ),
    (
        Column.FULL_NAME,
        (
            rf"noms?( de famille)? (et )?prenoms?{_PERSON}",
            rf"noms? complets?{_PERSON}",
            r"full ?name|last name (and )?first name|name",
            _PEOPLE,
            _STAFF,
            r"identite|participante?s?|beneficiaires?",
        ),
    ),
    (
        Column.LAST_NAME,
        (
            rf"noms?( de famille)?{_PERSON}|(student |teacher )?(last|family) ?name|surname",
            rf"nom (d usage|usuel){_PERSON}",
            rf"nom (de naissance|patronymique|de jeune fille){_PERSON}|birth name",
        ),
    ),
    (
        Column.FIRST_NAME,
        (rf"prenoms?( usuel| d usage)?{_PERSON}|(student |teacher )?(first|given) ?names?|forenames?",),
    ),
    (
        Column.BIRTH_ON,
        (
            rf"(date )?(de |of )?(naissance|naiss|birth){_PERSON}",
            r"date naissance( jj mm aaaa)?|date de naissance jj mm aaaa",
            r"nee?( e)?( ?nee?)? le|born( on)?|birth ?da(te|y)|dob|ddn",
        ),
    ),
    (
        Column.INE,
        (
            rf"(n|no|num|numero|code|identifiant)? ?ine( rnie| bea| ines)?{_PERSON}",
            r"(n(o|umero)? )?ine .*|(identifiant|numero) national( (etudiant|eleve|unique|d identification))*",
            r"national (student )?(id|identifier|number)|rnie|bea",
        ),
    ),
    (Column.INAA, (r"(n|no|num|numero|code|identifiant)? ?inaa",)),
    (Column.FOREIGN, (r"(identifiant|numero) etranger|foreign (id|identifier|number)",)),
    (
        Column.INTERNAL,
        (
            rf"(n|no|num|numero|code|id|identifiant|matricule) (de |d |du |de l )?({_PEOPLE}|interne|dossier)",
            rf"matricule|{_PEOPLE} (id|no|number|code)|(identifiant|internal)( id| number)?|id",
        ),
    ),
    (
        Column.COHORT,
        (
            r"promotions?|promos?|cohortes?|cohorts?",
            r"formations?|filieres?|diplomes?|parcours|sections?|divisions?|programmes?|programs?|annee de formation",
        ),
    ),
    (
        Column.GROUPS,
        (r"groupes?|groups?|(groupes?|groups?|sous groupes?) (de )?(td|tp|classe|cours|td tp)|sous groupes?|td|tp",),
    ),
    (Column.CLASS, (r"classes?|class name",)),
    (
        Column.EMPLOYER_EMAIL,
        (
            rf"{_MAIL} (de l |de la |de |du |d )?{_FIRM}|{_FIRM} {_MAIL}|contact {_FIRM}",
            rf"{_MAIL} (de l |de la |de |du |d )?{_TUTOR}|{_TUTOR} {_MAIL}",
        ),
    ),
    (
        Column.EMPLOYER,
        (rf"(nom (de l |de la |du )?)?{_FIRM}( d accueil)?|raison sociale|organisme employeur",),
    ),
    (
        Column.EMAIL,
        (
            rf"{_MAIL}{_PERSON}|{_MAIL} (institutionnel(le)?|universitaire|pro|professionnel(le)?|ecole|scolaire)",
            rf"{_MAIL} (perso|personnel(le)?|privee?)|student email|teacher email",
        ),
    ),
)
_PATTERNS = tuple(
    (column, rank, re.compile(pattern)) for column, patterns in _MEANINGS for rank, pattern in enumerate(patterns)
)
_TEACHERS_SAY = re.compile(
    rf".*\b({_STAFF}|disciplines?|specialites?|matieres?|vacataires?|heures|statut|service|subjects? taught)\b.*"
)
_ONLY_STUDENTS = {Column.INE, Column.INAA, Column.EMPLOYER, Column.EMPLOYER_EMAIL}
_RATHER_STUDENTS = {
    Column.BIRTH_ON,
    Column.COHORT,
    Column.GROUPS,
    Column.CLASS,
    Column.INTERNAL,
    Column.FOREIGN,
}
NAMES = {Column.LAST_NAME, Column.FIRST_NAME, Column.FULL_NAME, Column.FULL_NAME_REVERSED}


@dataclass(frozen=True)
class Headings:
    """The columns that are read, by index; the headings left aside; and whether the people are teachers."""

    columns: dict[Column, int]
    repeated: tuple[str, ...]
    unknown: tuple[str, ...]
    teachers: bool
    sure: bool
    """False when no heading told whether these are teachers or students."""


def score(cells: Sequence[str]) -> int:
    """How many cells are known headings; 0 when they could not head a list of people."""
    found = [column for cell in cells if (column := _meaning(heading(cell))[0]) is not None]
    names = NAMES.intersection(found)
    others = set(found) - NAMES
    if not names or (len(names) == 1 and not others):
        return 0
    return len(found)


def read_headings(cells: Sequence[str]) -> Headings:
    """What each column means."""
    words = [heading(cell) for cell in cells]
    ranked: dict[Column, list[tuple[int, int]]] = {}
    unknown = []
    for index, word in enumerate(words):
        column, rank = _meaning(word)
        if column is not None:
            ranked.setdefault(column, []).append((rank, index))
        elif word:
            unknown.append(cells[index].strip())
    columns = {column: min(found)[1] for column, found in ranked.items()}
    _place_class(columns)
    _place_names(columns)
    read = set(columns.values())
    repeated = tuple(cells[index].strip() for found in ranked.values() for _rank, index in found if index not in read)
    teachers, sure = _are_teachers(words, set(columns))
    return Headings(columns, repeated, tuple(unknown), teachers, sure)


def _meaning(word: str) -> tuple[Column | None, int]:
    for column, rank, pattern in _PATTERNS:
        if word and pattern.fullmatch(word):
            return column, rank
    return None, 0


def _place_class(columns: dict[Column, int]) -> None:
    """« Classe » is a group inside a cohort, and a cohort when there is none."""
    index = columns.pop(Column.CLASS, None)
    if index is not None:
        columns.setdefault(Column.GROUPS if Column.COHORT in columns else Column.COHORT, index)


def _place_names(columns: dict[Column, int]) -> None:
    """Two columns of names are better than one; a « Nom » alone holds the full name."""
    if Column.LAST_NAME in columns and Column.FIRST_NAME in columns:
        columns.pop(Column.FULL_NAME, None)
        columns.pop(Column.FULL_NAME_REVERSED, None)
    elif Column.FULL_NAME in columns and Column.FIRST_NAME in columns:
        columns[Column.LAST_NAME] = columns.pop(Column.FULL_NAME)
    elif Column.LAST_NAME in columns:
        columns.setdefault(Column.FULL_NAME, columns.pop(Column.LAST_NAME))


def _are_teachers(words: Sequence[str], columns: set[Column]) -> tuple[bool, bool]:
    if columns & _ONLY_STUDENTS:
        return False, True
    if any(_TEACHERS_SAY.fullmatch(word) for word in words):
        return True, True
    if columns & _RATHER_STUDENTS or any(re.search(rf"\b{_PEOPLE}\b", word) for word in words):
        return False, True
    return True, False
