"""Schedules > Courses: which are subject to digital sign-in, and how their roll is called (rows M3.1, M2.4)."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from emarge.accounts.models import Right
from emarge.attendance import actions
from emarge.attendance.models import ModeOfCourse, ModeOfType
from emarge.attendance.rules import Mode
from emarge.attendance.texts import MODES
from emarge.lib.refusal import Refused
from emarge.spaces.access import require_right
from emarge.spaces.notices import notice
from emarge.spaces.secretariat.lists import FLAGS, Choice, choice_of, listed, selected
from emarge.spaces.secretariat.page import go, matching, mode_of_text, show
from emarge.timetable.models import Course

_AS_TYPE = "as_type"


@require_GET
def courses(request: HttpRequest) -> HttpResponse:
    require_right(request, Right.EDIT_SUBJECTION)
    return _show(request, choice_of(request.GET, FLAGS))


@require_POST
def flag(request: HttpRequest) -> HttpResponse:
    """Flag the selected courses, or one by its own button: Yes or No."""
    user = require_right(request, Right.EDIT_SUBJECTION)
    choice = choice_of(QueryDict(request.POST.get("back", "")), FLAGS)
    subject_to = request.POST.get("subject_to") == "yes"
    try:
        chosen = selected(request.POST, _courses(), lambda: matching(_rows(choice), choice.words, _text_of))
        count = actions.flag_courses(chosen, subject_to=subject_to, by=user, at=timezone.now())
    except Refused as refusal:
        return _show(request, choice, refusal)
    notice(request, _told(count, subject_to=subject_to))
    return go("secretariat:courses", query=choice.query())


@require_POST
def mode(request: HttpRequest) -> HttpResponse:
    """Say how the roll is called in the selected courses, or leave it to their type (row M2.4)."""
    user = require_right(request, Right.EDIT_SUBJECTION)
    choice = choice_of(QueryDict(request.POST.get("back", "")), FLAGS)
    asked = request.POST.get("mode", "")
    try:
        wanted = None if asked == _AS_TYPE else mode_of_text(asked)
        chosen = selected(request.POST, _courses(), lambda: matching(_rows(choice), choice.words, _text_of))
        count = actions.set_mode_of_courses(chosen, wanted, by=user, at=timezone.now())
    except Refused as refusal:
        return _show(request, choice, refusal)
    text = ngettext(
        "The roll is now called that way in %(count)d course.",
        "The roll is now called that way in %(count)d courses.",
        count,
    )
    notice(request, text % {"count": count})
    return go("secretariat:courses", query=choice.query())


def _courses() -> QuerySet[Course]:
    rows = Course.objects.select_related("subject", "course_type").prefetch_related("groups")
    return rows.order_by("subject__name", "course_type__name", "id")


def _rows(choice: Choice) -> QuerySet[Course]:
    rows = _courses()
    return rows if choice.flag == "all" else rows.filter(digital_sign_in=choice.flag == "yes")


def _with_modes(rows: list[Course]) -> list[tuple[Course, Any, bool]]:
    """Courses with how their roll is called, and whether that is as their type says."""
    own = {each.course_id: each.mode for each in ModeOfCourse.objects.filter(course__in=rows)}
    of_type = {each.course_type_id: each.mode for each in ModeOfType.objects.all()}
    default = Mode.BY_TEACHER.value
    return [
        (each, MODES[Mode(own.get(each.pk) or of_type.get(each.course_type_id, default))], each.pk not in own)
        for each in rows
    ]


def _text_of(course: Course) -> str:
    groups = " ".join(group.name for group in course.groups.all())
    return f"{course.subject.name} {course.course_type.name} {groups}"


def _told(count: int, *, subject_to: bool) -> str:
    if subject_to:
        text = ngettext(
            "%(count)d course is now subject to sign-in.",
            "%(count)d courses are now subject to sign-in.",
            count,
        )
    else:
        text = ngettext(
            "%(count)d course is no longer subject to sign-in.",
            "%(count)d courses are no longer subject to sign-in.",
            count,
        )
    return text % {"count": count}


def _show(request: HttpRequest, choice: Choice, refusal: Refused | None = None) -> HttpResponse:
    context = listed(_rows(choice), choice, _text_of) | {"flags": list(FLAGS.items())}
    context["modes"] = [(mode.value, text) for mode, text in MODES.items()]
    context["rows"] = _with_modes(list(context["page"]))
    return show(request, "courses.html", "courses", context, refusal=refusal)
