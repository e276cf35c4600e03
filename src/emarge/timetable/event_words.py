"""What an event says in words: subject, type, teachers, public, room. Nothing is looked up here but labels."""

import html
import re
from dataclasses import dataclass, field
from enum import Enum

from emarge.lib.words import heading, tidy
from emarge.timetable.calendar_file import CalendarEvent


class Label(Enum):
    SUBJECT = "subject"
    TEACHERS = "teachers"
    PUBLIC = "public"
    COHORT = "cohort"
    TYPE = "type"
    ROOM = "room"
    OTHER = "other"


_LABELS = {
    Label.SUBJECT: r"matieres?|modules?|cours|enseignements?|ue|ec|intitule( du cours)?|subjects?|course|title|titre",
    Label.TEACHERS: (
        r"(noms? )?(de |d |du |des |de l )?(enseignante?s?|intervenante?s?|format(eur)?( ?(format)?rice)?s?"
        r"|professeure?s?|profs?"
        r"|personnels?|charge(e)?s? (de |du )?cours|animat(eur|rice)s?|teachers?|trainers?|instructors?|lecturers?"
        r"|tutors?)( s)?"
    ),
    Label.PUBLIC: (
        r"publics?|groupes?|groupes? (de )?(td|tp|classe)|td( options?)?|etudiants?|apprenants?|stagiaires?"
        r"|groups?|audience|attendees|participants?|parties de classe|regroupements?"
    ),
    Label.COHORT: (
        r"promotions?|promos?|cohortes?|cohorts?|formations?|filieres?|programmes?|sections?|diplomes?|class(e|es)?"
    ),
    Label.TYPE: r"types?( de cours| de seance| d activite)?|nature|activite|kind|course type|modalites?|categories?",
    Label.ROOM: r"salles?|lieux?|rooms?|location|place|emplacement",
    Label.OTHER: (
        r"memo|remarques?|notes?|commentaires?|comments?|effectifs?|code|duree|duration|date|horaires?|heures?"
        r"|materiels?|equipements?|contenu|travail|url|lien|link|id|e ?mail|tel(ephone)?|exporte le|mis a jour( le)?"
    ),
}
_PATTERNS = tuple((label, re.compile(pattern)) for label, pattern in _LABELS.items())
_LABELLED = re.compile(r"^[\s*•·–>-]*([^\W\d_][\w '’()./·-]{0,38}?)\s*(?::|=)\s*(.*)$")
_BREAKS = re.compile(r"<br\s*/?>|</p>|</div>|</li>|\\n", re.IGNORECASE)
_TAGS = re.compile(r"</?(?:a|b|body|div|em|font|html|i|li|p|span|strong|u|ul)\b[^>]{0,200}>", re.IGNORECASE)
_IN_LINE = re.compile(r"\s+[|;•]\s+(?=[^\W\d_][\w '’()./·-]{0,38}?\s*:)")
_EXPORTED = re.compile(r"\(?\s*(export|updated|mis a jour|modifie)", re.IGNORECASE)
_CANCELLED = re.compile(
    r"^\s*[\[(]?\s*(?:cours\s+|séance\s+|seance\s+)?(?:annulée?s?|annulee?s?|cancelled|canceled)\s*[\])]?\s*[:–—-]?\s*",
    re.IGNORECASE,
)
_PIECES = re.compile(r"\s+[-–—|]\s+|\s*[|]\s*")
_TYPES = {
    "cm": "CM",
    "td": "TD",
    "tp": "TP",
    "ctd": "CTD",
    "cours magistral": "CM",
    "travaux diriges": "TD",
    "travaux pratiques": "TP",
    "cours": "Cours",
    "atelier": "Atelier",
    "conference": "Conférence",
    "projet": "Projet",
    "examen": "Examen",
    "ds": "DS",
    "controle": "Contrôle",
    "soutenance": "Soutenance",
    "seminaire": "Séminaire",
    "lecture": "Lecture",
    "tutorial": "Tutorial",
    "workshop": "Workshop",
    "lab": "Lab",
    "exam": "Exam",
    "e learning": "E-learning",
    "formation": "Formation",
}


@dataclass
class Words:
    """The labelled values of an event, and the pieces without label, in order."""

    subject: str = ""
    course_type: str = ""
    teachers: list[str] = field(default_factory=list)
    public: list[str] = field(default_factory=list)
    cohorts: list[str] = field(default_factory=list)
    room: str = ""
    loose: list[str] = field(default_factory=list)
    """Lines of the description without label."""
    summary: list[str] = field(default_factory=list)
    """The summary, cut at its dashes."""
    cancelled: bool = False
    """The summary says so."""


def read_words(event: CalendarEvent) -> Words:
    """Sort what the event says by its labels."""
    summary = _CANCELLED.sub("", event.summary)
    words = Words(
        room=event.location,
        summary=[piece for piece in (tidy(piece) for piece in _PIECES.split(summary)) if piece],
        cancelled=summary != event.summary,
    )
    label: Label | None = None
    for line in _lines(event.description):
        if not line:
            label = None
            continue
        found, value = _labelled(line)
        if found is not None:
            label = found
            if value:
                _keep(words, found, value)
                label = None
        elif label is not None:
            # « Groupes : », then one a line.
            _keep(words, label, line.lstrip("-*•· "))
        elif not _EXPORTED.match(line):
            words.loose.append(line.lstrip("*•· "))
    return words


def known_type(text: str) -> str:
    """The type of course that a word is, in its usual writing; empty when it is none."""
    return _TYPES.get(heading(text), "")


def _lines(description: str) -> list[str]:
    text = html.unescape(_TAGS.sub("", _BREAKS.sub("\n", description)))
    return [tidy(piece) for line in text.split("\n") for piece in _IN_LINE.split(line)]


def _labelled(line: str) -> tuple[Label | None, str]:
    match = _LABELLED.match(line)
    if match is None:
        return None, ""
    word = heading(match[1])
    for label, pattern in _PATTERNS:
        if pattern.fullmatch(word):
            return label, match[2].strip()
    return None, ""


def _keep(words: Words, label: Label, value: str) -> None:
    if label is Label.SUBJECT:
        words.subject = words.subject or value
    elif label is Label.TYPE:
        words.course_type = words.course_type or value
    elif label is Label.ROOM:
        words.room = words.room or value
    elif label is Label.TEACHERS:
        words.teachers.append(value)
    elif label is Label.PUBLIC:
        words.public.append(value)
    elif label is Label.COHORT:
        words.cohorts.append(value)
