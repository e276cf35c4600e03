"""The cookies of a scan: the device, which alone tells one phone from another, and the grant to sign."""

import re
import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from emarge.attendance.rules import TIME_TO_DRAW
from emarge.attendance.tickets import Trace, trace

COOKIE = "device"
GRANT = "grant"
_GRANT_PATH = "/student"
_YEAR = 365 * 86_400
_VALUE = re.compile(r"[A-Za-z0-9_-]{22}")


class DeviceMiddleware:
    """Gives a browser its device cookie, once somebody is logged in or scans (docs/formats/codes.md)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        given = getattr(request, "device", None)
        if given is None and not _known(request) and request.user.is_authenticated:
            given = secrets.token_urlsafe(16)
        if given is not None:
            response.set_cookie(
                COOKIE, given, max_age=_YEAR, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
            )
        return response


def device_of(request: HttpRequest) -> str:
    """The device cookie of a request; a new one, sent with the answer, when it has none."""
    known = _known(request) or getattr(request, "device", None)
    if known is None:
        known = request.device = secrets.token_urlsafe(16)  # type: ignore[attr-defined]
    return known


def trace_of(request: HttpRequest) -> Trace:
    """The marks that are kept of where a request comes from."""
    return trace(
        request.base.uuid,  # type: ignore[attr-defined]
        device=device_of(request),
        session=request.session.session_key or "",
        address=request.META.get("REMOTE_ADDR", ""),
    )


def give_grant(response: HttpResponse, grant: str) -> None:
    """Let a browser keep what its scan allows (docs/formats/codes.md)."""
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(
        GRANT, grant, max_age=TIME_TO_DRAW, path=_GRANT_PATH, secure=secure, httponly=True, samesite="Lax"
    )


def grant_header(grant: str) -> bytes:
    """The same as a header, for what is answered outside Django."""
    secure = "; Secure" if settings.SESSION_COOKIE_SECURE else ""
    age = int(TIME_TO_DRAW.total_seconds())
    return f"{GRANT}={grant}; HttpOnly; Max-Age={age}; Path={_GRANT_PATH}; SameSite=Lax{secure}".encode()


def _known(request: HttpRequest) -> str | None:
    value = request.COOKIES.get(COOKIE, "")
    return value if is_device(value) else None


def is_device(value: str) -> bool:
    """Whether a cookie's value has the form of those that we give."""
    return _VALUE.fullmatch(value) is not None
