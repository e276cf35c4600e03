from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from emarge.accounts.models import Right, User
from emarge.audit import links, trails, vault
from emarge.hosting.models import Base
from emarge.inspections import rules as inspections
from emarge.inspections.rules import Refusal as StepRefusal
from emarge.inspections.steps import clean, code_of, require
from emarge.inspections.texts import refuse as refuse_step
from emarge.inspections.texts import refused as refused_step
from emarge.institutions.models import InstitutionCode, Student
from emarge.retention import rules
from emarge.retention.actions.events import record
from emarge.retention.actions.holds import everybody
from emarge.retention.history import History, told
from emarge.retention.rules import Refusal
from emarge.retention.texts import refuse, refused


def consult(
    base: Base,
    *,
    student: Student | None,
    identity: links.Identity | None,
    period_from: date,
    period_to: date,
    reason: str,
    by: User,
    at: datetime,
) -> History:
    """The history of a student over the bases of all years of the institution code (row M7.4).

    Found by a student of this base, or by the identity that a base of any year knew, whatever was corrected since.
    That it was consulted, by whom and why, is a record before anything is read. Raises Refused.
    """
    require(by, Right.CONSULT_HISTORIES)
    reason = clean(reason)
    refuse_step(inspections.why_not_word(reference="-", reason=reason))
    refuse(rules.why_not_consult(period_from=period_from, period_to=period_to))
    code = code_of(base)
    people = _people(code, student, identity)
    with transaction.atomic():
        record(
            "history.consulted",
            base,
            code,
            by=by,
            at=at,
            details={"period_from": period_from.isoformat(), "period_to": period_to.isoformat()},
            content={"reason": reason},
            student=people[0],
        )
    try:
        found = trails.history(code.log, people, period_from, period_to)
    except vault.VaultUnavailable as error:
        raise refused(Refusal.VAULT_UNAVAILABLE) from error
    except vault.VaultRefused as error:
        raise refused_step(StepRefusal.VAULT_REFUSED) from error
    except trails.TrailTooLargeError as error:
        raise refused(Refusal.TOO_MANY_RECORDS) from error
    return told(found, people)


def _people(code: InstitutionCode, student: Student | None, identity: links.Identity | None) -> list[UUID]:
    if student is not None:
        return everybody(code, [student.uuid])
    if identity is None:
        raise refused(Refusal.IDENTITY_MISSING)
    people = sorted(links.known_by(code.log, identity))
    refuse(None if people else Refusal.NOBODY_KNOWN)
    return people
