from django.contrib.auth import authenticate
from django.contrib.auth import login as open_session
from django.contrib.auth import logout as close_session
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from emarge.accounts.forms import LoginForm
from emarge.accounts.middleware import open_to_all


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
    elif form.is_valid():
        user = authenticate(request, **form.cleaned_data)
        if user is not None:
            open_session(request, user)
            return redirect(next_or_home(request))
        form.add_error(None, _("This login and this password do not go together."))
    status = 400 if request.method == "POST" else 200
    return render(request, "accounts/login.html", {"form": form, "next": next_or_home(request)}, status=status)


@open_to_all
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    close_session(request)
    return redirect("login")
