"""What every screen of the secretariat shares: its tabs, its refusals, its pages of a long list."""

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from emarge.accounts.models import Right, User
from emarge.attendance.rules import Mode
from emarge.lib.refusal import Refused
from emarge.spaces.access import user_of

PAGE_SIZE = 50

_TYPED = frozenset(
    {
        "code_ambiguous",
        "code_blank",
        "code_missing",
        "code_too_long",
        "code_unprintable",
        "correction_unexplained",
        "extension_malformed",
        "extension_out_of_range",
        "grace_out_of_range",
        "history_too_large",
        "history_too_long",
        "identity_missing",
        "identity_needed",
        "identity_taken",
        "inspector_missing",
        "meeting_unknown",
        "mode_unknown",
        "name_missing",
        "nobody_known",
        "not_at_its_end",
        "note_missing",
        "nothing_selected",
        "nothing_at_its_end",
        "period_in_future",
        "period_reversed",
        "period_out_of_range",
        "period_too_long",
        "person_missing",
        "reason_missing",
        "reason_too_long",
        "reference_missing",
        "retention_runs",
        "seconds_malformed",
        "student_missing",
        "too_long",
        "years_lowered",
        "years_malformed",
        "years_out_of_range",
    }
)
"""Refusals of what somebody typed or chose; all others are refusals of a state."""

_TABS: list[tuple[str, Any, tuple[Right, ...]]] = [
    ("supervision", _("Supervision per class meeting"), (Right.SUPERVISE,)),
    ("anomalies", _("Anomalies"), (Right.SUPERVISE,)),
    ("courses", _("Courses"), (Right.EDIT_SUBJECTION,)),
    ("students", _("Students"), (Right.EDIT_SUBJECTION,)),
    ("audit_trails", _("Audit trails"), (Right.REQUEST_AUDIT_TRAILS, Right.APPROVE_AUDIT_TRAILS)),
    ("history", _("History of a student"), (Right.CONSULT_HISTORIES,)),
    ("retention", _("Retention"), (Right.MANAGE_RETENTION, Right.APPROVE_DESTRUCTIONS)),
    ("parameters", _("Parameters"), (Right.EDIT_PARAMETERS,)),
]

Item = TypeVar("Item")


@dataclass(frozen=True)
class Tab:
    """A screen that the person may open."""

    name: str
    text: Any
    url: str


def tabs_of(user: User) -> list[Tab]:
    """The screens that the person's rights open, in their order."""
    return [
        Tab(name, text, reverse(f"secretariat:{name}"))
        for name, text, rights in _TABS
        if any(user.has_right(right) for right in rights)
    ]


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The first screen that the person may open; 403 when there is none."""
    tabs = tabs_of(user_of(request))
    if not tabs:
        raise PermissionDenied
    return redirect(tabs[0].url)


def require_any(request: HttpRequest, *rights: Right) -> User:
    """The person, when their profile holds one of ``rights``; PermissionDenied (403) otherwise."""
    user = user_of(request)
    if not any(user.has_right(right) for right in rights):
        raise PermissionDenied
    return user


def show(
    request: HttpRequest, template: str, tab: str, context: dict[str, Any], *, refusal: Refused | None = None
) -> HttpResponse:
    """The page of a tab. A refusal stands on top: 400 for what was typed, 409 for a state."""
    shell = {"tabs": tabs_of(user_of(request)), "tab": tab, "refusal": refusal}
    status = 200 if refusal is None else 400 if refusal.code in _TYPED else 409
    return render(request, f"secretariat/{template}", context | shell, status=status)


def go(to: str, *args: Any, query: str = "") -> HttpResponse:
    """Send the browser to a page by GET once a POST has succeeded."""
    url = resolve_url(to, *args)
    return HttpResponseRedirect(f"{url}?{query}" if query else url, status=303)


def pages_of(items: Any, number: str) -> tuple[Page[Any], list[int]]:
    """A page of a list, the nearest when out of range, and the page numbers to offer (0 stands for a gap)."""
    paginator = Paginator(items, PAGE_SIZE)
    page = paginator.get_page(number)
    elided = paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1)
    return page, [each if isinstance(each, int) else 0 for each in elided]


def folded(text: str) -> str:
    """Text for comparison: without accents and case."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in plain if not unicodedata.combining(character))


def mode_of_text(text: str) -> Mode:
    """The way to call a roll that a form names. Raises Refused for a way that we do not know."""
    try:
        return Mode(text)
    except ValueError:
        raise Refused("mode_unknown", _("Choose how the roll is called.")) from None


def matching(items: Iterable[Item], words: str, text_of: Callable[[Item], str]) -> list[Item]:
    """The items whose text holds every word of a search, accents and case apart.

    Done here and not in SQL, because SQLite folds the case of ASCII letters only.
    """
    wanted = folded(words).split()
    return [item for item in items if all(word in folded(text_of(item)) for word in wanted)]
