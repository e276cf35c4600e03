"""Every write about audit trail requests: ask, approve, refuse, produce, hand over."""

import logging
from collections.abc import Collection
from datetime import date, datetime

from django.db import transaction
from django_scopes import scopes_disabled

from emarge.accounts.models import Right, User
from emarge.attendance.people import actor_of, author, identity
from emarge.audit import actions as audit
from emarge.audit import links, trails, vault
from emarge.hosting.models import Base
from emarge.inspections import rules, sheet
from emarge.inspections.models import AuditTrailRequest
from emarge.inspections.rules import Refusal, RequestState
from emarge.inspections.steps import clean, code_of, require
from emarge.inspections.texts import refuse, refused
from emarge.institutions.models import InstitutionCode, Student
from emarge.lib.pdf import PdfTooLargeError
from emarge.proof.evidence.errors import EvidenceError
from emarge.proof.evidence.seal import Request, contents_of

logger = logging.getLogger(__name__)


@transaction.atomic
def request_trail(
    base: Base,
    *,
    inspector: str,
    reference: str,
    reason: str,
    period_from: date,
    period_to: date,
    student: Student | None,
    language: str,
    by: User,
    at: datetime,
) -> AuditTrailRequest:
    """Enter a funder's request for an audit trail of a period, of everybody or of one student (row M7.5)."""
    inspector, reference, reason = clean(inspector), clean(reference), clean(reason)
    require(by, Right.REQUEST_AUDIT_TRAILS)
    refuse(
        rules.why_not_request(
            inspector=inspector,
            reference=reference,
            reason=reason,
            period_from=period_from,
            period_to=period_to,
            today=at.astimezone(base.tz).date(),
        )
    )
    request = AuditTrailRequest.objects.create(
        base=base,
        institution_code=code_of(base),
        inspector=inspector,
        reference=reference,
        reason=reason,
        period_from=period_from,
        period_to=period_to,
        student=student,
        language=language,
        requested_by=by,
        requested_at=at,
    )
    _record("audit_trail.requested", request, by=by, at=at, reason=reason)
    return request


@transaction.atomic
def approve(request: AuditTrailRequest, *, by: User, at: datetime) -> AuditTrailRequest:
    """Approve a request that somebody else entered."""
    require(by, Right.APPROVE_AUDIT_TRAILS)
    request = _locked(request)
    refuse(rules.why_not_decide(state=request.request_state, same_person=request.requested_by_id == by.pk))
    request.decide(RequestState.APPROVED, by=by, at=at)
    _record("audit_trail.approved", request, by=by, at=at)
    return request


@transaction.atomic
def refuse_request(request: AuditTrailRequest, *, reason: str, by: User, at: datetime) -> AuditTrailRequest:
    """Refuse, with a reason, a request that somebody else entered."""
    reason = clean(reason)
    require(by, Right.APPROVE_AUDIT_TRAILS)
    request = _locked(request)
    same_person = request.requested_by_id == by.pk
    refuse(rules.why_not_refuse(state=request.request_state, same_person=same_person, reason=reason))
    request.decide(RequestState.REFUSED, by=by, at=at, reason=reason)
    _record("audit_trail.refused", request, by=by, at=at, reason=reason)
    return request


def produce(request: AuditTrailRequest, *, by: User, at: datetime) -> AuditTrailRequest:
    """Produce the bundle of an approved request from the vault alone; a produced one keeps its bundle.

    It asks the vault for a while, so it holds no transaction meanwhile; the production is recorded in the vault on the
    way. Whatever fails leaves the request approved. Raises Refused: no right, not approved, vault unavailable or
    refusing, nothing found, too many records, records that do not verify.
    """
    require(by, Right.REQUEST_AUDIT_TRAILS, Right.APPROVE_AUDIT_TRAILS)
    request.refresh_from_db(fields=["state"])
    refuse(rules.why_not_produce(state=request.request_state))
    if request.request_state is RequestState.PRODUCED:
        return request
    trail = _trail(request, by=by, at=at)
    with transaction.atomic():
        request = _locked(request)
        if request.request_state is RequestState.APPROVED:
            request.state = RequestState.PRODUCED.value
            request.produced_by, request.produced_at = by, at
            request.bundle, request.fingerprint = trail.bundle, trail.fingerprint
            request.save(update_fields=["state", "produced_by", "produced_at", "bundle", "fingerprint"])
    return request


def _trail(request: AuditTrailRequest, *, by: User, at: datetime) -> trails.Trail:
    student = request.student
    try:
        return trails.produce(
            Request(
                id=str(request.uuid),
                who=request.inspector,
                reference=request.reference,
                reason=request.reason,
                period_from=request.period_from,
                period_to=request.period_to,
            ),
            base=request.base.uuid,
            log=request.institution_code.log,
            code=request.institution_code.code,
            people=links.same_people(request.institution_code.log, [student.uuid]) if student else None,
            by=actor_of(by),
            at=at,
            sheet=lambda found: sheet.draw(request, found, by=by, at=at),
            content={"inspector": request.inspector, "reference": request.reference},
            named=author(by),
        )
    except vault.VaultUnavailable as error:
        raise refused(Refusal.VAULT_UNAVAILABLE) from error
    except vault.VaultRefused as error:
        raise refused(Refusal.VAULT_REFUSED) from error
    except trails.NothingFoundError as error:
        raise refused(Refusal.NOTHING_FOUND) from error
    except (trails.TrailTooLargeError, PdfTooLargeError) as error:
        raise refused(Refusal.TOO_MANY_RECORDS) from error
    except EvidenceError as error:
        logger.exception("the audit trail of the request %s does not verify", request.uuid)
        raise refused(Refusal.NOT_CONVINCING) from error


@transaction.atomic
def download(request: AuditTrailRequest, *, by: User, at: datetime) -> bytes:
    """Hand the bundle over: it opens personal data, so who took it and when is a record too."""
    require(by, Right.REQUEST_AUDIT_TRAILS, Right.APPROVE_AUDIT_TRAILS)
    refuse(rules.why_not_download(state=request.request_state))
    bundle = bytes(AuditTrailRequest.objects.values_list("bundle", flat=True).get(pk=request.pk))
    refuse(None if bundle else Refusal.BUNDLE_EMPTIED)
    _record("audit_trail.downloaded", request, by=by, at=at)
    return bundle


def empty_bundles(code: InstitutionCode, indexes: Collection[int]) -> int:
    """Empty the kept bundles that hold the content of one of these records of a code; answers how many.

    A destruction calls it: what the vault no longer holds must not live on here.
    """
    emptied = 0
    with scopes_disabled():
        kept = AuditTrailRequest.objects.filter(institution_code=code).exclude(bundle=b"")
        for key in list(kept.values_list("pk", flat=True)):
            data = bytes(AuditTrailRequest.objects.values_list("bundle", flat=True).get(pk=key))
            if not contents_of(data).isdisjoint(indexes):
                emptied += AuditTrailRequest.objects.filter(pk=key).update(bundle=b"")
    return emptied


def _locked(request: AuditTrailRequest) -> AuditTrailRequest:
    """The row as it stands now, locked until the end of the transaction."""
    return AuditTrailRequest.objects.select_for_update().defer("bundle").get(pk=request.pk)


def _record(event: str, request: AuditTrailRequest, *, by: User, at: datetime, reason: str = "") -> None:
    """Record what was done to a request; who asks, for whom and why is confidential, so it is sealed."""
    student = request.student
    content = {"inspector": request.inspector, "reference": request.reference}
    audit.record(
        event,
        base=request.base.uuid,
        log=request.institution_code.log,
        code=request.institution_code.code,
        at=at,
        actor=actor_of(by),
        day=at.astimezone(request.base.tz).date(),
        student=student.uuid if student else None,
        details={
            "request": str(request.uuid),
            "period_from": request.period_from.isoformat(),
            "period_to": request.period_to.isoformat(),
        },
        content=content | ({"reason": reason} if reason else {}),
        people=author(by) | (identity(student) if student else {}),
        subject=request.uuid,
    )
