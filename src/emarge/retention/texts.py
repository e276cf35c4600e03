"""What a refusal or a state says to people."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from emarge.inspections.rules import RequestState
from emarge.lib.refusal import Refused
from emarge.retention.rules import Kind, Refusal, Scope

TEXTS: dict[Refusal, Any] = {
    Refusal.YEARS_LOWERED: _("The retention period can only be raised: what was promised stays promised."),
    Refusal.YEARS_OUT_OF_RANGE: _("The retention period is a whole number of years, from 5 to 50."),
    Refusal.MEETING_UNKNOWN: _("Choose a class meeting of this base whose roll was called."),
    Refusal.STUDENT_MISSING: _("Choose a student: type the name, then tick it."),
    Refusal.PERSON_MISSING: _("Choose one student or one teacher: type the name, then tick it."),
    Refusal.NOT_AT_ITS_END: _("Not everything before this day has reached the end of its retention."),
    Refusal.NOTHING_AT_ITS_END: _("Nothing has reached the end of its retention before this day."),
    Refusal.HELD: _("A legal hold covers this, so nothing of it may be destroyed. The hold must be lifted first."),
    Refusal.ALREADY_ASKED: _("The same was already asked. Load the page again to see it."),
    Refusal.ALREADY_LIFTED: _("This hold has already been lifted."),
    Refusal.RETENTION_RUNS: _(
        "The legal retention of this person's records still runs. Tick that you know it, or wait until it ends."
    ),
    Refusal.NO_CERTIFICATE: _("The vault has given no certificate for this yet."),
    Refusal.NOBODY_KNOWN: _(
        "The vault knows nobody by this identifier and this date of birth under this institution code."
    ),
    Refusal.IDENTITY_MISSING: _(
        "Choose a student of this base, or give the kind of identifier, the identifier and the date of birth."
    ),
    Refusal.PERIOD_TOO_LONG: _("The period is longer than ten years, or ends before it begins. Check both dates."),
    Refusal.VAULT_UNAVAILABLE: _("The vault does not answer, so the history cannot be read. Try again in a moment."),
    Refusal.TOO_MANY_RECORDS: _("This period holds too many records. Choose a shorter one."),
}
KINDS: dict[Kind, Any] = {
    Kind.LIFT: _("Lifting of a legal hold"),
    Kind.DESTRUCTION: _("Destruction at the end of retention"),
    Kind.ERASURE: _("Erasure of personal data"),
}
SCOPES: dict[Scope, Any] = {
    Scope.CODE: _("The whole institution code"),
    Scope.STUDENT: _("A student"),
    Scope.MEETING: _("A class meeting"),
}
STATES: dict[RequestState, Any] = {
    RequestState.REQUESTED: _("Waiting for approval"),
    RequestState.APPROVED: _("Approved, being carried out"),
    RequestState.REFUSED: _("Refused"),
    RequestState.PRODUCED: _("Carried out"),
}
FAULTS: dict[str, Any] = {
    "held": _("A legal hold covers a part of it: it is tried again, and goes on once the hold is lifted."),
    "too_young": _("A record of it is younger than the retention period: the vault refuses it."),
    "nothing_to_destroy": _("The vault holds nothing of it any more."),
}
OTHER_FAULT = _("The vault refuses it: tell the operator. It is tried again.")


def refused(refusal: Refusal) -> Refused:
    """The refusal with its text, to raise."""
    return Refused(refusal.value, TEXTS[refusal])


def refuse(refusal: Refusal | None) -> None:
    """Raise the refusal that a rule gave; do nothing when it gave none."""
    if refusal is not None:
        raise refused(refusal)
