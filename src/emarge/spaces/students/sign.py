from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from emarge.attendance import actions
from emarge.attendance.models import RollCallLine
from emarge.attendance.queries import closes_at, scanned, signed
from emarge.attendance.rules import Grant, Presence, why_not_sign_in
from emarge.attendance.texts import TEXTS
from emarge.attendance.tickets import read_grant
from emarge.audit.queries import sealed_state
from emarge.lib.refusal import Refused
from emarge.spaces.access import student_line_or_404, user_of
from emarge.spaces.devices import GRANT, trace_of
from emarge.spaces.signing import posted_signature, status_of
from emarge.spaces.students.lines import item_of


@require_http_methods(["GET", "HEAD", "POST"])
def sign(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """*Sign*: the consent, the drawing area, *Validate*. Validating again answers success again."""
    line = student_line_or_404(request, uuid)
    now = timezone.now()
    refusal = None
    marks = trace_of(request)
    grant = read_grant(request.COOKIES.get(GRANT, ""), line.uuid, user=user_of(request).pk, device=marks.device)
    if request.method == "POST":
        try:
            actions.sign_in(
                line,
                by=user_of(request),
                at=now,
                ip=request.META.get("REMOTE_ADDR", ""),
                trace=marks,
                grant=grant,
                **posted_signature(request.POST),
            )
            return redirect("students:signed", line.uuid)
        except Refused as refused:
            refusal = refused
    elif signed(line) is not None:
        return redirect("students:signed", line.uuid)
    why_not = _why_not(line, grant, now)
    context = {
        "item": item_of(line, now),
        "why_not": why_not,
        "refusal": refusal if refusal is not None and refusal.text != why_not else None,
        "again": request.method == "GET" and "again" in request.GET,
    }
    return render(request, "students/sign.html", context, status=status_of(refusal))


@require_safe
def signed_page(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """What was recorded, and what happens next."""
    line = student_line_or_404(request, uuid)
    sign_in = signed(line)
    if sign_in is None:
        return redirect("students:sign", line.uuid)
    context = {
        "item": item_of(line, timezone.now()),
        "sign_in": sign_in,
        "sealing": sealed_state([sign_in.uuid]).get(sign_in.uuid),
    }
    return render(request, "students/signed.html", context)


def _why_not(line: RollCallLine, grant: Grant | None, now: datetime) -> Any:
    """What stands against signing now, said before somebody draws; the action decides again."""
    roll_call = line.roll_call
    refusal = why_not_sign_in(
        own_line=True,
        expected=line.expected,
        presence=Presence(line.presence),
        settled=line.settled_at is not None,
        validated=roll_call.validated_at is not None,
        opened_at=roll_call.sign_in_opened_at,
        closes_at=closes_at(roll_call),
        at=now,
        scanned=scanned(line),
        grant=grant,
    )
    return None if refusal is None else TEXTS[refusal]
