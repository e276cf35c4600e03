"""Reads of retention: periods, what is held, what has reached its end."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Count, QuerySet
from django.db.models.functions import ExtractYear
from django_scopes import scopes_disabled

from emarge.attendance.models import Parameters, RollCall, RollCallLine, TeacherSignature
from emarge.audit.models import OutboxEvent
from emarge.hosting.models import Base
from emarge.inspections.rules import RequestState
from emarge.institutions.models import InstitutionCode
from emarge.retention.models import LegalHold, Order, RetentionPeriod
from emarge.retention.rules import DEFAULT_YEARS, Kind, Scope, days_of


@dataclass(frozen=True)
class YearKept:
    """What one calendar year of a code holds, and when the last of it reaches its end."""

    year: int
    count: int
    ends_on: date
    ended: bool


def code_or_none(base: Base) -> InstitutionCode | None:
    """The institution code of a base, None before its first activation."""
    parameters = Parameters.objects.select_related("institution_code").filter(base=base).first()
    return parameters.institution_code if parameters else None


def years_of(code: InstitutionCode) -> int:
    """The retention period of a code."""
    found = RetentionPeriod.objects.filter(institution_code=code).first()
    return found.years if found else DEFAULT_YEARS


def kept_by_year(code: InstitutionCode, now: datetime) -> list[YearKept]:
    """The sealed records of a code by the year of their certified time, oldest first."""
    days = timedelta(days=days_of(years_of(code)))
    rows = OutboxEvent.objects.filter(log=code.log, index__isnull=False).order_by()
    counted = rows.annotate(year=ExtractYear("stamped_at", tzinfo=UTC)).values("year").annotate(count=Count("pk"))
    found = []
    for row in counted.order_by("year"):
        end = datetime(row["year"] + 1, 1, 1, tzinfo=UTC) + days
        found.append(YearKept(row["year"], row["count"], end.date(), end <= now))
    return found


def certified_before(code: InstitutionCode, day: date) -> QuerySet[OutboxEvent]:
    """The sealed records of a code that were certified before a day (UTC)."""
    return OutboxEvent.objects.filter(log=code.log, index__isnull=False, stamped_at__lt=start_of(day))


def start_of(day: date) -> datetime:
    """The first instant of a day, UTC."""
    return datetime.combine(day, time(), UTC)


def active_holds(code: InstitutionCode) -> list[LegalHold]:
    """The holds of a code that stand, whichever base placed them."""
    with scopes_disabled():
        return list(LegalHold.objects.filter(institution_code=code, lifted_at=None))


def code_is_held(code: InstitutionCode) -> bool:
    return any(hold.hold_scope is Scope.CODE for hold in active_holds(code))


def held_people(code: InstitutionCode) -> set[UUID]:
    """The persons whom a hold names."""
    return {UUID(person) for hold in active_holds(code) for person in hold.people}


def held_meetings(code: InstitutionCode) -> set[UUID]:
    return {hold.meeting for hold in active_holds(code) if hold.meeting is not None}


def is_held(code: InstitutionCode, people: Collection[UUID]) -> bool:
    """Whether a hold covers one of these persons: the code's, their own, or that of a class meeting of theirs."""
    if code_is_held(code) or held_people(code) & set(people):
        return True
    with scopes_disabled():
        calls = RollCall.objects.filter(meeting__uuid__in=held_meetings(code))
        return (
            calls.filter(lines__student__uuid__in=people).exists()
            or calls.filter(meeting__teachers__uuid__in=people).exists()
        )


def open_orders(code: InstitutionCode, kind: Kind) -> list[Order]:
    """The orders of a code that wait for a decision or are being carried out."""
    waiting = [RequestState.REQUESTED.value, RequestState.APPROVED.value]
    with scopes_disabled():
        return list(Order.objects.filter(institution_code=code, kind=kind.value, state__in=waiting))


def retained_until(code: InstitutionCode, people: Collection[UUID]) -> date | None:
    """The day on which the retention of what these persons last did ends; None when nothing is known of them."""
    with scopes_disabled():
        lines = RollCallLine.objects.filter(roll_call__institution_code=code, student__uuid__in=people)
        last = [
            line.roll_call.ends_at for line in lines.select_related("roll_call").order_by("-roll_call__ends_at")[:1]
        ]
        signed = TeacherSignature.objects.filter(roll_call__institution_code=code, teacher__uuid__in=people)
        last += [signature.signed_at for signature in signed.order_by("-signed_at")[:1]]
    return (max(last) + timedelta(days=days_of(years_of(code)))).date() if last else None
