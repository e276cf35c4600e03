from django.contrib.auth import authenticate
from django.contrib.auth import login as open_session
from django.contrib.auth import logout as close_session
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from emarge.accounts.forms import LoginForm
from emarge.accounts.middleware import open_to_all
from emarge.accounts.models import User

BUSY = "HTTP_X_EMARGE_BUSY"
"""What asgi.py alone writes: too many are logging in, and this one waited long enough."""


def next_or_home(request: HttpRequest) -> str:
    """The address asked for in ``next`` when it is one of this very host, else the home page."""
    address = request.POST.get("next") or request.GET.get("next") or ""
    own = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if own else reverse("home")


@open_to_all
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """Ask for a login and a password; a failure is said in one way only, so that nothing tells who exists."""
    form = LoginForm(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        if request.user.is_authenticated:
            return redirect(next_or_home(request))
    elif BUSY in request.META:
        form.add_error(None, _("Too many people are logging in at this moment. Wait a little, then try again."))
        return _page(request, form, 503)
    elif form.is_valid():
        username, password = form.cleaned_data["username"], form.cleaned_data["password"]
        user = authenticate(request, username=username, password=password)
        if isinstance(user, User):
            _open(request, user, stay=form.cleaned_data["stay"])
            return redirect(next_or_home(request))
        form.add_error(None, _("This login and this password do not go together."))
    return _page(request, form, 400 if request.method == "POST" else 200)


@transaction.atomic
def _open(request: HttpRequest, user: User, *, stay: bool) -> None:
    """Open a session, in one transaction. It stays only where it opens no more than a student's own affairs."""
    open_session(request, user)
    if stay and not user.holds_rights:
        request.session.keep(timezone.now())  # type: ignore[attr-defined]
    request.session.save()


def _page(request: HttpRequest, form: LoginForm, status: int) -> HttpResponse:
    return render(request, "accounts/login.html", {"form": form, "next": next_or_home(request)}, status=status)


@open_to_all
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    close_session(request)
    return redirect("login")
