"""Anomalies of scans and signatures (row M11.3): of a class meeting, of a period, and as a file."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from emarge.accounts.models import Right
from emarge.attendance import actions
from emarge.attendance.anomalies import Kind
from emarge.attendance.anomaly_queries import MAX_DAYS, Named, anomalies_of_days, anomalies_of_meeting
from emarge.attendance.models import RollCall, RollCallLine
from emarge.lib.refusal import Refused
from emarge.spaces.access import base_of, require_right
from emarge.spaces.notices import notice
from emarge.spaces.secretariat.anomaly_texts import KINDS, evidence_of, figures
from emarge.spaces.secretariat.page import go, matching, pages_of, show

_STATES = {
    "open": gettext_lazy("To review"),
    "reviewed": gettext_lazy("Reviewed"),
    "all": gettext_lazy("All"),
}
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Choice:
    """What the page shows, all of it in its address."""

    from_on: date
    to_on: date
    kind: str
    state: str
    words: str
    page: str

    def query(self, **changes: Any) -> str:
        """The query string of this choice, with changes; a changed list begins at its first page."""
        values = {
            "from": self.from_on.isoformat(),
            "to": self.to_on.isoformat(),
            "kind": self.kind,
            "show": self.state,
            "q": self.words,
            "page": "" if changes else self.page,
        }
        return urlencode({name: value for name, value in (values | changes).items() if value})


@dataclass(frozen=True)
class Row:
    """An anomaly in words."""

    named: Named
    kind: Any
    evidence: list[str]

    @property
    def id(self) -> str:
        """What tells it apart in the page."""
        return f"{self.named.anomaly.line}-{self.named.anomaly.kind.value}"


@require_GET
def anomalies(request: HttpRequest) -> HttpResponse:
    """The anomalies of a period."""
    require_right(request, Right.SUPERVISE)
    return _show(request, _choice(request.GET.dict(), _today(request)))


@require_GET
def meeting_anomalies(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The anomalies of one class meeting, for its sheet."""
    require_right(request, Right.SUPERVISE)
    found = RollCall.objects.select_related("base", "meeting")
    roll_call: RollCall = get_object_or_404(found, meeting__uuid=uuid)
    day = roll_call.starts_at.astimezone(base_of(request).tz).date()
    rows = [_row(each) for each in anomalies_of_meeting(roll_call)]
    here = Choice(day, day, "", "all", "", "").query()
    return render(request, "secretariat/_meeting_anomalies.html", {"rows": rows, "here": here})


@require_GET
def anomalies_csv(request: HttpRequest) -> HttpResponse:
    """The same list as a file, whole (docs/formats/anomalies.md)."""
    require_right(request, Right.SUPERVISE)
    choice = _choice(request.GET.dict(), _today(request))
    name = f"anomalies-{choice.from_on}-{choice.to_on}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8", headers=headers)
    writer = csv.writer(response, delimiter=";" if get_language() == "fr" else ",")
    writer.writerow(
        [
            _("Day"),
            _("Start"),
            _("Class meeting"),
            _("Student"),
            _("Anomaly"),
            _("Evidence"),
            _("Reviewed by"),
            _("Reviewed at"),
            _("Note"),
        ]
    )
    writer.writerows([_cell(value) for value in _line(row)] for row in _rows(request, choice))
    return response


@require_POST
def review_anomaly(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Note what was found out about an anomaly."""
    user = require_right(request, Right.SUPERVISE)
    line: RollCallLine = get_object_or_404(RollCallLine, uuid=uuid)
    choice = _choice(QueryDict(request.POST.get("back", "")).dict(), _today(request))
    note = request.POST.get("note", "")
    try:
        kind = Kind(request.POST.get("kind", ""))
    except ValueError:
        raise Http404 from None
    try:
        actions.review_anomaly(line, kind, request.POST.get("evidence", ""), by=user, note=note, at=timezone.now())
    except Refused as refusal:
        return _show(request, choice, refusal, typed={"id": f"{line.uuid}-{kind.value}", "note": note})
    notice(request, _("The anomaly of %(student)s is marked as reviewed.") % {"student": str(line)})
    return go("secretariat:anomalies", query=choice.query())


def _today(request: HttpRequest) -> date:
    return timezone.now().astimezone(base_of(request).tz).date()


def _day(text: str | None, default: date) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return default


def _choice(given: Mapping[str, Any], today: date) -> Choice:
    """What an address asks for; whatever makes no sense in it gives way to the last seven days and to everything."""
    to_on = _day(given.get("to"), today)
    from_on = min(_day(given.get("from"), to_on - timedelta(days=6)), to_on)
    if to_on - from_on >= timedelta(days=MAX_DAYS):
        from_on = to_on - timedelta(days=MAX_DAYS - 1)
    kind = given.get("kind", "")
    state = given.get("show", "open")
    return Choice(
        from_on,
        to_on,
        kind if kind in {each.value for each in Kind} else "",
        state if state in _STATES else "open",
        given.get("q", "")[:100],
        given.get("page", ""),
    )


def _row(named: Named) -> Row:
    return Row(named, KINDS[named.anomaly.kind], evidence_of(named))


def _text_of(named: Named) -> str:
    call = named.roll_call
    return f"{named.line} {call.subject} {call.course_type} {call.public} {call.room}"


def _found(request: HttpRequest, choice: Choice) -> list[Named]:
    found = anomalies_of_days(base_of(request), choice.from_on, choice.to_on)
    if choice.kind:
        found = [each for each in found if each.anomaly.kind.value == choice.kind]
    if choice.state != "all":
        found = [each for each in found if (each.reviewed is not None) == (choice.state == "reviewed")]
    return matching(found, choice.words, _text_of) if choice.words.strip() else found


def _rows(request: HttpRequest, choice: Choice) -> Iterator[Row]:
    return (_row(each) for each in _found(request, choice))


def _line(row: Row) -> list[str]:
    call, reviewed = row.named.roll_call, row.named.reviewed
    starts_at = localtime(call.starts_at)
    return [
        starts_at.date().isoformat(),
        date_format(starts_at, "H:i"),
        call.subject,
        str(row.named.line),
        str(row.kind),
        " / ".join(row.evidence),
        str(reviewed.reviewed_by) if reviewed else "",
        date_format(localtime(reviewed.reviewed_at), "Y-m-d H:i") if reviewed else "",
        reviewed.note if reviewed else "",
    ]


def _cell(value: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value


def _show(
    request: HttpRequest, choice: Choice, refusal: Refused | None = None, typed: dict[str, str] | None = None
) -> HttpResponse:
    page, pages = pages_of(_found(request, choice), choice.page)
    context = {
        "choice": choice,
        "here": choice.query(),
        "page": page,
        "pages": [(number, choice.query(page=number)) for number in pages],
        "rows": [_row(each) for each in page],
        "kinds": [(kind.value, text) for kind, text in KINDS.items()],
        "states": _STATES.items(),
        "figures": figures(),
        "typed": typed,
    }
    return show(request, "anomalies.html", "anomalies", context, refusal=refusal)
