"""Reads of the outbox shared by supervision and the relay."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from emarge.audit.models import OutboxEvent, PersonKey
from emarge.proof.evidence import records

NAMING_A_STUDENT = ("student.listed", "student.flagged", "student.corrected", "student.alias")
"""The events, of no class meeting, that seal who a student is; their subject is the student."""

_CLOCK = UUID("0f8f5c0e-6d6a-4b2e-9a38-6f2a9d3c7b11")


@dataclass(frozen=True)
class Sealing:
    """Where the last record about something stands: sealed under an index, or waiting since an instant.

    ``record`` is its uuid; ``mirror`` what was said of the mirror when it was sealed: ``held``, ``local_only`` or
    empty when there was none.
    """

    index: int | None
    stamped_at: datetime | None
    waiting_since: datetime | None
    record: UUID
    mirror: str = ""

    @property
    def sealed(self) -> bool:
        return self.index is not None


@dataclass(frozen=True)
class ClockChange:
    """A record of the clock: one change, or ``changes`` of them told together. States are words of records."""

    record: UUID
    base: UUID
    changed_at: datetime
    before: str
    state: str
    reason: str
    excluded: tuple[str, ...]
    changes: int


def sealed_state(subjects: Iterable[UUID]) -> dict[UUID, Sealing]:
    """The state of each subject that has records: waiting as long as one of them waits, since the oldest."""
    states: dict[UUID, Sealing] = {}
    rows = (
        OutboxEvent.objects.filter(subject__in=list(subjects))
        .order_by("id")
        .values_list("subject", "index", "stamped_at", "created_at", "uuid", "receipt")
    )
    for subject, index, stamped_at, created_at, record, receipt in rows:
        if subject is None:
            continue
        before = states.get(subject)
        if before is not None and before.waiting_since is not None:
            continue
        waiting_since = created_at if index is None else None
        states[subject] = Sealing(index, stamped_at, waiting_since, record, (receipt or {}).get("mirror", ""))
    return states


def delay(now: datetime) -> timedelta | None:
    """The age of the oldest event that the vault has not confirmed; None when nothing waits."""
    oldest = OutboxEvent.objects.filter(index__isnull=True).order_by("id").first()
    return None if oldest is None else max(now - oldest.created_at, timedelta(0))


def waiting_count() -> int:
    """How many events the vault has not confirmed."""
    return OutboxEvent.objects.filter(index__isnull=True).count()


def last_record(subject: UUID, event: str) -> UUID | None:
    """The uuid of the last record of an event about a subject, to be named as what a new one corrects."""
    found = OutboxEvent.objects.filter(subject=subject, event=event).order_by("-id").first()
    return None if found is None else found.uuid


def named_students(log: str, students: Iterable[UUID]) -> set[UUID]:
    """Those of the students whose identity a record of a log seals, in one query."""
    rows = OutboxEvent.objects.filter(log=log, event__in=NAMING_A_STUDENT, subject__in=list(students))
    return {subject for subject in rows.order_by().values_list("subject", flat=True) if subject is not None}


def logs_naming(student: UUID) -> set[str]:
    """The logs in which a record seals who a student is."""
    rows = OutboxEvent.objects.filter(event__in=NAMING_A_STUDENT, subject=student).order_by()
    return set(rows.values_list("log", flat=True))


def log_is_known(log: str) -> bool:
    """Whether anything was ever recorded for a log."""
    return OutboxEvent.objects.filter(log=log).exists()


def clock_of(log: str) -> UUID:
    """The subject of a log's records of the clock: what they are found by."""
    return uuid5(_CLOCK, log)


def clock_changes(log: str, since: datetime, until: datetime) -> list[ClockChange]:
    """What a log recorded of the clock between two instants at which it was recorded, oldest first."""
    rows = OutboxEvent.objects.filter(subject=clock_of(log), created_at__gte=since, created_at__lte=until)
    return [_clock_change(row) for row in rows.order_by("id")]


def clock_before(log: str, at: datetime) -> ClockChange | None:
    """The last change of the clock that a log recorded as made before an instant."""
    for row in OutboxEvent.objects.filter(subject=clock_of(log)).order_by("-id"):
        change = _clock_change(row)
        if change.changed_at <= at:
            return change
    return None


def _clock_change(row: OutboxEvent) -> ClockChange:
    details = records.parse(bytes(row.record)).details
    return ClockChange(
        record=row.uuid,
        base=row.base,
        changed_at=records.read_instant(details["changed_at"]),
        before=details["before"],
        state=details["state"],
        reason=details["reason"],
        excluded=tuple(details["excluded"]),
        changes=details["last"] - details["first"] + 1,
    )


def people_behind(pseudonyms: Iterable[str], candidates: Iterable[UUID]) -> dict[str, UUID]:
    """Who of some people stands behind which pseudonyms; those whose key was destroyed are nobody any more."""
    wanted = set(pseudonyms)
    keys = PersonKey.objects.filter(person__in=list(candidates)).values_list("person", "key")
    found = {records.pseudonym(bytes(key), str(person)): person for person, key in keys}
    return {name: found[name] for name in wanted & found.keys()}
