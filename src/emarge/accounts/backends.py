import hashlib
from typing import TYPE_CHECKING, Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from emarge.accounts.models import User

if TYPE_CHECKING:
    from emarge.hosting.models import Base


class BaseLoginBackend(BaseBackend):
    """A login and a password, looked up inside the base that the host name chose."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> User | None:
        base: Base | None = getattr(request, "base", None)
        if base is None or username is None or password is None:
            return None
        user = User.objects.select_related("profile").filter(base=base, login=username.strip().lower()).first()
        if user is None:
            User().set_password(password)  # the same work, so that time does not tell who exists
            return None
        return user if user.check_password(password) and user.is_active else None

    def get_user(self, user_id: int) -> User | None:
        return User.objects.select_related("profile").filter(pk=user_id, is_active=True).first()


def throttled_name(request: HttpRequest, credentials: dict[str, str] | None) -> str:
    """What failed attempts are counted under: the login inside its base, hashed so that no list shows it."""
    login = (credentials or {}).get("username") or request.POST.get("username") or ""
    base: Base | None = getattr(request, "base", None)
    return hashlib.sha256(f"{base.pk if base else ''}/{login.strip().lower()}".encode()).hexdigest()


def locked_out(request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
    context = {"address_closed": getattr(request, "address_closed", False)}
    return render(request, "accounts/locked_out.html", context, status=429)
