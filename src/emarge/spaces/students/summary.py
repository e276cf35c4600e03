from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from emarge.attendance.queries import open_lines_of, sign_ins_of
from emarge.spaces.access import student_or_404
from emarge.spaces.students.lines import items_of

PER_PAGE = 50


@require_safe
def summary(request: HttpRequest) -> HttpResponse:
    """*Summary of my sign-ins*: past and open ones, newest first."""
    page = Paginator(sign_ins_of(student_or_404(request)), PER_PAGE).get_page(request.GET.get("page"))
    items = items_of(page.object_list, timezone.now())
    return render(request, "students/summary.html", {"page": page, "items": items})


@require_safe
def to_sign(request: HttpRequest) -> HttpResponse:
    """*To sign*: the open ones, the first to close first."""
    now = timezone.now()
    items = items_of(open_lines_of(student_or_404(request), now), now)
    return render(request, "students/to_sign.html", {"items": items})
