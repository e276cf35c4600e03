"""Retention: what is kept until when, legal holds, destructions and erasures (rows M2.5, M7.3, M11.4)."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emarge.accounts.models import Right, User
from emarge.attendance.models import RollCall
from emarge.inspections.rules import MAX_REASON, MAX_REFERENCE, RequestState
from emarge.institutions.identifiers import masked
from emarge.institutions.models import Student, Teacher
from emarge.lib.refusal import Refused
from emarge.retention import actions, queries, rules
from emarge.retention.models import LegalHold, Order
from emarge.retention.rules import Kind, Scope
from emarge.retention.texts import FAULTS, KINDS, OTHER_FAULT, SCOPES, STATES
from emarge.spaces.access import base_of, require_right
from emarge.spaces.notices import notice
from emarge.spaces.secretariat.forms import StyledForm, day_field
from emarge.spaces.secretariat.page import go, matching, pages_of, require_any, show

MAX_OPTIONS = 20
_EITHER = (Right.MANAGE_RETENTION, Right.APPROVE_DESTRUCTIONS)
_LOOKS = {
    RequestState.REQUESTED: "state-expected",
    RequestState.APPROVED: "state-open",
    RequestState.REFUSED: "state-absent",
    RequestState.PRODUCED: "state-sealed",
}


class WhyForm(StyledForm):
    """The reference of a letter or file, and a reason."""

    reference = forms.CharField(label=gettext_lazy("Reference of the letter or file"), max_length=MAX_REFERENCE)
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=MAX_REASON, widget=forms.Textarea(attrs={"rows": 2})
    )


class HoldForm(WhyForm):
    scope = forms.ChoiceField(
        label=gettext_lazy("What is held"), choices=[(scope.value, text) for scope, text in SCOPES.items()]
    )


class DestructionForm(WhyForm):
    before_on = day_field(gettext_lazy("Destroy what was certified before"))


class ErasureForm(WhyForm):
    acknowledged = forms.BooleanField(required=False)


@require_GET
def retention(request: HttpRequest) -> HttpResponse:
    """What the code keeps, year by year, its holds, and what was asked."""
    user = require_any(request, *_EITHER)
    code = queries.code_or_none(base_of(request))
    page, pages = pages_of(_orders(), request.GET.get("page", ""))
    context = {
        "code": code,
        "years": queries.years_of(code) if code else None,
        "end": rules.ends_before(timezone.now(), queries.years_of(code)) if code else None,
        "kept": queries.kept_by_year(code, timezone.now()) if code else [],
        "holds": [(hold, SCOPES[hold.hold_scope]) for hold in _holds().filter(lifted_at=None)],
        "lifted": [(hold, SCOPES[hold.hold_scope]) for hold in _holds().exclude(lifted_at=None)[:MAX_OPTIONS]],
        "rows": [(each, KINDS[each.order_kind], _LOOKS[each.request_state], _state(each)) for each in page],
        "page": page,
        "pages": [(number, f"page={number}") for number in pages],
        "may_manage": user.has_right(Right.MANAGE_RETENTION),
    }
    return show(request, "retention.html", "retention", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new_hold(request: HttpRequest) -> HttpResponse:
    """Place a legal hold."""
    user = require_right(request, Right.MANAGE_RETENTION)
    form = HoldForm(request.POST if request.method == "POST" else None)
    student = _found(Student.objects.all(), request.POST.get("student", ""))
    meeting = _found(RollCall.objects.select_related("meeting"), request.POST.get("meeting", ""))

    def place(said: dict[str, Any]) -> HttpResponse:
        hold = actions.place_hold(
            base_of(request),
            **{**said, "scope": Scope(said["scope"])},
            student=student,
            meeting=meeting,
            by=user,
            at=timezone.now(),
        )
        notice(request, _("The hold is placed: nothing that it covers can be destroyed."))
        return go("secretariat:hold", hold.uuid)

    context = {"students": _people([student]), "meetings": [meeting] if meeting else [], "chosen": student}
    return _filled(request, form, place, "hold_new.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new_destruction(request: HttpRequest) -> HttpResponse:
    """Ask to destroy what has reached its end."""
    user = require_right(request, Right.MANAGE_RETENTION)
    code = queries.code_or_none(base_of(request))
    end = rules.ends_before(timezone.now(), queries.years_of(code)) if code else None
    initial = {"before_on": end}
    form = DestructionForm(request.POST) if request.method == "POST" else DestructionForm(initial=initial)

    def ask(said: dict[str, Any]) -> HttpResponse:
        order = actions.ask_destruction(base_of(request), **said, by=user, at=timezone.now())
        return _asked(request, order)

    context = {"end": end, "count": queries.certified_before(code, end).count() if code and end else 0}
    return _filled(request, form, ask, "destruction_new.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new_erasure(request: HttpRequest) -> HttpResponse:
    """Ask to erase the personal data of a student or a teacher, on their request."""
    user = require_right(request, Right.MANAGE_RETENTION)
    form = ErasureForm(request.POST if request.method == "POST" else None)
    student = _found(Student.objects.all(), request.POST.get("student", ""))
    teacher = _found(Teacher.objects.all(), request.POST.get("teacher", "")) if student is None else None
    code = queries.code_or_none(base_of(request))
    person = student or teacher

    def ask(said: dict[str, Any]) -> HttpResponse:
        order = actions.ask_erasure(base_of(request), **said, person=person, by=user, at=timezone.now())
        return _asked(request, order)

    until = queries.retained_until(code, [person.uuid]) if code and person else None
    context = {
        "students": _people([student]),
        "teachers": [teacher] if teacher else [],
        "chosen": person,
        "until": until if until and until > _today(request) else None,
    }
    return _filled(request, form, ask, "erasure_new.html", context)


@require_POST
def people_options(request: HttpRequest) -> HttpResponse:
    """The fragment that offers students, and teachers where they are wanted; by POST, for it carries a name."""
    require_any(request, Right.MANAGE_RETENTION, Right.CONSULT_HISTORIES)
    words = request.POST.get("person_name", "")[:100]
    students = matching(Student.objects.all(), words, str) if words.strip() else []
    wanted = words.strip() and "teachers" in request.POST
    teachers = matching(Teacher.objects.all(), words, str) if wanted else []
    context = {
        "students": _people(students[:MAX_OPTIONS]),
        "teachers": teachers[:MAX_OPTIONS],
        "more": max(len(students), len(teachers)) > MAX_OPTIONS,
        "words": words,
    }
    return render(request, "secretariat/_people_options.html", context)


@require_POST
def meeting_options(request: HttpRequest) -> HttpResponse:
    """The fragment that offers the class meetings of a day whose roll was called."""
    require_right(request, Right.MANAGE_RETENTION)
    try:
        day = date.fromisoformat(request.POST.get("meeting_on", ""))
    except ValueError:
        day = None
    found = RollCall.objects.filter(starts_at__date=day).order_by("starts_at", "pk") if day else []
    return render(request, "secretariat/_meeting_options.html", {"meetings": found, "day": day})


@require_http_methods(["GET", "HEAD", "POST"])
def hold(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """One hold; posting asks to lift it."""
    user = require_any(request, *_EITHER)
    found = get_object_or_404(_holds(), uuid=uuid)
    form = WhyForm(request.POST if request.method == "POST" else None)

    def ask(said: dict[str, Any]) -> HttpResponse:
        return _asked(request, actions.ask_to_lift(found, **said, by=user, at=timezone.now()))

    orders = [(each, _LOOKS[each.request_state], _state(each)) for each in _orders().filter(hold=found)]
    waits = any(each.request_state is RequestState.REQUESTED for each, _look, _text in orders)
    context = {"hold": found, "scope": SCOPES[found.hold_scope], "orders": orders, "waits": waits}
    return _filled(request, form, ask, "hold.html", context)


@require_GET
def order(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """What was asked, who decided, and the certificate."""
    user = require_any(request, *_EITHER)
    return _show(request, user, get_object_or_404(_orders(), uuid=uuid))


@require_POST
def approve(request: HttpRequest, uuid: UUID) -> HttpResponse:
    user = require_right(request, Right.APPROVE_DESTRUCTIONS)
    asked = get_object_or_404(_orders(), uuid=uuid)
    try:
        actions.approve(asked, by=user, at=timezone.now())
    except Refused as refusal:
        return _show(request, user, asked, refusal)
    lifted = asked.order_kind is Kind.LIFT
    notice(request, _("The hold is lifted.") if lifted else _("It is approved, and is now being carried out."))
    return go("secretariat:order", uuid)


@require_POST
def refuse(request: HttpRequest, uuid: UUID) -> HttpResponse:
    user = require_right(request, Right.APPROVE_DESTRUCTIONS)
    asked = get_object_or_404(_orders(), uuid=uuid)
    reason = request.POST.get("reason", "")
    try:
        actions.refuse_order(asked, reason=reason, by=user, at=timezone.now())
    except Refused as refusal:
        return _show(request, user, asked, refusal, typed=reason)
    notice(request, _("The request is refused."))
    return go("secretariat:order", uuid)


@require_POST
def download(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Hand over the vault's certificate of destruction."""
    user = require_any(request, *_EITHER)
    asked = get_object_or_404(_orders(), uuid=uuid)
    try:
        certificate = actions.download(asked, by=user, at=timezone.now())
    except Refused as refusal:
        return _show(request, user, asked, refusal)
    headers = {"Content-Disposition": f'attachment; filename="destruction-{asked.uuid}.txt"'}
    return HttpResponse(certificate, content_type="text/plain; charset=utf-8", headers=headers)


def _holds() -> QuerySet[LegalHold]:
    return LegalHold.objects.select_related("base", "institution_code", "placed_by")


def _orders() -> QuerySet[Order]:
    people = ("base", "institution_code", "hold", "student", "teacher", "requested_by", "decided_by")
    return Order.objects.select_related(*people).defer("certificate", "token", "asked")


def _found(rows: QuerySet[Any], text: str) -> Any:
    """The object that was chosen, of this base; None when nothing was."""
    try:
        return get_object_or_404(rows, uuid=UUID(text)) if text else None
    except ValueError:
        return None


def _people(students: list[Any]) -> list[tuple[Student, str]]:
    return [(each, masked(each.identifier)) for each in students if each is not None]


def _today(request: HttpRequest) -> date:
    return timezone.now().astimezone(base_of(request).tz).date()


def _state(asked: Order) -> Any:
    if asked.request_state is RequestState.APPROVED and asked.fault:
        return FAULTS.get(asked.fault, OTHER_FAULT)
    return STATES[asked.request_state]


def _asked(request: HttpRequest, made: Order) -> HttpResponse:
    notice(request, _("The request is entered. Somebody else must approve it now."))
    return go("secretariat:order", made.uuid)


def _filled(
    request: HttpRequest,
    form: WhyForm,
    act: Callable[[dict[str, Any]], HttpResponse],
    template: str,
    context: dict[str, Any],
) -> HttpResponse:
    """Show a form, or do what it says; whatever is refused is shown on the form as it was typed."""
    context |= {"form": form}
    if request.method != "POST":
        return show(request, template, "retention", context)
    if not form.is_valid():
        response = show(request, template, "retention", context)
        response.status_code = 400
        return response
    try:
        return act(form.cleaned_data)
    except Refused as refusal:
        return show(request, template, "retention", context | {"refused_code": refusal.code}, refusal=refusal)


def _show(
    request: HttpRequest, user: User, asked: Order, refusal: Refused | None = None, typed: str = ""
) -> HttpResponse:
    state = asked.request_state
    waits = state is RequestState.REQUESTED and user.has_right(Right.APPROVE_DESTRUCTIONS)
    own = asked.requested_by_id == user.pk
    context = {
        "asked": asked,
        "kind": KINDS[asked.order_kind],
        "look": _LOOKS[state],
        "state": _state(asked),
        "own": own,
        "waits": state is RequestState.REQUESTED,
        "may_decide": waits and not own,
        "runs": asked.retained_until if asked.retained_until and asked.retained_until > _today(request) else None,
        "typed": typed,
    }
    return show(request, "order.html", "retention", context, refusal=refusal)
