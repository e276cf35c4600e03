"""Schedules > Students: who is subject to sign-in (rows M3.2, M3.4)."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.translation import ngettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from emarge.accounts.models import Right
from emarge.attendance import actions
from emarge.institutions.identifiers import masked
from emarge.institutions.models import Student
from emarge.institutions.rules import lacks
from emarge.institutions.texts import LACK_TEXTS
from emarge.lib.refusal import Refused
from emarge.spaces.access import require_right
from emarge.spaces.notices import notice
from emarge.spaces.secretariat.lists import FLAGS, Choice, choice_of, listed, selected
from emarge.spaces.secretariat.page import go, matching, show

_FLAGS = {**FLAGS, "incomplete": pgettext_lazy("students", "Incomplete")}


@require_GET
def students(request: HttpRequest) -> HttpResponse:
    require_right(request, Right.EDIT_SUBJECTION)
    return _show(request, choice_of(request.GET, _FLAGS))


@require_POST
def flag(request: HttpRequest) -> HttpResponse:
    """Flag the selected students; the page says what those who could not be flagged lack."""
    user = require_right(request, Right.EDIT_SUBJECTION)
    choice = choice_of(QueryDict(request.POST.get("back", "")), _FLAGS)
    subject_to = request.POST.get("subject_to") == "yes"
    try:
        chosen = selected(request.POST, _students(), lambda: matching(_rows(choice), choice.words, _text_of))
        already = sum(student.subject_to_sign_in is subject_to for student in chosen)
        incomplete = actions.flag_students(chosen, subject_to=subject_to, by=user, at=timezone.now())
    except Refused as refusal:
        return _show(request, choice, refusal)
    flagged = len(chosen) - already - len(incomplete)
    told = _told(flagged, subject_to=subject_to)
    if not incomplete:
        notice(request, told)
        return go("secretariat:students", query=choice.query())
    todo = [(each.student, [LACK_TEXTS[lack] for lack in each.lacks]) for each in incomplete]
    return _show(request, choice, told=told if flagged else "", todo=todo)


def _students() -> QuerySet[Student]:
    return Student.objects.prefetch_related("groups").order_by("last_name", "first_name", "id")


def _rows(choice: Choice) -> QuerySet[Student]:
    rows = _students()
    if choice.flag == "incomplete":
        return rows.filter(Q(identifier="") | Q(birth_on__isnull=True))
    return rows if choice.flag == "all" else rows.filter(subject_to_sign_in=choice.flag == "yes")


def _text_of(student: Student) -> str:
    groups = " ".join(group.name for group in student.groups.all())
    return f"{student.last_name} {student.first_name} {groups}"


def _told(count: int, *, subject_to: bool) -> str:
    if subject_to:
        text = ngettext(
            "%(count)d student is now subject to sign-in.",
            "%(count)d students are now subject to sign-in.",
            count,
        )
    else:
        text = ngettext(
            "%(count)d student is no longer subject to sign-in.",
            "%(count)d students are no longer subject to sign-in.",
            count,
        )
    return text % {"count": count}


def _show(
    request: HttpRequest,
    choice: Choice,
    refusal: Refused | None = None,
    told: str = "",
    todo: list[tuple[Student, list[Any]]] | None = None,
) -> HttpResponse:
    context = listed(_rows(choice), choice, _text_of)
    context["rows"] = [
        {
            "student": student,
            "identifier": masked(student.identifier),
            "lacks": [LACK_TEXTS[lack] for lack in lacks(student.identifier, student.birth_on)],
        }
        for student in context["page"]
    ]
    context |= {"flags": list(_FLAGS.items()), "told": told, "todo": todo}
    return show(request, "students.html", "students", context, refusal=refusal)
