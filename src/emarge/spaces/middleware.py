import re
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=()"
# The page of the camera alone: its own camera, and the decoder, which is WebAssembly.
CAMERA_SECURITY_POLICY = CONTENT_SECURITY_POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")
CAMERA_PERMISSIONS_POLICY = PERMISSIONS_POLICY.replace("camera=()", "camera=(self)")
# Not WITH nor EXPLAIN, behind which a write may stand; the ORM uses neither in what pages read.
_READS = re.compile(r"\s*(SELECT|SAVEPOINT|RELEASE)\b", re.IGNORECASE)


class ContentSecurityPolicyMiddleware:
    """Nothing inline, nothing from elsewhere and nothing kept by the browser, on every page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        # After a logout, the Back key of a shared computer must not bring a page of people's data back.
        response.setdefault("Cache-Control", "no-store")
        return response


class WriteInReadError(RuntimeError):
    """A view wrote while it answered a GET or a HEAD: a fault of the program, caught before the disk."""


def _refuse_writes(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    if not _READS.match(sql):
        raise WriteInReadError(sql.split(maxsplit=1)[0])
    return execute(sql, params, many, context)


class ReadOnlyGetMiddleware:
    """A GET cannot write: inside the view, any SQL but a read is refused.

    It stands innermost, so that the session is still saved.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return self.get_response(request)
        with connection.execute_wrapper(_refuse_writes):
            return self.get_response(request)
