from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django_scopes import scope

from emarge.hosting.queries import base_for_host


class BaseMiddleware:
    """Puts the base of the host name in scope, as ``request.base``: outside it, a query is an error."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        base = base_for_host(request.get_host())
        if base is None:
            return render(request, "hosting/no_base.html", status=404)
        request.base = base  # type: ignore[attr-defined]
        with scope(base=base), timezone.override(base.tz):
            return self.get_response(request)
