from datetime import datetime
from uuid import uuid4

from django.db import transaction

from emarge.accounts.models import Right, User
from emarge.attendance.actions.events import locked_line, record
from emarge.attendance.anomalies import Kind
from emarge.attendance.anomaly_queries import anomaly_of
from emarge.attendance.models import ReviewedAnomaly, RollCallLine
from emarge.attendance.people import identity
from emarge.attendance.rules import MAX_SETTLED_REASON, Refusal
from emarge.attendance.texts import refuse


@transaction.atomic
def review_anomaly(
    line: RollCallLine, kind: Kind, evidence: str, *, by: User, note: str, at: datetime
) -> ReviewedAnomaly:
    """Note what was found out about an anomaly, which then counts as reviewed; again changes nothing.

    Raises Refused: no right, no note or one that is too long, an anomaly that is no longer what was seen.
    """
    refuse(None if by.has_right(Right.SUPERVISE) else Refusal.NO_RIGHT)
    line = locked_line(line)
    done = ReviewedAnomaly.objects.filter(line=line, kind=kind.value, evidence=evidence).first()
    if done is not None:
        return done
    refuse(Refusal.NOTE_MISSING if not note.strip() else None)
    refuse(Refusal.REASON_TOO_LONG if len(note) > MAX_SETTLED_REASON else None)
    found = anomaly_of(line, kind)
    refuse(Refusal.ANOMALY_CHANGED if found is None or found.evidence != evidence else None)
    reviewed = ReviewedAnomaly.objects.create(
        base_id=line.base_id,
        uuid=uuid4(),
        line=line,
        kind=kind.value,
        evidence=evidence,
        note=note.strip(),
        reviewed_at=at,
        reviewed_by=by,
    )
    record(
        line.roll_call,
        "anomaly.reviewed",
        by=by,
        at=at,
        subject=reviewed.uuid,
        student=line.student,
        details={"anomaly": kind.value},
        content={"note": reviewed.note},
        people=identity(line.student),
    )
    return reviewed
