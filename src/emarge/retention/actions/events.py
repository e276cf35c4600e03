"""How the actions of retention record what was done."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from emarge.accounts.models import User
from emarge.attendance.people import actor_of, author
from emarge.audit import actions as audit
from emarge.audit.models import OutboxEvent
from emarge.hosting.models import Base
from emarge.institutions.models import InstitutionCode
from emarge.retention.models import LegalHold, Order
from emarge.retention.rules import Kind

_EVENTS: dict[Kind, dict[str, str]] = {
    Kind.LIFT: {"requested": "hold.lift_requested", "approved": "hold.lifted", "refused": "hold.lift_refused"},
    Kind.DESTRUCTION: {step: f"destruction.{step}" for step in ("requested", "approved", "refused")},
    Kind.ERASURE: {step: f"erasure.{step}" for step in ("requested", "approved", "refused")},
}


def record(
    event: str,
    base: Base,
    code: InstitutionCode,
    *,
    by: User | None,
    at: datetime,
    details: Mapping[str, Any],
    content: Mapping[str, Any] | None = None,
    student: UUID | None = None,
    teachers: Sequence[UUID] = (),
    meeting: UUID | None = None,
    subject: UUID | None = None,
) -> OutboxEvent:
    """Record an event of retention. The content names who acts and nobody else, so that it may outlive the rest.

    ``by`` None is the installation itself, which carries out what was approved.
    """
    return audit.record(
        event,
        base=base.uuid,
        log=code.log,
        code=code.code,
        at=at,
        actor=audit.SYSTEM if by is None else actor_of(by),
        day=at.astimezone(base.tz).date(),
        meeting=meeting,
        student=student,
        teachers=teachers,
        details=details,
        content=content,
        people=author(by) if content is not None else None,
        subject=subject,
    )


def record_order(step: str, order: Order, *, by: User, at: datetime, reason: str) -> OutboxEvent:
    """Record a step of an order: ``requested``, ``approved`` or ``refused``."""
    kind, hold = order.order_kind, order.hold
    details: dict[str, Any] = {"order": str(order.uuid)}
    if hold is not None:
        details["hold"] = str(hold.uuid)
    if order.before_on is not None:
        details["before"] = order.before_on.isoformat()
    if order.retained_until is not None:
        details["retained_until"] = order.retained_until.isoformat()
    people = [UUID(person) for person in (hold.people if hold else order.people)]
    return record(
        _EVENTS[kind][step],
        order.base,
        order.institution_code,
        by=by,
        at=at,
        details=details,
        content={"reference": order.reference, "reason": reason},
        student=people[0] if people and order.teacher_id is None else None,
        teachers=people if order.teacher_id is not None else (),
        meeting=hold.meeting if hold else None,
        subject=order.uuid,
    )


def record_hold(hold: LegalHold, *, by: User, at: datetime) -> None:
    """Record that a hold was placed."""
    people = [UUID(person) for person in hold.people]
    record(
        "hold.placed",
        hold.base,
        hold.institution_code,
        by=by,
        at=at,
        details={"hold": str(hold.uuid), "scope": hold.scope},
        content={"reference": hold.reference, "reason": hold.reason},
        student=people[0] if people else None,
        meeting=hold.meeting,
        subject=hold.uuid,
    )
