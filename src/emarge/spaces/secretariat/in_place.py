"""A roll call by QR code that staff start, show and end in the teachers' place (row M4.7)."""

from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from emarge.accounts.models import Right
from emarge.attendance import actions
from emarge.attendance.models import RollCall
from emarge.lib.refusal import Refused
from emarge.spaces import projection
from emarge.spaces.access import require_right
from emarge.spaces.notices import notice
from emarge.spaces.secretariat.page import go
from emarge.spaces.secretariat.sheet import roll_call_of
from emarge.spaces.secretariat.supervision import chosen_again, refused_page
from emarge.timetable.models import ClassMeeting


@require_POST
def open_in_place(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Open the roll call when nobody did, and start it, in one step: students scan from then on."""
    user = require_right(request, Right.OPEN_FOR_TEACHER)
    meeting = _meeting_or_404(uuid)
    now = timezone.now()
    try:
        with transaction.atomic():
            roll_call = actions.open_roll_call(meeting, by=user, at=now)
            roll_call = actions.open_for_teacher(roll_call, by=user, at=now)
    except Refused as refusal:
        return refused_page(request, meeting, refusal)
    teachers = ", ".join(str(teacher) for teacher in meeting.teachers.all())
    who = {"person": roll_call.sign_in_opened_by or user, "teachers": teachers}
    notice(request, _("The roll call by QR code is opened by %(person)s for %(teachers)s.") % who)
    return go("secretariat:supervision", query=chosen_again(request, meeting))


@require_POST
def end_in_place(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """End the roll call: who did not scan is absent."""
    user = require_right(request, Right.OPEN_FOR_TEACHER)
    meeting = _meeting_or_404(uuid)
    roll_call = get_object_or_404(RollCall, meeting=meeting)
    try:
        actions.end_roll_call(roll_call, by=user, at=timezone.now())
    except Refused as refusal:
        return refused_page(request, meeting, refusal)
    notice(request, _("The roll call has ended. Whoever had not scanned is absent."))
    return go("secretariat:supervision", query=chosen_again(request, meeting))


@require_safe
def projector(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The shared screen, as teachers have it."""
    roll_call = _roll_call(request, uuid)
    if roll_call is None:
        return redirect(_screen(uuid).back)
    return projection.page(request, roll_call, _screen(uuid))


@require_safe
def state(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """What the shared screen shows from now on, as JSON."""
    return projection.state(_roll_call(request, uuid), _screen(uuid))


@require_safe
def image(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The QR code of one step."""
    step = projection.step_asked(request)
    return projection.image(request, _roll_call(request, uuid), step)


def _roll_call(request: HttpRequest, uuid: UUID) -> RollCall | None:
    require_right(request, Right.OPEN_FOR_TEACHER)
    return roll_call_of(_meeting_or_404(uuid))


def _meeting_or_404(uuid: UUID) -> ClassMeeting:
    return get_object_or_404(ClassMeeting.objects.select_related("roll_call"), uuid=uuid)


def _screen(uuid: UUID) -> projection.Screen:
    return projection.Screen("secretariat", uuid, reverse("secretariat:meeting", args=[uuid]))
