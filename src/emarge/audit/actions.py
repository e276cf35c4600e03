"""The writes of the audit trail: the outbox event, in the transaction of the act that it tells."""

import secrets
import unicodedata
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from emarge.audit import links, wakeup
from emarge.audit.clock import reading
from emarge.audit.models import OutboxEvent, PersonKey
from emarge.audit.queries import NAMING_A_STUDENT
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


def record(
    event: str,
    *,
    base: UUID,
    log: str,
    code: str,
    at: datetime,
    actor: Actor,
    day: date | None = None,
    meeting: UUID | None = None,
    student: UUID | None = None,
    teachers: Sequence[UUID] = (),
    method: str | None = None,
    corrects: UUID | None = None,
    details: Mapping[str, Any] | None = None,
    content: Mapping[str, Any] | None = None,
    people: Mapping[UUID, Mapping[str, Any]] | None = None,
    subject: UUID | None = None,
) -> OutboxEvent:
    """Write one event, in the transaction of the act that it tells; the relay carries it to the vault.

    ``log`` and ``code`` are the institution code's log in the vault and its label; ``day`` is the school's
    local day that an audit trail finds the event by (the meeting's; by default the UTC day of ``at``);
    ``content`` is the personal part, sealed here and never in the record, and ``people`` says in it who
    stands behind the record's pseudonyms (docs/formats/contents.md); ``subject`` is what supervision shows
    the event against.
    Raises OutsideTransactionError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise OutsideTransactionError(event)
    named = people or {}
    names = pseudonyms(
        {*teachers, *named} | ({student} if student else set()) | ({actor.person} if actor.person else set())
    )
    number = uuid.uuid4()
    sealed = None
    if content is not None:
        behind = [{"pseudonym": names[person], **said} for person, said in named.items()]
        opened = {**content, "event": event, "record": str(number)} | ({"people": behind} if behind else {})
        sealed = contents.seal(_normalised(opened))
    payload = records.build(
        event=event,
        id=str(number),
        at=at,
        clock=reading(at),
        code=_normalised(code),
        actor={"role": actor.role, "person": names[actor.person] if actor.person else None},
        meeting=str(meeting) if meeting else None,
        student=names[student] if student else None,
        teachers=tuple(names[teacher] for teacher in teachers),
        method=method,
        corrects=str(corrects) if corrects else None,
        commitment=sealed.commitment if sealed else None,
        details=dict(details) if details else None,
    )
    written = OutboxEvent.objects.create(
        uuid=number,
        base=base,
        log=log,
        event=event,
        subject=subject,
        labels=[
            f"event:{event}",
            f"day:{(day or at.date()).isoformat()}",
            *([f"meeting:{meeting}"] if meeting else []),
            *([f"student:{names[student]}"] if student else []),
            *(f"{name}:{details[name]}" for name in ("request", "order") if details and name in details),
            *(f"teacher:{names[teacher]}" for teacher in teachers[:MAX_TEACHER_LABELS]),
        ],
        record=payload,
        content=sealed.ciphertext if sealed else b"",
        content_key=sealed.key if sealed else b"",
        created_at=at,
    )
    identity = links.Identity.said(named.get(student, {})) if student and event in NAMING_A_STUDENT else None
    if student and identity:
        links.remember(log, student, identity)
    transaction.on_commit(wakeup.committed.set)
    return written


def _normalised(value: Any) -> Any:
    """The same value with its texts in NFC, as records and contents ask: people type in any form."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Mapping):
        return {key: _normalised(item) for key, item in value.items()}
    return [_normalised(item) for item in value] if isinstance(value, list) else value
