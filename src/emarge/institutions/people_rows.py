"""A row of a list of people, read into a value: nothing is looked up, nothing is written."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from django.utils.translation import gettext as _

from emarge.institutions.dates import UnreadableDateError, month_comes_first, read_date
from emarge.institutions.headings import NAMES, Column, Headings
from emarge.institutions.identifiers import WrongFormatError, looks_internal, read_ine
from emarge.institutions.names import split_full_name
from emarge.lib.import_report import Remarks
from emarge.lib.tables import Row, Table, is_formula
from emarge.lib.words import folded, tidy

MAX_NAME = 100
MAX_LABEL = 200
MAX_GROUP = 99  # two of them and a space make a group's name
MAX_IDENTIFIER = 50
_NOTHING = {"", "-", "--", "---", "–", "—", "/", "."}
_NOTHING_SAID = {"n a", "na", "nc", "neant", "null", "none", "inconnu", "inconnue", "unknown", "sans objet"}
_EMAIL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z0-9-]{2,}", re.ASCII)
_MAX_EMAIL = 254
_BETWEEN_GROUPS = re.compile(r"\s*[;,/|+]\s*")


@dataclass
class PersonRow:
    """One person as one row says. ``refused`` is why the row cannot be taken, else empty."""

    line: int
    last_name: str = ""
    first_name: str = ""
    birth_on: date | None = None
    identifier_type: str = ""
    identifier: str = ""
    email: str = ""
    employer: str = ""
    employer_email: str = ""
    cohort: str = ""
    groups: tuple[str, ...] = ()
    refused: str = ""
    remarks: Remarks = field(default_factory=Remarks)

    @property
    def name(self) -> str:
        return f"{self.last_name} {self.first_name}".strip()


class RowReader:
    """Reads the rows of one table, knowing what its columns mean."""

    def __init__(self, table: Table, headings: Headings, today: date) -> None:
        self._table = table
        self._columns = headings.columns
        self._today = today
        index = self._columns.get(Column.BIRTH_ON)
        self.month_first = index is not None and month_comes_first(
            row.cells[index] for row in table.rows if index < len(row.cells)
        )

    def rows(self) -> Iterator[PersonRow]:
        """Every row under the headings, in order; the headings said again are skipped."""
        again = [folded(cell) for cell in self._table.headings]
        for row in self._table.rows:
            if [folded(cell) for cell in row.cells] != again:
                yield self._read(row)

    def _read(self, row: Row) -> PersonRow:
        person = PersonRow(row.line)
        self._read_name(row, person)
        if not person.refused and any(cell.strip() for cell in row.cells[len(self._table.headings) :]):
            person.refused = _("there are more cells than headings: a delimiter inside a value shifted them")
        if person.refused:
            return person
        self._read_birth_date(row, person)
        self._read_identifier(row, person)
        person.email = self._email(row, person, Column.EMAIL, _("e-mail"))
        person.employer = self._label(row, person, Column.EMPLOYER, _("employer"))
        person.employer_email = self._email(row, person, Column.EMPLOYER_EMAIL, _("employer's e-mail"))
        person.cohort = self._label(row, person, Column.COHORT, _("cohort"), limit=MAX_GROUP)
        person.groups = self._groups(row, person)
        return person

    def _cell(self, row: Row, column: Column) -> str:
        index = self._columns.get(column)
        text = row.cells[index] if index is not None and index < len(row.cells) else ""
        # Not tidied before it is judged: a tab in front is what makes some formulas.
        nothing = text.strip() in _NOTHING or (column not in NAMES and folded(text) in _NOTHING_SAID)
        return "" if nothing else text.strip(" \r\n\u00a0")

    def _safe(self, row: Row, person: PersonRow, column: Column, what: str) -> str:
        """An optional cell: left out, and told, when a spreadsheet could run it."""
        text = self._cell(row, column)
        if is_formula(text):
            person.remarks.correct(_("%(what)s left out: it is a spreadsheet formula") % {"what": what})
            return ""
        return tidy(text)

    def _read_name(self, row: Row, person: PersonRow) -> None:
        reversed_order = Column.FULL_NAME_REVERSED in self._columns
        whole = self._cell(row, Column.FULL_NAME_REVERSED if reversed_order else Column.FULL_NAME)
        cells = [whole or self._cell(row, Column.LAST_NAME), self._cell(row, Column.FIRST_NAME)]
        if any(is_formula(cell) for cell in cells):
            person.last_name, person.first_name = (tidy(cell) for cell in cells)
            person.refused = _("the name is a spreadsheet formula: write it as text")
            return
        if whole:
            last, first, certain = split_full_name(whole, first_name_first=reversed_order)
            person.last_name, person.first_name = last, first
            if not certain:
                person.remarks.append(
                    _("read as last name “%(last)s”, first name “%(first)s”: check") % {"last": last, "first": first}
                )
        else:
            person.last_name, person.first_name = (tidy(cell) for cell in cells)
        person.refused = _why_no_name(person)

    def _read_birth_date(self, row: Row, person: PersonRow) -> None:
        text = self._safe(row, person, Column.BIRTH_ON, _("birth date"))
        if not text:
            return
        try:
            person.birth_on = read_date(text, month_first=self.month_first, today=self._today)
        except UnreadableDateError as error:
            reasons = {
                "short_year": _("a year of two digits is ambiguous"),
                "impossible": _("there is no such day"),
                "future": _("it is still to come"),
                "old": _("it is before 1900"),
                "unknown": _("this is no date"),
            }
            person.remarks.correct(
                _("birth date “%(text)s” not taken: %(why)s") % {"text": text, "why": reasons[error.code]}
            )

    def _read_identifier(self, row: Row, person: PersonRow) -> None:
        text = self._safe(row, person, Column.INE, _("INE"))
        if text:
            self._read_ine(text, person)
        for column, kind in (
            (Column.INAA, "inaa"),
            (Column.INTERNAL, "internal"),
            (Column.FOREIGN, "foreign"),
        ):
            if person.identifier:
                return
            value = self._safe(row, person, column, _("identifier")).upper()
            if len(value) > MAX_IDENTIFIER:
                person.remarks.correct(_("identifier not taken: too long"))
            elif value:
                person.identifier_type, person.identifier = kind, value

    def _read_ine(self, text: str, person: PersonRow) -> None:
        if looks_internal(text) and len(text) <= MAX_IDENTIFIER:
            person.identifier_type, person.identifier = "internal", tidy(text).upper()
            person.remarks.correct(_("“%(text)s” is no INE: taken as an internal number") % {"text": text})
            return
        try:
            ine = read_ine(re.sub(r"[-.]", "", text))
        except WrongFormatError:
            person.remarks.correct(_("identifier “%(text)s” not taken: wrong format") % {"text": text[:MAX_IDENTIFIER]})
            return
        person.identifier_type, person.identifier = "ine", ine.value
        if ine.value != text:
            person.remarks.correct(_("INE put in its normal form"))
        if not ine.key_is_right:
            person.remarks.append(_("the check key of the INE is wrong: taken, to be confirmed"))

    def _email(self, row: Row, person: PersonRow, column: Column, what: str) -> str:
        text = self._safe(row, person, column, what).lower().removeprefix("mailto:")
        if text and (len(text) > _MAX_EMAIL or not _EMAIL.fullmatch(text) or ".." in text):
            person.remarks.correct(
                _("%(what)s “%(text)s” not taken: wrong format") % {"what": what, "text": text[:MAX_NAME]}
            )
            return ""
        return text

    def _label(self, row: Row, person: PersonRow, column: Column, what: str, limit: int = MAX_LABEL) -> str:
        text = self._safe(row, person, column, what)
        if len(text) > limit:
            person.remarks.correct(_("%(what)s not taken: too long") % {"what": what})
            return ""
        return text

    def _groups(self, row: Row, person: PersonRow) -> tuple[str, ...]:
        text = self._cell(row, Column.GROUPS).replace("\n", ";")
        if is_formula(text):
            person.remarks.correct(_("%(what)s left out: it is a spreadsheet formula") % {"what": _("group")})
            return ()
        names = [tidy(name) for name in _BETWEEN_GROUPS.split(text) if name.strip()]
        if any(len(name) > MAX_GROUP for name in names):
            person.remarks.correct(_("%(what)s not taken: too long") % {"what": _("group")})
        kept = dict.fromkeys(name for name in names if len(name) <= MAX_GROUP and name != person.cohort)
        return tuple(kept)


def _why_no_name(person: PersonRow) -> str:
    if not person.last_name:
        return _("there is no last name")
    if not person.first_name:
        return _("there is no first name")
    if max(len(person.last_name), len(person.first_name)) > MAX_NAME:
        return _("the name is longer than 100 characters")
    if not all(any(c.isalpha() for c in name) for name in (person.last_name, person.first_name)):
        return _("the name holds no letter")
    return ""
