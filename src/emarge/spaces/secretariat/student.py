"""One student corrected by hand: name, identifier, date of birth; the history follows (row M7.4)."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from emarge.accounts.models import Right
from emarge.attendance import actions
from emarge.institutions.identifiers import WrongFormatError, normalise, read_ine
from emarge.institutions.identities import Identity
from emarge.institutions.models import Student
from emarge.lib.refusal import Refused
from emarge.lib.words import tidy
from emarge.spaces.access import require_right
from emarge.spaces.notices import notice
from emarge.spaces.secretariat.forms import StyledForm, day_field
from emarge.spaces.secretariat.page import go, show

MAX_REASON = 500


class IdentityForm(StyledForm):
    """Who a student is."""

    last_name = forms.CharField(label=gettext_lazy("Last name"), max_length=100)
    first_name = forms.CharField(label=gettext_lazy("First name"), max_length=100)
    identifier_type = forms.ChoiceField(
        label=gettext_lazy("Kind of identifier"), choices=[("", "—"), *Student.IdentifierType.choices], required=False
    )
    identifier = forms.CharField(label=gettext_lazy("Identifier"), max_length=50, required=False)
    birth_on = day_field(gettext_lazy("Date of birth"), required=False)
    reason = forms.CharField(
        label=gettext_lazy("Reason for the correction"),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def clean_last_name(self) -> str:
        return tidy(self.cleaned_data["last_name"])

    def clean_first_name(self) -> str:
        return tidy(self.cleaned_data["first_name"])

    def clean(self) -> dict[str, Any]:
        """An identifier goes with its kind; an INE is put in its normal form."""
        said: dict[str, Any] = self.cleaned_data
        kind, value = said.get("identifier_type", ""), normalise(said.get("identifier", ""))
        if bool(kind) != bool(value):
            self.add_error("identifier", _("Give both the identifier and its kind, or neither."))
        elif kind == Student.IdentifierType.INE:
            try:
                value = read_ine(value).value
            except WrongFormatError:
                self.add_error("identifier", _("This is no INE. Check it, or choose another kind."))
        return {**said, "identifier": value}


@require_http_methods(["GET", "HEAD", "POST"])
def student(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The identity of a student, to correct."""
    user = require_right(request, Right.EDIT_SUBJECTION)
    found = get_object_or_404(Student, uuid=uuid)
    now = Identity.of(found)
    if request.method != "POST":
        return _show(request, found, IdentityForm(initial=vars(now)))
    form = IdentityForm(request.POST)
    if not form.is_valid():
        response = _show(request, found, form)
        response.status_code = 400
        return response
    said = {name: form.cleaned_data[name] for name in vars(now)}
    try:
        changed = actions.correct_student(
            found, Identity(**said), reason=form.cleaned_data["reason"], by=user, at=timezone.now()
        )
    except Refused as refusal:
        return _show(request, found, form, refusal)
    if changed:
        notice(request, _("%(name)s is corrected, and the history follows.") % {"name": said["last_name"]})
    return go("secretariat:students")


def _show(request: HttpRequest, found: Student, form: IdentityForm, refusal: Refused | None = None) -> HttpResponse:
    return show(request, "student.html", "students", {"student": found, "form": form}, refusal=refusal)
