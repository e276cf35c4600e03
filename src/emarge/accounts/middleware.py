from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme


class LoginRequiredMiddleware:
    """Default deny: a view answers a person of this base, unless it is marked ``@open_to_all``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Known here, before writes are refused: Django ends the session of a password that was changed.
        request.user.is_authenticated  # noqa: B018 - a lazy object, read for what that does
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        user = request.user
        if user.is_authenticated and user.base_id != request.base.pk:  # type: ignore[attr-defined]
            request.user = AnonymousUser()  # a GET writes nothing: the session stays, and opens nothing here
        if request.user.is_authenticated or getattr(view, "open_to_all", False):
            return None
        if request.headers.get("HX-Request"):
            return HttpResponse(status=401, headers={"HX-Refresh": "true"})
        return redirect_to_login(_way_back(request))


class KeptSessionMiddleware:
    """Renews the session of a phone that stays logged in, at whole pages alone: fragments keep its key."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method == "GET" and not request.headers.get("HX-Request") and request.user.is_authenticated:
            request.session.renew(timezone.now())  # type: ignore[attr-defined]
        return response


def _way_back(request: HttpRequest) -> str:
    """Where to go after the login: this address, or the page whose form was sent to it."""
    here = request.get_full_path()
    referrer = request.headers.get("Referer", "")
    if request.method in {"GET", "HEAD"} or not url_has_allowed_host_and_scheme(referrer, request.get_host()):
        return here
    page = urlsplit(referrer).path
    return here if page == request.path else page


def open_to_all(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a view that answers without a login."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view
