"""What a refusal says to whoever is refused: what happened, and what to do."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from emarge.inspections.rules import Refusal, RequestState
from emarge.lib.refusal import Refused

TEXTS: dict[Refusal, Any] = {
    Refusal.NO_RIGHT: _("Your profile does not include the right that this needs. Ask an administrator of the base."),
    Refusal.NO_INSTITUTION_CODE: _(
        "This base has no institution code yet. Activate digital sign-in in the parameters first."
    ),
    Refusal.INSPECTOR_MISSING: _("Write who asks: the name of the funder or inspector."),
    Refusal.REFERENCE_MISSING: _("Write the reference of the request: the number of its letter or file."),
    Refusal.REASON_MISSING: _("A reason is needed. Write it."),
    Refusal.TOO_LONG: _("One of the texts is too long. Shorten it."),
    Refusal.PERIOD_REVERSED: _("The period ends before it begins. Check both dates."),
    Refusal.PERIOD_TOO_LONG: _("The period is longer than six years. Make several requests."),
    Refusal.PERIOD_IN_FUTURE: _("The period has not begun yet: there is nothing to prove. Check both dates."),
    Refusal.SAME_PERSON: _("You entered this request, so somebody else must approve or refuse it."),
    Refusal.ALREADY_DECIDED: _("This request has already been decided. Load the page again to see how."),
    Refusal.NOT_APPROVED: _("This request is not approved, so its audit trail cannot be produced."),
    Refusal.NOT_PRODUCED: _("This audit trail has not been produced yet, so there is nothing to download."),
    Refusal.VAULT_UNAVAILABLE: _(
        "The vault or the timestamp server does not answer. The request stays approved: try again in a moment."
    ),
    Refusal.VAULT_REFUSED: _(
        "The vault refused to give the records of this institution. The request stays approved: tell the operator."
    ),
    Refusal.NOTHING_FOUND: _(
        "The vault holds no record of a class meeting for this period. "
        "Check the dates and the student; when they are wrong, enter a new request."
    ),
    Refusal.TOO_MANY_RECORDS: _(
        "This period holds more records than one bundle takes. Enter requests for shorter periods."
    ),
    Refusal.NOT_CONVINCING: _(
        "The records that the vault gave do not verify, so no bundle was made. "
        "The request stays approved: tell the operator at once."
    ),
    Refusal.BUNDLE_EMPTIED: _(
        "This bundle held personal data that was destroyed since, at the end of retention or on request, "
        "so it is no longer kept here. What the funder received still verifies."
    ),
}

STATES: dict[RequestState, Any] = {
    RequestState.REQUESTED: _("Waiting for approval"),
    RequestState.APPROVED: _("Approved, to produce"),
    RequestState.REFUSED: _("Refused"),
    RequestState.PRODUCED: _("Produced"),
}


def refused(refusal: Refusal) -> Refused:
    """The refusal with its text, to raise."""
    return Refused(refusal.value, TEXTS[refusal])


def refuse(refusal: Refusal | None) -> None:
    """Raise the refusal that a rule gave; do nothing when it gave none."""
    if refusal is not None:
        raise refused(refusal)
