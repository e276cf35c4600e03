"""Decisions on retention: periods, legal holds, what may be destroyed. Standard library only."""

import math
from datetime import date, datetime, timedelta
from enum import Enum

DEFAULT_YEARS = 5
MAX_YEARS = 50
FUNDERS_ASK_YEARS = 6
"""What French funders ask; 10 when the training is co-financed by the European Union (row M2.5)."""
_DAYS_OF_A_YEAR = 365.25
MAX_HISTORY_DAYS = 10 * 366


class Scope(Enum):
    """What a legal hold covers. The values are stored, and stand in records."""

    CODE = "code"
    STUDENT = "student"
    MEETING = "meeting"


class Kind(Enum):
    """What needs two persons here. The values are stored."""

    LIFT = "lift"
    DESTRUCTION = "destruction"
    ERASURE = "erasure"


class Refusal(Enum):
    """Why an action is refused. The values are stable: tests and logs quote them."""

    YEARS_LOWERED = "years_lowered"
    YEARS_OUT_OF_RANGE = "years_out_of_range"
    MEETING_UNKNOWN = "meeting_unknown"
    STUDENT_MISSING = "student_missing"
    PERSON_MISSING = "person_missing"
    NOT_AT_ITS_END = "not_at_its_end"
    NOTHING_AT_ITS_END = "nothing_at_its_end"
    HELD = "held"
    ALREADY_ASKED = "already_asked"
    ALREADY_LIFTED = "already_lifted"
    RETENTION_RUNS = "retention_runs"
    NO_CERTIFICATE = "no_certificate"
    NOBODY_KNOWN = "nobody_known"
    IDENTITY_MISSING = "identity_missing"
    PERIOD_TOO_LONG = "history_too_long"
    TOO_MANY_RECORDS = "history_too_large"
    VAULT_UNAVAILABLE = "vault_silent"


def days_of(years: int) -> int:
    """A number of years in days, leap days included: five years are 1,827 days."""
    return math.ceil(years * _DAYS_OF_A_YEAR)


def ends_before(now: datetime, years: int) -> date:
    """The last day such that whatever was certified before it has reached the end of its retention."""
    return (now - timedelta(days=days_of(years))).date()


def shorter_than_funders_ask(years: int) -> bool:
    return years < FUNDERS_ASK_YEARS


def why_not_set(*, years: int, now: int) -> Refusal | None:
    """A period is only raised: what was promised to a funder stays promised."""
    if not DEFAULT_YEARS <= years <= MAX_YEARS:
        return Refusal.YEARS_OUT_OF_RANGE
    return Refusal.YEARS_LOWERED if years < now else None


def why_not_destroy(*, before: date, end: date, held: bool, count: int, asked: bool) -> Refusal | None:
    """Only what has reached its end, once, and nothing while the whole code is held."""
    if held:
        return Refusal.HELD
    if before > end:
        return Refusal.NOT_AT_ITS_END
    if not count:
        return Refusal.NOTHING_AT_ITS_END
    return Refusal.ALREADY_ASKED if asked else None


def why_not_erase(*, held: bool, runs: bool, acknowledged: bool, asked: bool) -> Refusal | None:
    """A hold forbids an erasure; a retention that still runs asks for a second thought."""
    if held:
        return Refusal.HELD
    if asked:
        return Refusal.ALREADY_ASKED
    return Refusal.RETENTION_RUNS if runs and not acknowledged else None


def why_not_consult(*, period_from: date, period_to: date) -> Refusal | None:
    wrong = period_to < period_from or (period_to - period_from).days > MAX_HISTORY_DAYS
    return Refusal.PERIOD_TOO_LONG if wrong else None
