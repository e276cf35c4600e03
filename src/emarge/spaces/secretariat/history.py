"""The history of a student over the bases of all years (row M7.4). By POST: consulting it is a record."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from emarge.accounts.models import Right
from emarge.audit.links import Identity
from emarge.inspections.rules import MAX_REASON
from emarge.inspections.sheet_texts import EVENTS, PRESENCES
from emarge.institutions.identifiers import masked, normalise
from emarge.institutions.models import Student
from emarge.lib.refusal import Refused
from emarge.retention import actions
from emarge.retention.history import History
from emarge.spaces.access import base_of, require_right
from emarge.spaces.secretariat.forms import StyledForm, day_field
from emarge.spaces.secretariat.page import show

_SIGN_INS = {
    "signed": (_("Signed"), "state-signed"),
    "regularised": (_("Regularised"), "state-regularised"),
    "unsigned": (_("Present but unsigned"), "state-unsigned"),
    "not_expected": (_("Not expected"), ""),
}


class HistoryForm(StyledForm):
    """Whose history, of which period, and why."""

    identifier_type = forms.ChoiceField(
        label=_("Kind of identifier"), choices=[("", "—"), *Student.IdentifierType.choices], required=False
    )
    identifier = forms.CharField(label=_("Identifier"), max_length=50, required=False)
    birth_on = day_field(_("Date of birth"), required=False)
    period_from = day_field(_("From"))
    period_to = day_field(_("To"))
    reason = forms.CharField(label=_("Reason"), max_length=MAX_REASON)


@require_http_methods(["GET", "HEAD", "POST"])
def history(request: HttpRequest) -> HttpResponse:
    """The form, and under it the history that was asked."""
    user = require_right(request, Right.CONSULT_HISTORIES)
    today = timezone.now().astimezone(base_of(request).tz).date()
    if request.method != "POST":
        initial = {"period_from": today - timedelta(days=365), "period_to": today}
        return show(request, "history.html", "history", {"form": HistoryForm(initial=initial)})
    form, student = HistoryForm(request.POST), _student(request.POST.get("student", ""))
    context: dict[str, Any] = {"form": form, "chosen": student}
    context["students"] = [(student, masked(student.identifier))] if student else []
    if not form.is_valid():
        response = show(request, "history.html", "history", context)
        response.status_code = 400
        return response
    said = form.cleaned_data
    try:
        found = actions.consult(
            base_of(request),
            student=student,
            identity=_identity(said),
            period_from=said["period_from"],
            period_to=said["period_to"],
            reason=said["reason"],
            by=user,
            at=timezone.now(),
        )
    except Refused as refusal:
        return show(request, "history.html", "history", context, refusal=refusal)
    return show(request, "history.html", "history", context | _told(found))


def _student(text: str) -> Student | None:
    try:
        return get_object_or_404(Student, uuid=UUID(text)) if text else None
    except ValueError:
        return None


def _identity(said: dict[str, Any]) -> Identity | None:
    value = normalise(said["identifier"])
    if not (said["identifier_type"] and value and said["birth_on"]):
        return None
    return Identity(said["identifier_type"], value, said["birth_on"])


def _told(found: History) -> dict[str, Any]:
    return {
        "history": found,
        "identities": [
            (
                one,
                EVENTS.get(one.event, one.event),
                masked(one.identifier),
                date.fromisoformat(one.birth_on) if one.birth_on else None,
            )
            for one in found.identities
        ],
        "meetings": [
            (each, PRESENCES.get(each.presence, each.presence), *_SIGN_INS[each.sign_in])
            for each in reversed(found.meetings)
        ],
        "others": [(one, EVENTS.get(one.record.event, one.record.event)) for one in found.others],
    }
