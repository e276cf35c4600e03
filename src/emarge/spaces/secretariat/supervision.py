"""Assiduity > Digital sign-in > Supervision per class meeting (rows M6.1, M6.2, M5.5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from emarge.accounts.models import Right
from emarge.attendance import actions
from emarge.attendance.models import RollCall, RollCallLine
from emarge.attendance.queries import Filter, supervised_meetings
from emarge.audit.queries import delay
from emarge.hosting.models import Base
from emarge.lib.refusal import Refused
from emarge.spaces.access import require_right, user_of
from emarge.spaces.notices import notice
from emarge.spaces.secretariat.page import go, matching, pages_of, show
from emarge.spaces.secretariat.sheet import Sheet, state_of, supervised_sheet
from emarge.timetable.models import ClassMeeting

MAX_DAYS = 366
TOLD_DELAY = timedelta(seconds=60)
_FILTERS = {
    Filter.ALL: gettext_lazy("All"),
    Filter.INCOMPLETE: gettext_lazy("Incomplete"),
    Filter.UNSIGNED: gettext_lazy("Unsigned"),
    Filter.OPEN_NOW: gettext_lazy("Open now"),
}


@dataclass(frozen=True)
class Choice:
    """What the page shows, all of it in its address: a reload gives the same page."""

    from_on: date
    to_on: date
    filter: Filter
    words: str
    page: str
    meeting: UUID | None

    def query(self, **changes: Any) -> str:
        """The query string of this choice, with changes; a changed list begins at its first page."""
        values = {
            "from": self.from_on.isoformat(),
            "to": self.to_on.isoformat(),
            "show": self.filter.value,
            "q": self.words,
            "page": "" if changes.keys() - {"meeting"} else self.page,
            "meeting": str(self.meeting or ""),
        }
        return urlencode({name: value for name, value in (values | changes).items() if value})


@require_GET
def supervision(request: HttpRequest) -> HttpResponse:
    """The meetings of a period at the left, the chosen one at the right."""
    require_right(request, Right.SUPERVISE)
    return _show(request, _choice(request.GET.dict(), _today(request)))


@require_GET
def meeting(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The chosen meeting alone, as the page shows it: it asks for itself while something may still change."""
    require_right(request, Right.SUPERVISE)
    choice = _choice(request.GET.dict(), _today(request))
    found = _meeting_or_404(request, uuid)
    if not request.headers.get("HX-Request"):
        return go("secretariat:supervision", query=choice.query(meeting=str(uuid)))
    now = timezone.now()
    context = _chosen(request, supervised_sheet(found, now), choice.query(meeting=str(uuid)))
    return render(request, "secretariat/_meeting.html", context)


@require_POST
def settle(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Settle a student who is present and has not signed."""
    user = require_right(request, Right.SUPERVISE)
    line: RollCallLine = get_object_or_404(RollCallLine.objects.select_related("roll_call__meeting"), uuid=uuid)
    choice = _choice_back(request, line.roll_call.meeting)
    reason = request.POST.get("reason", "")
    try:
        actions.settle(line, by=user, reason=reason, at=timezone.now())
    except Refused as refusal:
        return _show(request, choice, refusal, typed={"line": line.uuid, "reason": reason})
    notice(request, _("The presence of %(student)s is settled.") % {"student": str(line)})
    return go("secretariat:supervision", query=choice.query())


@require_POST
def validate(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Validate a class meeting finally."""
    user = require_right(request, Right.VALIDATE_MEETINGS)
    roll_call: RollCall = get_object_or_404(RollCall.objects.select_related("meeting"), meeting__uuid=uuid)
    choice = _choice_back(request, roll_call.meeting)
    try:
        actions.validate_meeting(roll_call, by=user, at=timezone.now())
    except Refused as refusal:
        return _show(request, choice, refusal)
    notice(request, _("The class meeting is validated: it is sealed, and nothing in it can change any more."))
    return go("secretariat:supervision", query=choice.query())


def chosen_again(request: HttpRequest, chosen: ClassMeeting) -> str:
    """The query of the page that a form was on, with the meeting that was acted on."""
    return _choice_back(request, chosen).query()


def refused_page(request: HttpRequest, chosen: ClassMeeting, refusal: Refused) -> HttpResponse:
    """The page that a form was on, with why it was refused."""
    return _show(request, _choice_back(request, chosen), refusal)


def _base(request: HttpRequest) -> Base:
    base: Base = request.base  # type: ignore[attr-defined]
    return base


def _today(request: HttpRequest) -> date:
    return timezone.now().astimezone(_base(request).tz).date()


def _day(text: str | None, default: date) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return default


def _choice(given: Mapping[str, Any], today: date) -> Choice:
    """What an address asks for; whatever makes no sense in it gives way to today and to everything."""
    from_on = _day(given.get("from"), today)
    to_on = min(max(_day(given.get("to"), from_on), from_on), _plus(from_on, MAX_DAYS))
    try:
        narrowed = Filter(given.get("show", Filter.ALL.value))
    except ValueError:
        narrowed = Filter.ALL
    try:
        chosen = UUID(given["meeting"]) if given.get("meeting") else None
    except ValueError:
        chosen = None
    return Choice(from_on, to_on, narrowed, given.get("q", "")[:100], given.get("page", ""), chosen)


def _plus(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return day


def _choice_back(request: HttpRequest, chosen: ClassMeeting) -> Choice:
    """The page that a form was on, which the form carries along, with the meeting that was acted on."""
    back = QueryDict(request.POST.get("back", "")).dict()
    return _choice(back | {"meeting": str(chosen.uuid)}, _today(request))


def _meeting_or_404(request: HttpRequest, uuid: UUID) -> ClassMeeting:
    meetings = supervised_meetings(_base(request), now=timezone.now(), drawings=True)
    return get_object_or_404(meetings, uuid=uuid)


def _matching(found: QuerySet[ClassMeeting], words: str) -> list[int]:
    """The meetings that a search finds, read without their rosters and signatures: a year holds many."""
    light = found.select_related(None).prefetch_related(None)
    light = light.select_related("course__subject", "course__course_type", "room")
    light = light.prefetch_related("course__groups", "teachers")
    return [each.pk for each in matching(light, words, _text_of)]


def _text_of(each: ClassMeeting) -> str:
    """What the search looks in: subject, type, groups, teachers and room."""
    words = [each.course.subject.name, each.course.course_type.name, each.room.name if each.room else ""]
    words += [group.name for group in each.course.groups.all()]
    words += [str(teacher) for teacher in each.teachers.all()]
    return " ".join(words)


def _show(
    request: HttpRequest,
    choice: Choice,
    refusal: Refused | None = None,
    typed: dict[str, Any] | None = None,
) -> HttpResponse:
    base, now = _base(request), timezone.now()
    found = supervised_meetings(base, filter=choice.filter, from_on=choice.from_on, to_on=choice.to_on, now=now)
    items = found.filter(pk__in=_matching(found, choice.words)) if choice.words.strip() else found
    page, pages = pages_of(items, choice.page)
    rows = [(each, state_of(each, now), choice.query(meeting=str(each.uuid))) for each in page]
    list_alone = request.headers.get("HX-Target") == "meeting-list"  # which keeps itself up to date
    chosen = None if list_alone else choice.meeting
    sheet = supervised_sheet(_meeting_or_404(request, chosen), now) if chosen else None
    context = {
        "choice": choice,
        "rows": rows,
        "page": page,
        "pages": [(number, choice.query(page=number)) for number in pages],
        "filters": [(each.value, text) for each, text in _FILTERS.items()],
        "periods": _periods(choice, _today(request)),
        "delay": _told_delay(now),
        "typed": typed,
        **_chosen(request, sheet, choice.query()),
    }
    return show(request, "supervision.html", "supervision", context, refusal=refusal)


def _chosen(request: HttpRequest, sheet: Sheet | None, here: str) -> dict[str, Any]:
    """What the fragment of the chosen meeting needs, alone or inside the page."""
    return {
        "sheet": sheet,
        "here": here,
        "may_validate": user_of(request).has_right(Right.VALIDATE_MEETINGS),
        "may_open": user_of(request).has_right(Right.OPEN_FOR_TEACHER),
    }


def _periods(choice: Choice, today: date) -> list[tuple[str, str, bool]]:
    """Shortcuts to the periods that are asked for most."""
    week = today - timedelta(days=today.weekday())
    spans = [
        (_("Today"), today, today),
        (_("This week"), week, week + timedelta(days=6)),
        (_("Last 30 days"), today - timedelta(days=30), today),
    ]
    return [
        (
            text,
            choice.query(**{"from": first.isoformat(), "to": last.isoformat()}),
            (first, last) == (choice.from_on, choice.to_on),
        )
        for text, first, last in spans
    ]


def _told_delay(now: datetime) -> str:
    """How long deliveries have been waiting, in words, once it is long enough to be worth one."""
    waiting = delay(now)
    return timesince(now - waiting, now) if waiting is not None and waiting > TOLD_DELAY else ""
