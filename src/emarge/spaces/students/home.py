import hashlib
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.timezone import localdate
from django.views.decorators.http import require_safe

from emarge.attendance.queries import open_lines_of, timetable_of_student
from emarge.institutions.models import Student
from emarge.spaces.access import student_or_404
from emarge.spaces.students.lines import items_of


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The student's first page: what to sign now, or what comes next today."""
    return render(request, "students/home.html", _context(student_or_404(request)))


@require_safe
def widget(request: HttpRequest) -> HttpResponse:
    """The part of the first page that refreshes by itself; 204 when it is what the page shows already."""
    context = _context(student_or_404(request))
    if request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    return render(request, "students/_widget.html", context)


def _context(student: Student) -> dict[str, Any]:
    now = timezone.now()
    today = localdate()
    items = items_of(open_lines_of(student, now), now)
    open_now = {item.roll_call.meeting_id for item in items}
    coming = [
        meeting
        for meeting in timetable_of_student(student, today, today)
        if meeting.ends_at > now and not meeting.cancelled and meeting.pk not in open_now
    ]
    shown = [str(item.line.uuid) for item in items] + [str(meeting.uuid) for meeting in coming]
    return {
        "items": items,
        "coming": coming,
        "seen": hashlib.sha256(" ".join(shown).encode()).hexdigest()[:16],
    }
