from datetime import datetime
from uuid import UUID

from django.db import transaction

from emarge.accounts.models import Right, User
from emarge.attendance.models import RollCall
from emarge.audit import links
from emarge.audit.actions import pseudonyms
from emarge.hosting.models import Base
from emarge.inspections import rules as inspections
from emarge.inspections.rules import RequestState
from emarge.inspections.steps import clean, code_of, require
from emarge.inspections.texts import refuse as refuse_step
from emarge.institutions.models import InstitutionCode, Student
from emarge.retention.actions.events import record_hold, record_order
from emarge.retention.models import LegalHold, Order
from emarge.retention.rules import Kind, Refusal, Scope
from emarge.retention.texts import refuse


@transaction.atomic
def place_hold(
    base: Base,
    *,
    scope: Scope,
    student: Student | None,
    meeting: RollCall | None,
    reference: str,
    reason: str,
    by: User,
    at: datetime,
) -> LegalHold:
    """Forbid the destruction of what a hold covers, at once; the relay tells the vault.

    Raises Refused: no right, no institution code, no reference or reason, nobody or nothing chosen.
    """
    require(by, Right.MANAGE_RETENTION)
    reference, reason = clean(reference), clean(reason)
    refuse_step(inspections.why_not_word(reference=reference, reason=reason))
    refuse(Refusal.STUDENT_MISSING if scope is Scope.STUDENT and student is None else None)
    refuse(Refusal.MEETING_UNKNOWN if scope is Scope.MEETING and meeting is None else None)
    code = code_of(base)
    chosen = student if scope is Scope.STUDENT else None
    called = meeting if scope is Scope.MEETING else None
    people = everybody(code, [chosen.uuid]) if chosen else []
    hold = LegalHold.objects.create(
        base=base,
        institution_code=code,
        scope=scope.value,
        student=chosen,
        meeting=called.meeting.uuid if called else None,
        about=str(
            chosen or (f"{called.subject}, {called.starts_at.astimezone(base.tz):%d/%m/%Y %H:%M}" if called else "")
        ),
        people=[str(person) for person in people],
        labels=labels_of(scope, people, called.meeting.uuid if called else None),
        reference=reference,
        reason=reason,
        placed_by=by,
        placed_at=at,
    )
    record_hold(hold, by=by, at=at)
    return hold


@transaction.atomic
def ask_to_lift(hold: LegalHold, *, reference: str, reason: str, by: User, at: datetime) -> Order:
    """Ask that a hold be lifted: a second person decides. Raises Refused."""
    require(by, Right.MANAGE_RETENTION, Right.APPROVE_DESTRUCTIONS)
    reference, reason = clean(reference), clean(reason)
    refuse_step(inspections.why_not_word(reference=reference, reason=reason))
    hold = LegalHold.objects.select_for_update().get(pk=hold.pk)
    refuse(Refusal.ALREADY_LIFTED if hold.lifted_at else None)
    asked = hold.orders.filter(state=RequestState.REQUESTED.value).exists()
    refuse(Refusal.ALREADY_ASKED if asked else None)
    order = Order.objects.create(
        base=hold.base,
        kind=Kind.LIFT.value,
        institution_code=hold.institution_code,
        hold=hold,
        reference=reference,
        reason=reason,
        requested_by=by,
        requested_at=at,
    )
    record_order("requested", order, by=by, at=at, reason=reason)
    return order


def everybody(code: InstitutionCode, people: list[UUID]) -> list[UUID]:
    """A person first, then the same student in the bases of other years."""
    return [*people, *sorted(links.same_people(code.log, people) - set(people))]


def labels_of(scope: Scope, people: list[UUID], meeting: UUID | None) -> list[str | None]:
    """The labels of the vault that a hold covers; None is the whole log."""
    if scope is Scope.CODE:
        return [None]
    if scope is Scope.MEETING:
        return [f"meeting:{meeting}"]
    return [f"student:{name}" for name in pseudonyms(people).values()]
