from dataclasses import dataclass
from datetime import date, timedelta

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.timezone import localdate, localtime
from django.views.decorators.http import require_safe

from emarge.attendance.queries import timetable_of_teacher
from emarge.institutions.models import Teacher
from emarge.spaces.access import teacher_or_404
from emarge.spaces.teachers.states import MeetingState, meeting_state
from emarge.timetable.models import ClassMeeting

WEEK = timedelta(days=7)
_WORKING_DAYS = 5


class PeriodForm(forms.Form):
    """Which day, and whether the person chose to see the day or the week."""

    on = forms.DateField(input_formats=["%Y-%m-%d"])
    view = forms.ChoiceField(choices=[("day", "day"), ("week", "week")])


@dataclass(frozen=True)
class Entry:
    """One class meeting of the timetable with its state."""

    meeting: ClassMeeting
    state: MeetingState


@dataclass(frozen=True)
class Day:
    """One day of the timetable."""

    on: date
    entries: list[Entry]
    is_today: bool


@require_safe
def timetable(request: HttpRequest) -> HttpResponse:
    """The teacher's timetable: the day on a phone and the week on a desk, or what the person chose."""
    teacher = teacher_or_404(request)
    today = localdate()
    form = PeriodForm(request.GET)
    form.is_valid()  # what is malformed counts as not given
    on: date = form.cleaned_data.get("on", today)
    if not date(2000, 1, 10) < on < date(2999, 1, 1):
        on = today
    days = _week(teacher, on, today)
    context = {
        "view": form.cleaned_data.get("view", ""),
        "on": on,
        "today": today,
        "days": days[:_WORKING_DAYS] + [day for day in days[_WORKING_DAYS:] if day.entries],
        "day": days[on.weekday()],
        "has_entries": any(day.entries for day in days),
        "yesterday": on - timedelta(days=1),
        "tomorrow": on + timedelta(days=1),
        "week_before": on - WEEK,
        "week_after": on + WEEK,
    }
    return render(request, "teachers/timetable.html", context)


def _week(teacher: Teacher, on: date, today: date) -> list[Day]:
    monday = on - timedelta(days=on.weekday())
    now = timezone.now()
    days = [monday + timedelta(days=number) for number in range(7)]
    meetings = list(timetable_of_teacher(teacher, days[0], days[-1]))
    return [
        Day(
            day,
            [Entry(m, meeting_state(m, now)) for m in meetings if localtime(m.starts_at).date() == day],
            day == today,
        )
        for day in days
    ]
