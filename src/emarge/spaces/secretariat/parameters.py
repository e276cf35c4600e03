"""Parameters > Assiduity > Digital sign-in (rows M2.1 to M2.5)."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from emarge.accounts.models import Right
from emarge.attendance import actions
from emarge.attendance.models import ModeOfType, Parameters
from emarge.attendance.rules import (
    DEFAULT_EXTENSION_MINUTES,
    LONGEST_GRACE,
    LONGEST_PERIOD,
    PERIOD_SECONDS,
    SHORTEST_PERIOD,
    Mode,
)
from emarge.attendance.texts import MODES
from emarge.audit import trust
from emarge.hosting.models import Base
from emarge.institutions.codes import codes_of, find_or_create_code
from emarge.institutions.models import InstitutionCode
from emarge.lib.refusal import Refused
from emarge.retention import actions as retention_actions
from emarge.retention import rules
from emarge.retention.queries import years_of
from emarge.retention.texts import TEXTS
from emarge.spaces.access import base_of, require_right
from emarge.spaces.notices import notice
from emarge.spaces.secretariat.page import go, mode_of_text, show
from emarge.timetable.models import CourseType

_LONGEST_YEARS = 2  # digits
UNITS = {
    "minutes": (1, gettext_lazy("minutes")),
    "hours": (60, gettext_lazy("hours")),
    "days": (24 * 60, gettext_lazy("days")),
}


@require_GET
def parameters(request: HttpRequest) -> HttpResponse:
    require_right(request, Right.EDIT_PARAMETERS)
    return _show(request)


@require_POST
def activate(request: HttpRequest) -> HttpResponse:
    """The window « Institution's code selection »: an existing code of the account, or a new one."""
    user = require_right(request, Right.EDIT_PARAMETERS)
    base = base_of(request)
    try:
        with transaction.atomic():
            code = _chosen_code(request, base)
            actions.activate(base, code=code, by=user, at=timezone.now())
    except Refused as refusal:
        return _show(request, refusal)
    notice(request, _("Digital sign-in is active, with the institution code %(code)s.") % {"code": code.code})
    return go("secretariat:parameters")


@require_POST
def deactivate(request: HttpRequest) -> HttpResponse:
    user = require_right(request, Right.EDIT_PARAMETERS)
    try:
        actions.deactivate(base_of(request), by=user, at=timezone.now())
    except Refused as refusal:
        return _show(request, refusal)
    notice(request, _("Digital sign-in is no longer active. What was recorded stays."))
    return go("secretariat:parameters")


@require_POST
def extension(request: HttpRequest) -> HttpResponse:
    user = require_right(request, Right.EDIT_PARAMETERS)
    try:
        minutes = _minutes(request)
        actions.set_extension(base_of(request), minutes=minutes, by=user, at=timezone.now())
    except Refused as refusal:
        return _show(request, refusal)
    notice(request, _("The extension is changed. Roll calls that are already open keep theirs."))
    return go("secretariat:parameters")


@require_POST
def roll_call(request: HttpRequest) -> HttpResponse:
    """How the roll is called in each type of course, and the pace of rolling codes (row M2.4)."""
    user = require_right(request, Right.EDIT_PARAMETERS)
    base, now = base_of(request), timezone.now()
    try:
        with transaction.atomic():
            period, grace = _seconds(request, "period"), _seconds(request, "grace")
            actions.set_rolling(base, period=period, grace=grace, by=user, at=now)
            for course_type in CourseType.objects.filter(base=base):
                mode = mode_of_text(request.POST.get(f"mode-{course_type.pk}", ""))
                actions.set_mode_of_type(course_type, mode, by=user, at=now)
    except Refused as refusal:
        return _show(request, refusal)
    notice(request, _("The roll calls that open from now on follow this. Those that are open keep theirs."))
    return go("secretariat:parameters")


@require_POST
def retention(request: HttpRequest) -> HttpResponse:
    """How long the institution code keeps its records; it can only be raised (row M2.5)."""
    user = require_right(request, Right.EDIT_PARAMETERS)
    try:
        years = _years(request)
        retention_actions.set_years(base_of(request), years=years, by=user, at=timezone.now())
    except Refused as refusal:
        return _show(request, refusal)
    notice(request, _("The retention period is %(years)d years.") % {"years": years})
    return go("secretariat:parameters")


@require_GET
def fingerprint(request: HttpRequest) -> HttpResponse:
    """The fragment that asks the vault: apart from the page, which must not wait for it."""
    require_right(request, Right.EDIT_PARAMETERS)
    parameters = _parameters(base_of(request))
    code = parameters.institution_code if parameters else None
    anchors = trust.anchors_or_none(code.log, code.code) if code else None
    return render(request, "secretariat/_fingerprint.html", {"anchors": anchors})


def _parameters(base: Base) -> Parameters | None:
    return Parameters.objects.select_related("institution_code").filter(base=base).first()


def _chosen_code(request: HttpRequest, base: Base) -> InstitutionCode:
    """The code chosen in the window; one of another account does not exist here."""
    choice = request.POST.get("code", "")
    if choice == "new":
        return find_or_create_code(base.planning.account, request.POST.get("new_code", ""))
    if request.POST.get("new_code", "").strip():
        raise Refused("code_ambiguous", gettext_lazy("You typed a new code: choose New, or leave it blank."))
    code = codes_of(base).filter(pk=int(choice)).first() if choice.isascii() and choice.isdigit() else None
    if code is None:
        raise Refused("code_missing", gettext_lazy("Choose an institution code, or make a new one."))
    return code


def _minutes(request: HttpRequest) -> int:
    number, unit = request.POST.get("number", "").strip(), request.POST.get("unit", "")
    if not (number.isascii() and number.isdigit() and len(number) <= len("14400")) or unit not in UNITS:
        raise Refused("extension_malformed", gettext_lazy("Write the extension as a whole number."))
    return int(number) * UNITS[unit][0]


def _seconds(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LONGEST_GRACE))):
        raise Refused("seconds_malformed", gettext_lazy("Write the period and the grace as whole numbers of seconds."))
    return int(text)


def _years(request: HttpRequest) -> int:
    text = request.POST.get("years", "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_YEARS):
        raise Refused("years_malformed", TEXTS[rules.Refusal.YEARS_OUT_OF_RANGE])
    return int(text)


def _types(base: Base) -> list[tuple[CourseType, str]]:
    """The types of courses with how their roll is called."""
    rows = CourseType.objects.filter(base=base).order_by("name")
    said = {each.course_type_id: each.mode for each in ModeOfType.objects.filter(base=base)}
    return [(each, said.get(each.pk, Mode.BY_TEACHER.value)) for each in rows]


def _show(request: HttpRequest, refusal: Refused | None = None) -> HttpResponse:
    base = base_of(request)
    parameters = _parameters(base)
    minutes = parameters.extension_minutes if parameters else DEFAULT_EXTENSION_MINUTES
    unit = next(name for name in ("days", "hours", "minutes") if minutes % UNITS[name][0] == 0)
    code = parameters.institution_code if parameters else None
    years = years_of(code) if code else rules.DEFAULT_YEARS
    context = {
        "years": years,
        "most_years": rules.MAX_YEARS,
        "short": rules.shorter_than_funders_ask(years),
        "parameters": parameters,
        "codes": codes_of(base),
        "types": _types(base),
        "modes": [(mode.value, text) for mode, text in MODES.items()],
        "period": parameters.period_seconds if parameters else PERIOD_SECONDS,
        "grace": actions.grace_of(parameters) if parameters else PERIOD_SECONDS,
        "periods": (SHORTEST_PERIOD, LONGEST_PERIOD, LONGEST_GRACE),
        "typed_code": request.POST.get("new_code", ""),
        "number": minutes // UNITS[unit][0],
        "unit": unit,
        "units": [(name, text) for name, (_size, text) in UNITS.items()],
    }
    return show(request, "parameters.html", "parameters", context, refusal=refusal)
