from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django_scopes import scope

from emarge.hosting.queries import base_for_host


class ReverseProxyMiddleware:
    """Behind a reverse proxy (EMARGE_HTTPS=1), the person's address is the last one that the proxy wrote down.

    The addresses before it come from the person, who may write anything there.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.BEHIND_PROXY:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
        if forwarded:
            request.META["REMOTE_ADDR"] = forwarded
        return self.get_response(request)


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
