"""What the relay does for retention once it has delivered: it tells the vault, and carries out what was approved.

Every step may be done again: a crash anywhere is mended by the next pass.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django_scopes import scopes_disabled

from emarge.audit import keeping, links
from emarge.audit.models import OutboxEvent
from emarge.audit.vault import VaultRefused
from emarge.inspections.actions import empty_bundles
from emarge.inspections.rules import RequestState
from emarge.institutions.models import InstitutionCode
from emarge.retention import erasure, queries, rules
from emarge.retention.actions.events import record
from emarge.retention.actions.holds import everybody, labels_of
from emarge.retention.local import delete_roll_calls, forget_who_left_nothing
from emarge.retention.models import LegalHold, Order, RetentionPeriod
from emarge.retention.rules import Kind, Scope

AGAIN_AFTER = timedelta(minutes=1)
"""What the vault refuses is asked again after this: a hold may have been lifted."""

logger = logging.getLogger(__name__)


def carry_out() -> None:
    """One pass. Raises VaultUnavailable when the vault cannot answer now: the rest is done later."""
    with scopes_disabled():
        _tell_periods()
        _tell_holds()
        now = timezone.now()
        approved = Order.objects.filter(state=RequestState.APPROVED.value).select_related("base", "institution_code")
        for order in approved.filter(Q(tried_at=None) | Q(tried_at__lt=now - AGAIN_AFTER)).order_by("pk"):
            _carry_out(order, now)


def _known(log: str) -> bool:
    """Whether the vault has begun the log: before, it could keep no period and no hold of it."""
    return OutboxEvent.objects.filter(log=log, index__isnull=False).exists()


def _delivering(log: str) -> bool:
    """Whether something of the log still waits for the vault."""
    return OutboxEvent.objects.filter(log=log, index__isnull=True).exists()


def _tell_periods() -> None:
    for period in RetentionPeriod.objects.exclude(years=F("told_years")).select_related("institution_code"):
        log = period.institution_code.log
        if not _known(log):
            continue
        try:
            keeping.raise_period(log, rules.days_of(period.years))
        except VaultRefused:
            logger.exception("the vault refuses the retention period of %s", log)
        RetentionPeriod.objects.filter(pk=period.pk).update(told_years=period.years)


def _tell_holds() -> None:
    waiting = LegalHold.objects.filter(Q(lifted_at=None) | Q(released=False)).select_related("institution_code")
    for hold in waiting:
        log = hold.institution_code.log
        untold = [label for label in hold.labels if label not in hold.told_labels]
        if not (untold or hold.lifted_at) or not _known(log):
            continue
        try:
            for label in untold:
                keeping.hold(log, _number(hold, label), label)
            if hold.lifted_at:
                for label in hold.labels:
                    keeping.release(log, _number(hold, label))
        except VaultRefused:
            logger.exception("the vault refuses the hold %s", hold.uuid)
            continue
        LegalHold.objects.filter(pk=hold.pk).update(told_labels=hold.labels, released=hold.lifted_at is not None)


def _number(hold: LegalHold, label: str | None) -> UUID:
    """The vault's id of a hold: one label each, so a student of several bases has several."""
    return uuid5(hold.uuid, label or "")


def _renew_holds(code: InstitutionCode) -> None:
    """A student held may have come to another base since: their records there are held as well."""
    for hold in LegalHold.objects.filter(institution_code=code, scope=Scope.STUDENT.value, lifted_at=None):
        people = everybody(code, [UUID(person) for person in hold.people])
        if len(people) > len(hold.people):
            hold.people = [str(person) for person in people]
            hold.labels = labels_of(Scope.STUDENT, people, None)
            hold.save(update_fields=["people", "labels"])
    _tell_holds()


def _carry_out(order: Order, now: datetime) -> None:
    """Do what an order says, once its approval and everything recorded before is in the vault."""
    code = order.institution_code
    if _delivering(code.log):
        return
    try:
        _renew_holds(code)
        if order.order_kind is Kind.DESTRUCTION:
            _destroy(order, now)
        else:
            _erase(order, now)
    except VaultRefused as error:
        if error.code != order.fault:
            logger.error("The vault refuses the order %s: %s", order.uuid, error)  # noqa: TRY400 - an answer, no fault of ours
        Order.objects.filter(pk=order.pk).update(fault=error.code, tried_at=now)


def _destroy(order: Order, now: datetime) -> None:
    """End of retention: the vault first, then what the base holds of that time, then the record that it is done."""
    code, day = order.institution_code, order.before_on
    if day is None or order.approval is None:
        raise RuntimeError("an order to destroy has a day and an approval")
    if order.asked is None:
        younger = OutboxEvent.objects.filter(log=code.log, stamped_at__gte=queries.start_of(day)).order_by("index")
        order.asked = {"before": younger.values_list("index", flat=True)[0]}
        order.save(update_fields=["asked"])
    done = keeping.destroy_before(code.log, order.approval, order.asked["before"])
    _keep_certificate(order, done)
    delete_roll_calls(code, queries.start_of(day))
    gone = {index for first, last in done.runs for index in range(first, last + 1)}
    empty_bundles(code, gone)
    keeping.forget_rows(code.log, done.runs)
    forget_who_left_nothing(code.log)
    with transaction.atomic():
        details = {"order": str(order.uuid), "certificate": done.digest, "before": day.isoformat()}
        record("retention.destroyed", order.base, code, by=None, at=now, details=details, subject=order.uuid)
        _finish(order, now)
    keeping.empty_the_write_ahead_log()


def _erase(order: Order, now: datetime) -> None:
    """Erasure on request: the keys in the vault, the names and drawings here, the link to the pseudonyms."""
    code, people = order.institution_code, [UUID(person) for person in order.people]
    if order.approval is None:
        raise RuntimeError("an order to erase has an approval")
    names = erasure.pseudonyms_of(people)
    with transaction.atomic():
        # First of all: from here on they can do nothing that would still name them.
        erasure.erase_people(people, order)
    if order.asked is None:
        if _delivering(code.log):
            return
        order.asked = {"indexes": keeping.contents_naming(code.log, list(names.values()))}
        order.save(update_fields=["asked"])
    if order.asked["indexes"]:
        done = keeping.destroy_contents(code.log, order.approval, order.asked["indexes"])
        _keep_certificate(order, done)
        empty_bundles(code, order.asked["indexes"])
    with transaction.atomic():
        for person in names:
            record(
                "erasure.done",
                order.base,
                code,
                by=None,
                at=now,
                details={"order": str(order.uuid), "certificate": order.digest},
                student=None if order.teacher_id else person,
                teachers=[person] if order.teacher_id else (),
                subject=order.uuid,
            )
        links.forget(people)
        _finish(order, now)
    keeping.empty_the_write_ahead_log()


def _keep_certificate(order: Order, done: keeping.Destroyed) -> None:
    order.certificate, order.token, order.digest, order.count = done.certificate, done.token, done.digest, done.count
    order.save(update_fields=["certificate", "token", "digest", "count"])


def _finish(order: Order, now: datetime) -> None:
    order.state, order.done_at, order.fault = RequestState.PRODUCED.value, now, ""
    order.save(update_fields=["state", "done_at", "fault"])
