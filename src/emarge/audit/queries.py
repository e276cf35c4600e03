"""Reads of the outbox shared by supervision and the relay."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from emarge.audit.models import OutboxEvent

NAMING_A_STUDENT = ("student.listed", "student.flagged", "student.corrected", "student.alias")
"""The events, of no class meeting, that seal who a student is; their subject is the student."""


@dataclass(frozen=True)
class Sealing:
    """Where the last record about something stands: sealed under an index, or waiting since an instant."""

    index: int | None
    stamped_at: datetime | None
    waiting_since: datetime | None

    @property
    def sealed(self) -> bool:
        return self.index is not None


def sealed_state(subjects: Iterable[UUID]) -> dict[UUID, Sealing]:
    """The state of each subject that has records: waiting as long as one of them waits, since the oldest."""
    states: dict[UUID, Sealing] = {}
    rows = (
        OutboxEvent.objects.filter(subject__in=list(subjects))
        .order_by("id")
        .values_list("subject", "index", "stamped_at", "created_at")
    )
    for subject, index, stamped_at, created_at in rows:
        if subject is None:
            continue
        before = states.get(subject)
        if before is not None and before.waiting_since is not None:
            continue
        waiting_since = created_at if index is None else None
        states[subject] = Sealing(index, stamped_at, waiting_since)
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
