"""What a shared screen shows while a roll call by QR code runs (docs/formats/projector.md)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from io import BytesIO
from typing import Any

import segno
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from emarge.attendance import codes
from emarge.attendance.models import RollCall
from emarge.attendance.queries import is_scanning, pace_of
from emarge.attendance.rules import Mode, Presence
from emarge.attendance.tickets import key

_QUIET_ZONE = 4  # modules, as ISO/IEC 18004 asks
_MILLISECOND = timedelta(milliseconds=1)
_HALF = codes.TYPED_DIGITS // 2
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Screen:
    """Where the screen of one class meeting is, in the space of whoever opened it."""

    space: str
    meeting: Any
    back: str

    def url(self, name: str) -> str:
        """The address of one of its routes."""
        return reverse(f"{self.space}:{name}", args=[self.meeting])


def page(request: HttpRequest, roll_call: RollCall, screen: Screen) -> HttpResponse:
    """The page for the shared screen; back to the sheet when there is nothing to scan."""
    now = timezone.now()
    if not is_scanning(roll_call, now):
        return redirect(screen.back)
    rolling = Mode(roll_call.mode) is Mode.ROLLING_QR
    shown = _state(roll_call, screen, now)
    context = {
        "roll_call": roll_call,
        "rolling": rolling,
        "shown": shown,
        "back": screen.back,
        "state_url": screen.url("projector_state"),
        "refresh": -(-shown["now"]["left_ms"] // 1000) if rolling else 0,
    }
    return render(request, "spaces/projector.html", context)


def state(roll_call: RollCall | None, screen: Screen) -> HttpResponse:
    """What to show now and next, and how many have scanned."""
    now = timezone.now()
    if roll_call is None or not is_scanning(roll_call, now):
        return JsonResponse({"running": False, "back": screen.back})
    return JsonResponse(_state(roll_call, screen, now))


def image(request: HttpRequest, roll_call: RollCall | None, step: int) -> HttpResponse:
    """The QR code of the step that is shown, of the one before or of the next one."""
    now = timezone.now()
    if roll_call is None or not is_scanning(roll_call, now):
        raise Http404
    pace = pace_of(roll_call)
    if abs(step - pace.step_at(now)) > 1:
        raise Http404
    return HttpResponse(qr_svg(address_of(request, roll_call, step)), content_type="image/svg+xml")


def address_of(request: HttpRequest, roll_call: RollCall, step: int) -> str:
    """The address in the QR code of a step, in upper case: one of the alphanumeric mode (docs/formats/codes.md)."""
    code = codes.scan_code(key(), pace_of(roll_call), step)
    return f"{request.scheme}://{request.get_host()}/q/{_base36(roll_call.pk)}/{code}".upper()


@lru_cache(maxsize=256)
def qr_svg(address: str) -> bytes:
    """A QR code as SVG, in the smallest version that holds an address with error correction M."""
    svg = BytesIO()
    code = segno.make(address, error="m", boost_error=False, micro=False)
    code.save(svg, kind="svg", border=_QUIET_ZONE, xmldecl=False, omitsize=True, light="#fff")
    return svg.getvalue()


def _state(roll_call: RollCall, screen: Screen, now: datetime) -> dict[str, Any]:
    pace = pace_of(roll_call)
    step = pace.step_at(now)
    presences = list(roll_call.lines.values_list("presence", flat=True))
    here = sum(presence in {Presence.PRESENT.value, Presence.LATE.value} for presence in presences)
    return {
        "running": True,
        "period_ms": pace.period // _MILLISECOND if pace.period else 0,
        "now": _step(pace, step, screen, now),
        "next": _step(pace, step + 1, screen, now) if pace.period else None,
        "count": _("%(here)s of %(students)s here") % {"here": here, "students": len(presences)},
    }


def _step(pace: codes.Pace, step: int, screen: Screen, now: datetime) -> dict[str, Any]:
    typed = codes.typed_code(key(), pace, step)
    ends_at = pace.ends_at(step)
    return {
        "step": step,
        "left_ms": (ends_at - now) // _MILLISECOND if ends_at else 0,
        "typed": f"{typed[:_HALF]} {typed[_HALF:]}",
        "image": f"{screen.url('projector_image')}?step={step}",
    }


def step_asked(request: HttpRequest) -> int:
    """The step that an address asks for; 404 for anything else than a number."""
    text = request.GET.get("step", "")
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(2**63))):
        raise Http404
    return int(text)


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
