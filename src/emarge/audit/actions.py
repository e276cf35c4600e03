"""The writes of the audit trail: the outbox event, in the transaction of the act that it tells."""

import secrets
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ParamSpec
from uuid import UUID

from django.db import connection, transaction

from emarge.audit import links, wakeup
from emarge.audit.clock import reading
from emarge.audit.models import OutboxEvent, PersonKey
from emarge.audit.queries import NAMING_A_STUDENT
from emarge.lib.randomness import random_uuid
from emarge.lib.rows import insert
from emarge.proof.evidence import contents, records

OPERATOR = UUID("00000000-0000-4000-8000-000000000001")
"""The person of whoever acts from the command line of the machine, where nobody logs in."""

MAX_TEACHER_LABELS = 11
"""The vault takes 16 labels a record; the record itself names every teacher."""


@dataclass(frozen=True)
class Actor:
    """Who acts: a role (``teacher``, ``student``, ``staff``, ``operator``) and the person's uuid.

    Only the role ``system`` has no person.
    """

    role: str
    person: UUID | None


SYSTEM = Actor("system", None)
"""The installation itself, when what was decided earlier is carried out and nobody acts."""


class OutsideTransactionError(RuntimeError):
    """An event was about to be written outside the transaction of its act: a fault of the program."""


def pseudonyms(people: Iterable[UUID]) -> dict[UUID, str]:
    """The pseudonym of each person, under a key of their own that is made the first time.

    Destroying a person's key (PersonKey) cuts the link between the person and the records.
    """
    wanted = set(people)
    keys = _person_keys(wanted)
    unknown = wanted - keys.keys()
    if unknown:
        PersonKey.objects.bulk_create(
            [PersonKey(person=person, key=secrets.token_bytes(32)) for person in sorted(unknown)],
            ignore_conflicts=True,
        )
        keys |= _person_keys(unknown)
    return {person: records.pseudonym(key, str(person)) for person, key in keys.items()}


def _person_keys(people: Iterable[UUID]) -> dict[UUID, bytes]:
    found = PersonKey.objects.filter(person__in=list(people)).values_list("person", "key")
    return {person: bytes(key) for person, key in found}


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """An event to be written to the outbox.

    ``log`` and ``code`` are the institution code's log in the vault and its label; ``day`` is the school's
    local day that an audit trail finds the event by (the meeting's; by default the UTC day of ``at``);
    ``content`` is the personal part, sealed as it is written and never in the record, and ``people`` says in it
    who stands behind the record's pseudonyms (docs/formats/contents.md); ``subject`` is what supervision shows
    the event against.
    """

    event: str = field(kw_only=False)
    base: UUID
    log: str
    code: str
    at: datetime
    actor: Actor
    day: date | None = None
    meeting: UUID | None = None
    student: UUID | None = None
    teachers: Sequence[UUID] = ()
    method: str | None = None
    corrects: UUID | None = None
    details: Mapping[str, Any] | None = None
    content: Mapping[str, Any] | None = None
    people: Mapping[UUID, Mapping[str, Any]] | None = None
    subject: UUID | None = None

    @property
    def persons(self) -> set[UUID]:
        """Everybody whose pseudonym its record or its content bears."""
        alone = {person for person in (self.student, self.actor.person) if person}
        return {*alone, *self.teachers, *(self.people or {})}


def write(events: Sequence[Event]) -> None:
    """Write events in order, in the transaction of the acts that they tell; the relay carries them to the vault.

    Raises OutsideTransactionError outside a transaction.
    """
    insert(OutboxEvent, _rows(events))
    _remember(events)


def _rows(events: Sequence[Event]) -> list[dict[str, Any]]:
    if not connection.in_atomic_block:
        raise OutsideTransactionError(events[0].event if events else "")
    names = pseudonyms({person for event in events for person in event.persons})
    return [_row(event, names) for event in events]


def _remember(events: Sequence[Event]) -> None:
    """Keep who is who where an event says it, and tell the relay."""
    for event in events:
        if event.student and event.event in NAMING_A_STUDENT:
            identity = links.Identity.said((event.people or {}).get(event.student, {}))
            if identity:
                links.remember(event.log, event.student, identity)
    transaction.on_commit(wakeup.committed.set)


P = ParamSpec("P")


def _alone(make: Callable[P, Event]) -> Callable[P, OutboxEvent]:
    def record(*args: P.args, **kwargs: P.kwargs) -> OutboxEvent:
        """Write one event; see `Event` for what it takes, and `write`."""
        event = make(*args, **kwargs)
        written = OutboxEvent.objects.create(**_rows([event])[0])
        _remember([event])
        return written

    return record


record = _alone(Event)


def _row(event: Event, names: Mapping[UUID, str]) -> dict[str, Any]:
    """The row of an event: its record, its sealed content, its labels."""
    number = random_uuid()
    sealed = None
    if event.content is not None:
        behind = [{"pseudonym": names[person], **said} for person, said in (event.people or {}).items()]
        told = {**event.content, "event": event.event, "record": str(number)}
        sealed = contents.seal(_normalised(told | ({"people": behind} if behind else {})))
    payload = records.build(
        event=event.event,
        id=str(number),
        at=event.at,
        clock=reading(event.at),
        code=_normalised(event.code),
        actor={"role": event.actor.role, "person": names[event.actor.person] if event.actor.person else None},
        meeting=str(event.meeting) if event.meeting else None,
        student=names[event.student] if event.student else None,
        teachers=tuple(names[teacher] for teacher in event.teachers),
        method=event.method,
        corrects=str(event.corrects) if event.corrects else None,
        commitment=sealed.commitment if sealed else None,
        details=dict(event.details) if event.details else None,
    )
    return {
        "uuid": number,
        "base": event.base,
        "log": event.log,
        "event": event.event,
        "subject": event.subject,
        "labels": _labels(event, names),
        "record": payload,
        "content": sealed.ciphertext if sealed else b"",
        "content_key": sealed.key if sealed else b"",
        "created_at": event.at,
    }


def _labels(event: Event, names: Mapping[UUID, str]) -> list[str]:
    """The words by which the vault finds the record again (docs/formats/events.md)."""
    details = event.details or {}
    return [
        f"event:{event.event}",
        f"day:{(event.day or event.at.date()).isoformat()}",
        *([f"meeting:{event.meeting}"] if event.meeting else []),
        *([f"student:{names[event.student]}"] if event.student else []),
        *(f"{name}:{details[name]}" for name in ("request", "order") if name in details),
        *(f"teacher:{names[teacher]}" for teacher in event.teachers[:MAX_TEACHER_LABELS]),
    ]


def _normalised(value: Any) -> Any:
    """The same value with its texts in NFC, as records and contents ask: people type in any form."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Mapping):
        return {key: _normalised(item) for key, item in value.items()}
    return [_normalised(item) for item in value] if isinstance(value, list) else value
