"""*Display the QR code*: the shared screen of a roll call by QR code, for its teachers (row M4.6)."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from emarge.spaces import projection
from emarge.spaces.access import taught_meeting_or_404
from emarge.spaces.teachers.states import roll_call_of


@require_safe
def projector(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The whole page."""
    roll_call = roll_call_of(taught_meeting_or_404(request, uuid))
    if roll_call is None:
        return redirect("teachers:roll_call", uuid)
    return projection.page(request, roll_call, _screen(uuid))


@require_safe
def state(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """What the page shows from now on, as JSON."""
    return projection.state(roll_call_of(taught_meeting_or_404(request, uuid)), _screen(uuid))


@require_safe
def image(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The QR code of one step."""
    step = projection.step_asked(request)
    return projection.image(request, roll_call_of(taught_meeting_or_404(request, uuid)), step)


def _screen(uuid: UUID) -> projection.Screen:
    return projection.Screen("teachers", uuid, reverse("teachers:roll_call", args=[uuid]))
