"""The history of a student as the vault tells it, over the bases of all years, for a screen."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from emarge.audit.actions import pseudonyms
from emarge.audit.queries import NAMING_A_STUDENT
from emarge.audit.trails import OpenedRecord
from emarge.inspections.gathered import MeetingStory, gather


@dataclass(frozen=True)
class Identity:
    """Who the student was said to be from a record on; empty texts when its content is destroyed."""

    index: int
    at: datetime
    event: str
    name: str
    identifier_type: str
    identifier: str
    birth_on: str
    opened: bool


@dataclass(frozen=True)
class Meeting:
    """One class meeting: what it was, and what became of the student's presence and signature."""

    title: str
    starts_at: datetime
    expected: bool
    presence: str
    minutes_late: int
    sign_in: str
    """``signed``, ``regularised``, ``unsigned``, ``not_expected``."""
    told_by: OpenedRecord


@dataclass(frozen=True)
class History:
    """Identities, meetings and other records, each in the order of time."""

    bases: int
    """How many persons of how many bases the student is."""
    identities: list[Identity]
    meetings: list[Meeting]
    others: list[OpenedRecord]

    @property
    def several_names(self) -> bool:
        """Whether the last names differ: an identity typed for somebody else by mistake looks like this."""
        return len({one.name.split(" ")[0].casefold() for one in self.identities if one.name}) > 1


def told(found: Sequence[OpenedRecord], people: Collection[UUID]) -> History:
    """Sort the records of a student's history; ``people`` are the persons that they are in the bases."""
    names = set(pseudonyms(people).values())
    gathered = gather(found)
    naming = [one for one in gathered.others if one.record.event in NAMING_A_STUDENT]
    meetings = [meeting for story in gathered.meetings if (meeting := _meeting(story, names)) is not None]
    return History(
        bases=len(people),
        identities=[_identity(one, names) for one in naming],
        meetings=sorted(meetings, key=lambda each: each.starts_at),
        others=[one for one in gathered.others if one.record.event not in NAMING_A_STUDENT],
    )


def _identity(one: OpenedRecord, names: Collection[str]) -> Identity:
    said: dict[str, Any] = {}
    for person in (one.content or {}).get("people", []):
        if person.get("pseudonym") in names and "identifier" in person:
            said = person
    return Identity(
        index=one.index,
        at=one.record.at,
        event=one.record.event,
        name=str(said.get("name", "")),
        identifier_type=str(said.get("identifier_type", "")),
        identifier=str(said.get("identifier", "")),
        birth_on=str(said.get("birth_on") or ""),
        opened=one.content is not None,
    )


def _meeting(story: MeetingStory, names: Collection[str]) -> Meeting | None:
    """The student's line of a meeting; None for one in which they do not stand."""
    own = [one for one in story.records if one.record.student in names]
    line = next((line for line in story.roster if line["student"] in names), None)
    if line is None and not own:
        return None
    marked = [one for one in own if one.record.event == "roll_call.marked"]
    presence = line or (dict(marked[-1].record.details) if marked else {})
    signed = [one for one in own if one.record.event == "sign_in.signed"]
    settled = [one for one in own if one.record.event == "sign_in.regularised"]
    expected = bool(presence.get("expected", bool(signed)))
    starts_at = story.description.get("starts_at")
    told_by = (signed or settled or own or story.records)[-1]
    return Meeting(
        title=str(story.description.get("title", "")),
        starts_at=datetime.fromisoformat(starts_at) if starts_at else told_by.record.at,
        expected=expected,
        presence=str(presence.get("presence", "")),
        minutes_late=int(presence.get("minutes_late", 0)),
        sign_in=_sign_in(signed=bool(signed), settled=bool(settled), expected=expected, presence=presence),
        told_by=told_by,
    )


def _sign_in(*, signed: bool, settled: bool, expected: bool, presence: dict[str, Any]) -> str:
    if signed:
        return "signed"
    if settled:
        return "regularised"
    return "unsigned" if expected and presence.get("presence") != "absent" else "not_expected"
