"""Audit trails on a funder's request: asked by one, approved by another, made from the vault (row M7.5)."""

from datetime import date
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emarge.accounts.models import Right, User
from emarge.inspections import actions
from emarge.inspections.models import AuditTrailRequest
from emarge.inspections.queries import requests_of
from emarge.inspections.rules import MAX_INSPECTOR, MAX_REASON, MAX_REFERENCE, RequestState
from emarge.inspections.texts import STATES
from emarge.institutions.identifiers import masked
from emarge.institutions.models import Student
from emarge.lib.refusal import Refused
from emarge.spaces.access import base_of, require_right
from emarge.spaces.notices import notice
from emarge.spaces.secretariat.forms import StyledForm, day_field
from emarge.spaces.secretariat.page import go, matching, pages_of, require_any, show

MAX_OPTIONS = 20
_EITHER = (Right.REQUEST_AUDIT_TRAILS, Right.APPROVE_AUDIT_TRAILS)
_LOOKS = {
    RequestState.REQUESTED: "state-expected",
    RequestState.APPROVED: "state-open",
    RequestState.REFUSED: "state-absent",
    RequestState.PRODUCED: "state-sealed",
}


class RequestForm(StyledForm):
    """What a funder's request says."""

    inspector = forms.CharField(label=gettext_lazy("Funder or inspector"), max_length=MAX_INSPECTOR)
    reference = forms.CharField(label=gettext_lazy("Reference of the request"), max_length=MAX_REFERENCE)
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=MAX_REASON, widget=forms.Textarea(attrs={"rows": 3})
    )
    period_from = day_field(gettext_lazy("From"))
    period_to = day_field(gettext_lazy("To"))
    language = forms.ChoiceField(label=gettext_lazy("Language of the sheet"), choices=settings.LANGUAGES)


@require_GET
def audit_trails(request: HttpRequest) -> HttpResponse:
    """The list of requests, newest first."""
    user = require_any(request, *_EITHER)
    page, pages = pages_of(requests_of(base_of(request)), request.GET.get("page", ""))
    context = {
        "page": page,
        "pages": [(number, f"page={number}") for number in pages],
        "rows": [(each, _LOOKS[each.request_state], STATES[each.request_state]) for each in page],
        "may_request": user.has_right(Right.REQUEST_AUDIT_TRAILS),
    }
    return show(request, "audit_trails.html", "audit_trails", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Enter a request."""
    user = require_right(request, Right.REQUEST_AUDIT_TRAILS)
    if request.method != "POST":
        return _show_form(request, RequestForm(initial={"language": get_language(), **_last_month(request)}))
    form = RequestForm(request.POST)
    student = _student(request.POST.get("student", ""))
    if not form.is_valid():
        response = _show_form(request, form, student)
        response.status_code = 400
        return response
    try:
        made = actions.request_trail(base_of(request), **form.cleaned_data, student=student, by=user, at=timezone.now())
    except Refused as refusal:
        return _show_form(request, form, student, refusal)
    notice(request, _("The request is entered. Somebody else must approve it now."))
    return go("secretariat:audit_trail", made.uuid)


@require_GET
def student_options(request: HttpRequest) -> HttpResponse:
    """The fragment of the new request that offers the students whose name matches."""
    require_right(request, Right.REQUEST_AUDIT_TRAILS)
    words = request.GET.get("student_name", "")[:100]
    found = matching(Student.objects.all(), words, str) if words.strip() else []
    context = {
        "options": [(each, masked(each.identifier)) for each in found[:MAX_OPTIONS]],
        "more": len(found) > MAX_OPTIONS,
        "words": words,
    }
    return render(request, "secretariat/_student_options.html", context)


@require_GET
def audit_trail(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """One request: who asked, who decided, and its bundle."""
    user = require_any(request, *_EITHER)
    return _show(request, user, _request_or_404(request, uuid))


@require_POST
def approve(request: HttpRequest, uuid: UUID) -> HttpResponse:
    user = require_right(request, Right.APPROVE_AUDIT_TRAILS)
    asked = _request_or_404(request, uuid)
    try:
        actions.approve(asked, by=user, at=timezone.now())
    except Refused as refusal:
        return _show(request, user, asked, refusal)
    notice(request, _("The request is approved. The audit trail can be produced."))
    return go("secretariat:audit_trail", uuid)


@require_POST
def refuse(request: HttpRequest, uuid: UUID) -> HttpResponse:
    user = require_right(request, Right.APPROVE_AUDIT_TRAILS)
    asked = _request_or_404(request, uuid)
    reason = request.POST.get("reason", "")
    try:
        actions.refuse_request(asked, reason=reason, by=user, at=timezone.now())
    except Refused as refusal:
        return _show(request, user, asked, refusal, typed=reason)
    notice(request, _("The request is refused."))
    return go("secretariat:audit_trail", uuid)


@require_POST
def produce(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Produce the bundle from the vault. When it fails, the request stays approved."""
    user = require_any(request, *_EITHER)
    asked = _request_or_404(request, uuid)
    try:
        actions.produce(asked, by=user, at=timezone.now())
    except Refused as refusal:
        return _show(request, user, asked, refusal)
    notice(request, _("The audit trail is produced, and its production is itself recorded in the vault."))
    return go("secretariat:audit_trail", uuid)


@require_POST
def download(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Hand the bundle over; who took it is recorded, so this is not a GET."""
    user = require_any(request, *_EITHER)
    asked = _request_or_404(request, uuid)
    try:
        bundle = actions.download(asked, by=user, at=timezone.now())
    except Refused as refusal:
        return _show(request, user, asked, refusal)
    return HttpResponse(
        bundle,
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{_file_name(asked)}"',
            "Cache-Control": "no-store",
        },
    )


def _request_or_404(request: HttpRequest, uuid: UUID) -> AuditTrailRequest:
    return get_object_or_404(requests_of(base_of(request)), uuid=uuid)


def _student(text: str) -> Student | None:
    """The chosen student of this base; nothing chosen is everybody."""
    try:
        return get_object_or_404(Student, uuid=UUID(text)) if text else None
    except ValueError:
        return None


def _last_month(request: HttpRequest) -> dict[str, date]:
    today = timezone.now().astimezone(base_of(request).tz).date()
    return {"period_from": today.replace(day=1), "period_to": today}


def _file_name(asked: AuditTrailRequest) -> str:
    """A name of ASCII letters, digits and hyphens, whatever the reference holds."""
    reference = slugify(asked.reference)[:60] or str(asked.uuid)
    return f"audit-trail-{reference}.zip"


def _show_form(
    request: HttpRequest, form: RequestForm, student: Student | None = None, refusal: Refused | None = None
) -> HttpResponse:
    options = [(student, masked(student.identifier))] if student else []
    context = {"form": form, "options": options, "chosen": student}
    return show(request, "audit_trail_new.html", "audit_trails", context, refusal=refusal)


def _show(
    request: HttpRequest,
    user: User,
    asked: AuditTrailRequest,
    refusal: Refused | None = None,
    typed: str = "",
) -> HttpResponse:
    state = asked.request_state
    waits = state is RequestState.REQUESTED and user.has_right(Right.APPROVE_AUDIT_TRAILS)
    context = {
        "asked": asked,
        "look": _LOOKS[state],
        "state": STATES[state],
        "identifier": masked(asked.student.identifier) if asked.student else "",
        "own": asked.requested_by_id == user.pk,
        "may_decide": waits and asked.requested_by_id != user.pk,
        "may_produce": state is RequestState.APPROVED,
        "produced": state is RequestState.PRODUCED,
        "file_name": _file_name(asked),
        "typed": typed,
    }
    return show(request, "audit_trail.html", "audit_trails", context, refusal=refusal)
