import sys

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    """The form came without its token: an expired session, or a page of another site."""
    return render(request, "errors/csrf.html", status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What was sent is too large, with a page; or it is nothing that a browser sends, without one."""
    if isinstance(exception, RequestDataTooBig):
        return render(request, "errors/too_large.html", status=413)
    return HttpResponseBadRequest("Bad request\n", content_type="text/plain")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return render(request, "errors/404.html", status=404)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return render(request, "errors/403.html", status=403)


def broken(request: HttpRequest) -> HttpResponse:
    """A fault of ours; or the base cannot be written now (a full disk, a server that is away), which undid the act."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return render(request, "errors/503.html", status=503)
    return render(request, "errors/500.html", status=500)
