"""What the records of an audit trail say, read from the vault's contents alone: who, which meetings, in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from emarge.audit.queries import NAMING_A_STUDENT
from emarge.audit.trails import ERASED, OpenedRecord

OPENINGS = ("sign_in.opened", "roll_call.started")
SIGNATURES_OF_TEACHERS = ("sign_in.opened", "teacher.signed")


@dataclass
class MeetingStory:
    """One class meeting as its records tell it."""

    uuid: str
    records: list[OpenedRecord] = field(default_factory=list)

    def last(self, *events: str) -> OpenedRecord | None:
        """The last record of one of these events."""
        return next((one for one in reversed(self.records) if one.record.event in events), None)

    def all(self, *events: str) -> list[OpenedRecord]:
        return [one for one in self.records if one.record.event in events]

    def of_student(self, student: str, event: str) -> OpenedRecord | None:
        """The last record of an event about a student."""
        return next((one for one in reversed(self.all(event)) if one.record.student == student), None)

    @property
    def description(self) -> Mapping[str, Any]:
        """What the meeting was, as sealed with its roll call; empty when that content is not there."""
        for one in reversed(self.all("roll_call.opened", "roll_call.ended")):
            if one.content and isinstance(one.content.get("meeting"), dict):
                described: Mapping[str, Any] = one.content["meeting"]
                return described
        return {}

    @property
    def roster(self) -> list[dict[str, Any]]:
        """Who was expected, with the presence that stands: the end of the roll call, then later marks.

        A long roster is several records; a part 1 begins another roster, which replaces the one before.
        """
        lines: list[dict[str, Any]] = []
        for one in self.records:
            details = one.record.details
            if one.record.event == "roll_call.ended":
                before = [] if details["part"] == 1 else lines
                lines = [*before, *(dict(line) for line in details["roster"])]
            elif one.record.event == "roll_call.marked":
                for line in lines:
                    if line["student"] == one.record.student:
                        line |= {name: details[name] for name in ("presence", "minutes_late")}
        return lines

    @property
    def sort_key(self) -> tuple[str, int]:
        return (str(self.description.get("starts_at", "")), self.records[0].index)


@dataclass(frozen=True)
class Gathered:
    """The meetings in order of time, the other records in order of the log, and the people by pseudonym."""

    meetings: list[MeetingStory]
    others: list[OpenedRecord]
    people: dict[str, Mapping[str, Any]]
    erased: dict[str, int]
    """Who was erased on request, by pseudonym, with the number of the record that says so."""

    def name_of(self, pseudonym: str | None) -> str:
        """The name behind a pseudonym, or the beginning of the pseudonym when no opened content tells."""
        if pseudonym is None:
            return ""
        person = self.people.get(pseudonym)
        if person is None and pseudonym in self.erased:
            return _("erased on request (record no. %(index)d)") % {"index": self.erased[pseudonym]}
        return str(person["name"]) if person else f"{pseudonym[:12]}…"


def gather(records: Sequence[OpenedRecord]) -> Gathered:
    """Sort the records of a trail into meetings; the log's order is kept inside each."""
    meetings: dict[str, MeetingStory] = {}
    others: list[OpenedRecord] = []
    people: dict[str, Mapping[str, Any]] = {}
    erased: dict[str, int] = {}
    for one in sorted(records, key=lambda each: each.index):
        for person in (one.content or {}).get("people", []):
            people[person["pseudonym"]] = {**people.get(person["pseudonym"], {}), **person}
        if one.record.event == ERASED:
            erased |= {name: one.index for name in (one.record.student, *one.record.teachers) if name}
        if one.record.meeting is None:
            others.append(one)
        else:
            meetings.setdefault(one.record.meeting, MeetingStory(one.record.meeting)).records.append(one)
    return Gathered(sorted(meetings.values(), key=lambda each: each.sort_key), others, people, erased)


def same_student(records: Sequence[OpenedRecord], pseudonym: str | None) -> set[str | None]:
    """The pseudonyms of one student in the bases of several years: those who share an identity, old or new."""
    known: dict[str | None, set[tuple[str, ...]]] = {}
    for one in records:
        if one.record.event in NAMING_A_STUDENT and one.content:
            said = [person for person in one.content.get("people", []) if person["pseudonym"] == one.record.student]
            whole = {_identity(each) for each in (*said, one.content.get("former", {}))} - {()}
            known.setdefault(one.record.student, set()).update(whole)
    found, before = {pseudonym}, set[str | None]()
    while found != before:
        before = found
        identities = {identity for each in found for identity in known.get(each, ())}
        found = found | {each for each, theirs in known.items() if theirs & identities}
    return found


def _identity(person: Mapping[str, Any]) -> tuple[str, ...]:
    """What tells a student from all others; empty unless it is whole."""
    parts = tuple(str(person.get(name) or "") for name in ("identifier_type", "identifier", "birth_on"))
    return parts if all(parts[1:]) else ()
