import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from emarge.accounts.models import Right, User
from emarge.institutions.models import Student, Teacher
from emarge.spaces.notices import take

_BUILT = Path(__file__).parents[1] / "static" / "built"

# Each opens a screen of the secretariat; which one comes first is the secretariat's own business.
_SECRETARIAT = (
    Right.SUPERVISE,
    Right.EDIT_SUBJECTION,
    Right.EDIT_PARAMETERS,
    Right.REQUEST_AUDIT_TRAILS,
    Right.APPROVE_AUDIT_TRAILS,
    Right.CONSULT_HISTORIES,
    Right.MANAGE_RETENTION,
    Right.APPROVE_DESTRUCTIONS,
)


@dataclass(frozen=True)
class Space:
    """One of the faces that a person may open; ``key`` is the namespace of its addresses."""

    key: str
    name: Any
    url: str


def spaces_of(user: Any) -> list[Space]:
    """The spaces that somebody may open, the usual one first. The base must be in scope."""
    if not isinstance(user, User):
        return []
    spaces = []
    if Teacher.objects.filter(user=user).exists():
        spaces.append(Space("teachers", _("Teacher space"), reverse("teachers:timetable")))
    if Student.objects.filter(user=user).exists():
        spaces.append(Space("students", _("Student space"), reverse("students:home")))
    if any(user.has_right(right) for right in _SECRETARIAT):
        spaces.append(Space("secretariat", _("Secretariat space"), reverse("secretariat:home")))
    return spaces


def return_address(request: HttpRequest) -> str:
    """An address to come back to by GET: this page, or the page whose form was posted."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    referrer = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(referrer, allowed_hosts={request.get_host()}):
        return "/"
    parts = urlsplit(referrer)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path or "/"


@functools.cache
def asset_version() -> str:
    """Changes with the built front end, so that no browser keeps yesterday's script with today's page."""
    digest = hashlib.sha256()
    for path in sorted([*_BUILT.glob("*.js"), *_BUILT.glob("*.css"), *_BUILT.glob("*.wasm")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def shell(request: HttpRequest) -> dict[str, Any]:
    """What every page of the spaces shows around its content; nothing is read before a template asks."""
    base = getattr(request, "base", None)
    user = getattr(request, "user", None)
    match = request.resolver_match
    key = match.namespace if match else ""
    spaces = SimpleLazyObject(lambda: spaces_of(user) if base else [])
    return {
        "base": base,
        "return_to": return_address(request),
        "spaces": spaces,
        "space": SimpleLazyObject(lambda: next((each for each in spaces if each.key == key), None)),
        # A part of the page that refreshes by itself must not take what the next page is to say.
        "notices": lambda: [] if request.headers.get("HX-Request") else take(request),
        "asset_version": asset_version(),
    }
