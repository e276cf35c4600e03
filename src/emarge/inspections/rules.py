"""Decisions on audit trail requests: who may ask, decide and produce. Standard library only."""

from datetime import date
from enum import Enum

MAX_INSPECTOR = 200
MAX_REFERENCE = 100
MAX_REASON = 500
MAX_PERIOD_DAYS = 6 * 366
"""French funders ask for up to six years of evidence; a longer period is several requests."""


class RequestState(Enum):
    """Where a request stands. The values are stored."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
    PRODUCED = "produced"


class Refusal(Enum):
    """Why an action is refused. The values are stable: tests and logs quote them."""

    NO_RIGHT = "no_right"
    NO_INSTITUTION_CODE = "no_institution_code"
    INSPECTOR_MISSING = "inspector_missing"
    REFERENCE_MISSING = "reference_missing"
    REASON_MISSING = "reason_missing"
    TOO_LONG = "too_long"
    PERIOD_REVERSED = "period_reversed"
    PERIOD_TOO_LONG = "period_too_long"
    PERIOD_IN_FUTURE = "period_in_future"
    SAME_PERSON = "same_person"
    ALREADY_DECIDED = "already_decided"
    NOT_APPROVED = "not_approved"
    NOT_PRODUCED = "not_produced"
    VAULT_UNAVAILABLE = "vault_unavailable"
    VAULT_REFUSED = "vault_refused"
    NOTHING_FOUND = "nothing_found"
    TOO_MANY_RECORDS = "too_many_records"
    NOT_CONVINCING = "not_convincing"
    BUNDLE_EMPTIED = "bundle_emptied"


def why_not_request(
    *, inspector: str, reference: str, reason: str, period_from: date, period_to: date, today: date
) -> Refusal | None:
    """A request names its funder, its reference, its reason and a period that has begun."""
    refusal = _why_not_text(inspector, MAX_INSPECTOR, Refusal.INSPECTOR_MISSING)
    refusal = refusal or why_not_word(reference=reference, reason=reason)
    if refusal is not None:
        return refusal
    if period_to < period_from:
        return Refusal.PERIOD_REVERSED
    if period_from > today:
        return Refusal.PERIOD_IN_FUTURE
    return Refusal.PERIOD_TOO_LONG if (period_to - period_from).days >= MAX_PERIOD_DAYS else None


def why_not_word(*, reference: str, reason: str) -> Refusal | None:
    """Whatever needs two persons has the reference of a letter or file, and a reason."""
    refusal = _why_not_text(reference, MAX_REFERENCE, Refusal.REFERENCE_MISSING)
    return refusal or _why_not_text(reason, MAX_REASON, Refusal.REASON_MISSING)


def _why_not_text(text: str, longest: int, missing: Refusal) -> Refusal | None:
    if not text.strip():
        return missing
    return Refusal.TOO_LONG if len(text) > longest else None


def why_not_decide(*, state: RequestState, same_person: bool) -> Refusal | None:
    """A request is approved or refused once, and never by the person who entered it (row M7.5)."""
    if state is not RequestState.REQUESTED:
        return Refusal.ALREADY_DECIDED
    return Refusal.SAME_PERSON if same_person else None


def why_not_refuse(*, state: RequestState, same_person: bool, reason: str) -> Refusal | None:
    """A refusal needs its reason."""
    refusal = why_not_decide(state=state, same_person=same_person)
    if refusal is not None:
        return refusal
    if not reason.strip():
        return Refusal.REASON_MISSING
    return Refusal.TOO_LONG if len(reason) > MAX_REASON else None


def why_not_produce(*, state: RequestState) -> Refusal | None:
    """Only an approved request is produced; a produced one already has its bundle."""
    return None if state in {RequestState.APPROVED, RequestState.PRODUCED} else Refusal.NOT_APPROVED


def why_not_download(*, state: RequestState) -> Refusal | None:
    return None if state is RequestState.PRODUCED else Refusal.NOT_PRODUCED
