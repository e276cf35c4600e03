from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from emarge.accounts.models import Right, User
from emarge.hosting.models import Base
from emarge.inspections import rules as inspections
from emarge.inspections.rules import RequestState
from emarge.inspections.steps import clean, code_of, require
from emarge.inspections.texts import refuse as refuse_step
from emarge.institutions.models import InstitutionCode, Student, Teacher
from emarge.retention import queries, rules
from emarge.retention.actions.events import record, record_order
from emarge.retention.actions.holds import everybody
from emarge.retention.models import LegalHold, Order
from emarge.retention.rules import Kind, Refusal
from emarge.retention.texts import refuse


@transaction.atomic
def ask_destruction(base: Base, *, before_on: date, reference: str, reason: str, by: User, at: datetime) -> Order:
    """Ask to destroy what was certified before a day (UTC) and has reached its end. Raises Refused."""
    require(by, Right.MANAGE_RETENTION)
    reference, reason = clean(reference), clean(reason)
    refuse_step(inspections.why_not_word(reference=reference, reason=reason))
    code = _locked(code_of(base))
    refuse(_why_not_destroy(code, before_on, at, asked=bool(queries.open_orders(code, Kind.DESTRUCTION))))
    order = Order.objects.create(
        base=base,
        kind=Kind.DESTRUCTION.value,
        institution_code=code,
        before_on=before_on,
        reference=reference,
        reason=reason,
        requested_by=by,
        requested_at=at,
    )
    record_order("requested", order, by=by, at=at, reason=reason)
    return order


@transaction.atomic
def ask_erasure(
    base: Base,
    *,
    person: Student | Teacher | None,
    reference: str,
    reason: str,
    acknowledged: bool,
    by: User,
    at: datetime,
) -> Order:
    """Ask to erase what the vault and the bases hold of a person who requests it. Raises Refused.

    ``acknowledged``: whoever asks knows that the legal retention still runs.
    """
    require(by, Right.MANAGE_RETENTION)
    reference, reason = clean(reference), clean(reason)
    refuse_step(inspections.why_not_word(reference=reference, reason=reason))
    if person is None:
        refuse(Refusal.PERSON_MISSING)
        raise AssertionError
    code = _locked(code_of(base))
    student = person if isinstance(person, Student) else None
    people = everybody(code, [person.uuid]) if student else [person.uuid]
    until = queries.retained_until(code, people)
    refuse(
        rules.why_not_erase(
            held=queries.is_held(code, people),
            runs=until is not None and until > at.astimezone(base.tz).date(),
            acknowledged=acknowledged,
            asked=any(str(person.uuid) in order.people for order in queries.open_orders(code, Kind.ERASURE)),
        )
    )
    order = Order.objects.create(
        base=base,
        kind=Kind.ERASURE.value,
        institution_code=code,
        student=student,
        teacher=person if isinstance(person, Teacher) else None,
        people=[str(each) for each in people],
        retained_until=until,
        reference=reference,
        reason=reason,
        requested_by=by,
        requested_at=at,
    )
    record_order("requested", order, by=by, at=at, reason=reason)
    return order


@transaction.atomic
def approve(order: Order, *, by: User, at: datetime) -> Order:
    """Approve what somebody else asked, after the same questions once more; the relay carries it out.

    Raises Refused: no right, decided already, the same person, held, not at its end.
    """
    require(by, Right.APPROVE_DESTRUCTIONS)
    order = _locked_order(order)
    refuse_step(inspections.why_not_decide(state=order.request_state, same_person=order.requested_by_id == by.pk))
    code = _locked(order.institution_code)
    if order.before_on is not None:
        refuse(_why_not_destroy(code, order.before_on, at, asked=False))
    if order.order_kind is Kind.ERASURE and queries.is_held(code, [UUID(person) for person in order.people]):
        refuse(Refusal.HELD)
    order.decide(RequestState.APPROVED, by=by, at=at)
    order.approval = record_order("approved", order, by=by, at=at, reason=order.reason).uuid
    if order.hold is not None:
        LegalHold.objects.filter(pk=order.hold.pk).update(lifted_at=at)
        order.state, order.done_at = RequestState.PRODUCED.value, at
    order.save(update_fields=["approval", "state", "done_at"])
    return order


@transaction.atomic
def refuse_order(order: Order, *, reason: str, by: User, at: datetime) -> Order:
    """Refuse, with a reason, what somebody else asked."""
    reason = clean(reason)
    require(by, Right.APPROVE_DESTRUCTIONS)
    order = _locked_order(order)
    same_person = order.requested_by_id == by.pk
    refuse_step(inspections.why_not_refuse(state=order.request_state, same_person=same_person, reason=reason))
    order.decide(RequestState.REFUSED, by=by, at=at, reason=reason)
    record_order("refused", order, by=by, at=at, reason=reason)
    return order


@transaction.atomic
def download(order: Order, *, by: User, at: datetime) -> bytes:
    """The vault's certificate of destruction, as it stands in the vault (docs/formats/destruction.md)."""
    require(by, Right.MANAGE_RETENTION, Right.APPROVE_DESTRUCTIONS)
    refuse(None if order.certificate else Refusal.NO_CERTIFICATE)
    record(
        "certificate.downloaded",
        order.base,
        order.institution_code,
        by=by,
        at=at,
        details={"order": str(order.uuid), "certificate": order.digest},
        content={},
        subject=order.uuid,
    )
    return bytes(order.certificate)


def _why_not_destroy(code: InstitutionCode, before_on: date, at: datetime, *, asked: bool) -> Refusal | None:
    return rules.why_not_destroy(
        before=before_on,
        end=rules.ends_before(at, queries.years_of(code)),
        held=queries.code_is_held(code),
        count=queries.certified_before(code, before_on).count(),
        asked=asked,
    )


def _locked(code: InstitutionCode) -> InstitutionCode:
    """The code, so that two requests about it are asked one after the other."""
    return InstitutionCode.objects.select_for_update().get(pk=code.pk)


def _locked_order(order: Order) -> Order:
    rows = Order.objects.select_for_update(of=("self",)).select_related("base", "institution_code", "hold")
    return rows.get(pk=order.pk)
