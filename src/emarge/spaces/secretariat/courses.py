"""Schedules > Courses: which ones are subject to digital sign-in (row M3.1)."""

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from emarge.accounts.models import Right
from emarge.attendance import actions
from emarge.lib.refusal import Refused
from emarge.spaces.access import require_right
from emarge.spaces.notices import notice
from emarge.spaces.secretariat.lists import FLAGS, Choice, choice_of, listed, selected
from emarge.spaces.secretariat.page import go, matching, show
from emarge.timetable.models import Course


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


def _courses() -> QuerySet[Course]:
    rows = Course.objects.select_related("subject", "course_type").prefetch_related("groups")
    return rows.order_by("subject__name", "course_type__name", "id")


def _rows(choice: Choice) -> QuerySet[Course]:
    rows = _courses()
    return rows if choice.flag == "all" else rows.filter(digital_sign_in=choice.flag == "yes")


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
    return show(request, "courses.html", "courses", context, refusal=refusal)
