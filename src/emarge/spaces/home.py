from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils.translation import check_for_language
from django.views.decorators.http import require_POST, require_safe

from emarge.accounts.middleware import open_to_all
from emarge.accounts.views import next_or_home
from emarge.spaces.context import spaces_of

_YEAR = 365 * 24 * 3600


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Send a person to their usual space, or say whom to ask when they have none."""
    spaces = spaces_of(request.user)
    return redirect(spaces[0].url) if spaces else render(request, "home.html")


@open_to_all
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Keep the language of the screens in a cookie, and go back to the page."""
    code = request.POST.get("language", "")
    if code not in dict(settings.LANGUAGES) or not check_for_language(code):
        return HttpResponseBadRequest()
    response = redirect(next_or_home(request))
    response.status_code = 303
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        code,
        max_age=_YEAR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response
