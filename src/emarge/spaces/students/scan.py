"""The code of a class meeting, scanned or typed: *I am here*, then the signature (rows M4.6, M11.3)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from emarge.accounts.middleware import open_to_all
from emarge.attendance import actions
from emarge.attendance.models import RollCall
from emarge.attendance.queries import lines_to_scan
from emarge.attendance.rules import Refusal, Way
from emarge.attendance.texts import refused
from emarge.attendance.tickets import Ticket, read_ticket, write_grant, write_ticket
from emarge.lib.refusal import Refused
from emarge.spaces.access import student_or_404, user_of
from emarge.spaces.devices import give_grant, trace_of
from emarge.spaces.middleware import CAMERA_PERMISSIONS_POLICY, CAMERA_SECURITY_POLICY
from emarge.spaces.signing import status_of
from emarge.spaces.students.lines import item_of

ARRIVED = "HTTP_X_EMARGE_ARRIVED"
_MOST_WRONG = 3
_PAUSE_SECONDS = 30


def arrived_at(request: HttpRequest) -> datetime:
    """When the server had read the head of a request: microseconds since 1970, which asgi.py alone writes there."""
    written = request.META.get(ARRIVED, "")
    if not written.isdigit():
        return timezone.now()
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(written))


def way_of(query: str) -> Way:
    """How a code was scanned: the camera inside the space adds this to the address."""
    return Way.APP if query == "by=app" else Way.CAMERA


@open_to_all
@require_safe
def code(request: HttpRequest, number: str, text: str) -> HttpResponse:
    """The address in a QR code. A code that counts becomes a ticket; nothing is written before the page says so."""
    marks = trace_of(request)
    try:
        roll_call = RollCall.objects.filter(pk=int(number, 36)).first()
        if roll_call is None:
            raise refused(Refusal.CODE_WRONG)
        way = way_of(request.META["QUERY_STRING"])
        ticket = actions.arrive(roll_call, text, way, device=marks.device, arrived_at=arrived_at(request))
    except Refused as refusal:
        return _page(request, refusal=refusal)
    held = write_ticket(ticket)
    if not request.user.is_authenticated:
        here = f"{reverse('students:scan')}?{urlencode({'ticket': held})}"
        return redirect(f"{reverse('login')}?{urlencode({'next': here})}")
    return _page(request, ticket=held, roll_call=roll_call)


@require_http_methods(["GET", "HEAD", "POST"])
def scan(request: HttpRequest) -> HttpResponse:
    """*I am here*: the page after a login, and the form of who has no scripts."""
    if request.method == "POST":
        return _say_here(request, read_ticket(request.POST.get("ticket", "")))
    held = request.GET.get("ticket", "")
    ticket = read_ticket(held)
    roll_call = RollCall.objects.filter(pk=ticket.roll_call).first() if ticket else None
    if roll_call is None:
        return _page(request, refusal=refused(Refusal.CODE_WRONG))
    return _page(request, ticket=held, roll_call=roll_call)


@require_safe
def camera(request: HttpRequest) -> HttpResponse:
    """Scan with the phone's camera inside the space, or type the code."""
    return _code_page(request)


@require_POST
def typed(request: HttpRequest) -> HttpResponse:
    """The short code, typed by somebody whose roll call runs."""
    user, marks = user_of(request), trace_of(request)
    tries = f"typed-codes/{user.pk}"
    at = arrived_at(request)
    try:
        if cache.get(tries, 0) >= _MOST_WRONG:
            raise refused(Refusal.TOO_MANY_TRIES)
        ticket = _typed_ticket(request, marks.device, at)
    except Refused as refusal:
        if refusal.code == Refusal.CODE_WRONG.value:
            cache.set(tries, cache.get(tries, 0) + 1, _PAUSE_SECONDS)
        return _code_page(request, refusal=refusal)
    cache.delete(tries)
    return _say_here(request, ticket)


def _typed_ticket(request: HttpRequest, device: str, at: datetime) -> Ticket:
    """The ticket of a typed code, of the first roll call of the student's that it counts for."""
    text = "".join(request.POST.get("code", "").split())
    for line in lines_to_scan(student_or_404(request), at):
        try:
            return actions.arrive(line.roll_call, text, Way.TYPED, device=device, arrived_at=at)
        except Refused:
            continue
    raise refused(Refusal.CODE_WRONG)


def _say_here(request: HttpRequest, ticket: Ticket | None) -> HttpResponse:
    """Record the scan, and go on to the signature."""
    user, marks, now = user_of(request), trace_of(request), timezone.now()
    try:
        if ticket is None:
            raise refused(Refusal.CODE_WRONG)
        scanned = actions.scan(ticket, by=user, trace=marks, at=now)
    except Refused as refusal:
        return _page(request, refusal=refusal)
    answer = redirect("students:sign" if scanned.expected else "students:home", *([scanned.line] * scanned.expected))
    give_grant(answer, write_grant(scanned.line, user=user.pk, device=marks.device, scanned_at=scanned.arrived_at))
    return answer


def _page(
    request: HttpRequest, *, ticket: str = "", roll_call: RollCall | None = None, refusal: Refused | None = None
) -> HttpResponse:
    context: dict[str, Any] = {"ticket": ticket, "roll_call": roll_call, "refusal": refusal}
    return render(request, "students/scan.html", context, status=status_of(refusal))


def _code_page(request: HttpRequest, *, refusal: Refused | None = None) -> HttpResponse:
    lines = lines_to_scan(student_or_404(request), timezone.now())
    items = [item_of(line, timezone.now()) for line in lines]
    context = {"items": items, "refusal": refusal}
    page = render(request, "students/camera.html", context, status=status_of(refusal))
    page["Content-Security-Policy"], page["Permissions-Policy"] = CAMERA_SECURITY_POLICY, CAMERA_PERMISSIONS_POLICY
    return page
