from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from emarge.accounts.models import Right
from emarge.attendance import actions
from emarge.attendance.models import Parameters, RollCall, RollCallLine
from emarge.attendance.queries import is_scanning, tally, timetable_of_teacher
from emarge.attendance.rules import (
    MAX_MINUTES_LATE,
    MAX_REASON,
    OPENS_BEFORE,
    Mode,
    Presence,
    Refusal,
    why_not_open_roll_call,
)
from emarge.attendance.texts import TEXTS
from emarge.lib.refusal import Refused
from emarge.spaces.access import (
    require_right,
    teacher_line_or_404,
    teacher_meeting_or_404,
    teacher_or_404,
    user_of,
)
from emarge.spaces.names import alphabetical
from emarge.spaces.teachers.states import facts_of, meeting_state, roll_call_of
from emarge.timetable.models import ClassMeeting

USUAL_MINUTES_LATE = 5
_MARKS = [Presence.PRESENT, Presence.ABSENT, Presence.LATE]


class MarkForm(forms.Form):
    """One press on a line: what the student is, with the minutes and the reason when they were typed."""

    presence = forms.ChoiceField(choices=[(each.value, each.value) for each in _MARKS])
    minutes_late = forms.IntegerField(required=False, min_value=1, max_value=MAX_MINUTES_LATE)
    reason = forms.CharField(required=False, max_length=MAX_REASON)


@require_safe
def current(request: HttpRequest) -> HttpResponse:
    """The sheet of the class meeting that is on now; else the day, to choose from."""
    today = localdate()
    now = timezone.now()
    # One that began before midnight may still be on.
    for meeting in timetable_of_teacher(teacher_or_404(request), today - timedelta(days=1), today):
        if not meeting.cancelled and meeting.starts_at - OPENS_BEFORE <= now <= meeting.ends_at + OPENS_BEFORE:
            return redirect("teachers:roll_call", meeting.uuid)
    return redirect(f"{reverse('teachers:timetable')}?view=day")


@require_safe
def sheet(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The roll call sheet of one class meeting."""
    return _sheet(request, teacher_meeting_or_404(request, uuid))


@require_POST
def start(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Start the roll call: the roster is frozen from here on."""
    meeting = teacher_meeting_or_404(request, uuid)
    user = require_right(request, Right.ENTER_ABSENCES)
    try:
        opened = actions.open_roll_call(meeting, by=user, at=timezone.now())
    except Refused as refused:
        return _sheet(request, meeting, refusal=refused)
    starts_by_signing = Mode(opened.mode).by_code and opened.sign_in_opened_at is None
    return redirect("teachers:signature" if starts_by_signing else "teachers:roll_call", meeting.uuid)


@require_safe
def running_list(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The part of the sheet that follows a roll call by QR code, to its end."""
    meeting = teacher_meeting_or_404(request, uuid)
    context = sheet_context(request, meeting)
    template = "teachers/_running.html" if context["running_by_code"] else "teachers/_over.html"
    return render(request, template, context | {"state": meeting_state(meeting, timezone.now())})


@require_POST
def mark(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Mark one student; the answer is the line alone for htmx, else the sheet again."""
    line = teacher_line_or_404(request, uuid)
    user = require_right(request, Right.ENTER_ABSENCES)
    form = MarkForm(request.POST)
    now = timezone.now()
    if not form.is_valid():
        return _line(request, line, status=400, error=_what_is_wrong(form))
    presence = Presence(form.cleaned_data["presence"])
    minutes = form.cleaned_data["minutes_late"] or usual_minutes_late(line.roll_call, now)
    try:
        line = actions.mark(
            line,
            presence,
            minutes_late=minutes if presence is Presence.LATE else 0,
            reason="" if presence is Presence.PRESENT else form.cleaned_data["reason"],
            by=user,
            at=now,
        )
    except Refused as refused:
        return _line(request, line, status=409, error=refused.text)
    return _line(request, line)


@require_POST
def end(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """*Yes*: end the roll call, then sign."""
    meeting = teacher_meeting_or_404(request, uuid)
    user = require_right(request, Right.ENTER_ABSENCES)
    roll_call = roll_call_of(meeting)
    if roll_call is None:
        return redirect("teachers:roll_call", meeting.uuid)
    try:
        actions.end_roll_call(roll_call, by=user, at=timezone.now())
    except Refused as refused:
        return _sheet(request, meeting, refusal=refused)
    signed = roll_call.sign_in_opened_at is not None  # by QR code, where the signature starts the roll call
    return redirect("teachers:validation" if signed else "teachers:signature", meeting.uuid)


def _what_is_wrong(form: MarkForm) -> Any:
    if "minutes_late" in form.errors:
        return TEXTS[Refusal.MINUTES_OUT_OF_RANGE]
    if "reason" in form.errors:
        return TEXTS[Refusal.REASON_TOO_LONG]
    return _("This mark did not arrive whole. Load the page again.")


def usual_minutes_late(roll_call: RollCall, now: datetime) -> int:
    """What *Tardiness* starts from: minutes since the start while the class is on, else a usual lateness."""
    if roll_call.starts_at < now < roll_call.ends_at:
        return max(1, int((now - roll_call.starts_at).total_seconds() // 60))
    return USUAL_MINUTES_LATE


def sheet_context(request: HttpRequest, meeting: ClassMeeting) -> dict[str, Any]:
    """What the sheet shows, whole or line by line."""
    roll_call = roll_call_of(meeting)
    may_enter = user_of(request).has_right(Right.ENTER_ABSENCES)
    lines = alphabetical(roll_call.lines.all()) if roll_call is not None else []
    running = roll_call is not None and roll_call.ended_at is None
    by_code = roll_call is not None and Mode(roll_call.mode).by_code
    started = roll_call is not None and roll_call.sign_in_opened_at is not None
    return {
        "meeting": meeting,
        "facts": facts_of(meeting),
        "roll_call": roll_call,
        "lines": lines,
        "by_code": by_code,
        "running_by_code": running and by_code and started,
        "scanning": roll_call is not None and is_scanning(roll_call, timezone.now()),
        "to_sign": roll_call is not None and not _has_signed(request, roll_call),
        "count": tally(roll_call) if roll_call is not None else None,
        "may_enter": may_enter,
        "editable": may_enter and running and (started or not by_code),
        "asks_signatures": any(line.expected for line in lines),
    }


def _has_signed(request: HttpRequest, roll_call: RollCall) -> bool:
    teacher = teacher_or_404(request)
    return any(each.teacher_id == teacher.pk for each in roll_call.teacher_signatures.all())


def _sheet(request: HttpRequest, meeting: ClassMeeting, *, refusal: Refused | None = None) -> HttpResponse:
    now = timezone.now()
    context = sheet_context(request, meeting)
    if context["roll_call"] is None:
        context["why_not_start"] = _why_not_start(meeting, now)
    context |= {"refusal": refusal, "state": meeting_state(meeting, now)}
    return render(request, "teachers/roll_call.html", context, status=200 if refusal is None else 409)


def _why_not_start(meeting: ClassMeeting, now: datetime) -> Any:
    """What stands against calling the roll, said before somebody tries; the action decides again."""
    if not Parameters.objects.filter(active=True, institution_code__isnull=False).exists():
        return TEXTS[Refusal.NOT_ACTIVE]
    refusal = why_not_open_roll_call(
        cancelled=meeting.cancelled, starts_at=meeting.starts_at, ends_at=meeting.ends_at, at=now
    )
    return None if refusal is None else TEXTS[refusal]


def _line(request: HttpRequest, line: RollCallLine, *, status: int = 200, error: Any = None) -> HttpResponse:
    """One line and the count, for htmx; else the whole sheet."""
    meeting = teacher_meeting_or_404(request, line.roll_call.meeting.uuid)
    if not request.headers.get("HX-Request"):
        if error is not None:
            return _sheet(request, meeting, refusal=Refused("mark", error))
        return redirect(f"{reverse('teachers:roll_call', args=[meeting.uuid])}#line-{line.uuid}")
    context = sheet_context(request, meeting)
    context |= {"line": next(each for each in context["lines"] if each.pk == line.pk), "error": error}
    return render(request, "teachers/_marked.html", context, status=status)
