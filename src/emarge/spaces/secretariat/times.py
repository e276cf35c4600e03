"""How can I be sure of the recorded times? The clock, its sources and its last day (rows M6.5, M8.2, M8.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.timezone import localtime
from django.views.decorators.http import require_GET

from emarge.accounts.models import Right
from emarge.attendance.models import Parameters
from emarge.audit import authority, vault
from emarge.audit.authority import DEMO_POLICY, NumberedChange, Round, SourceReport, Status
from emarge.audit.queries import ClockChange, clock_changes
from emarge.hosting.models import Base
from emarge.spaces.secretariat import clock_picture
from emarge.spaces.secretariat import times_texts as texts
from emarge.spaces.secretariat.page import require_any, show

MOST_CHANGES = 50
_TOLD_WITHOUT = timedelta(days=7)
_READERS = (Right.SUPERVISE, Right.EDIT_PARAMETERS)


@dataclass(frozen=True)
class Standing:
    """The state of the clock now, for a badge."""

    look: str
    text: Any
    reason: Any


@dataclass(frozen=True)
class SourceRow:
    """A source as the page shows it."""

    name: Any
    look: str
    state: Any
    offset: str
    interval: str
    excluded: bool
    fault: str


@dataclass(frozen=True)
class ChangeRow:
    """A change of state as the page shows it. ``changes``: how many were told together."""

    at: datetime
    before: Any
    look: str
    state: Any
    reason: Any
    excluded: str
    changes: int = 1


@dataclass(frozen=True)
class HourRow:
    """An hour of the last day: the states in it, and the widest that each source said."""

    begins: datetime
    states: list[tuple[str, Any]]
    said: list[tuple[Any, str]]
    excluded: str


@require_GET
def times(request: HttpRequest) -> HttpResponse:
    """The page; it asks the authority each time, and says so when there is no answer."""
    require_any(request, *_READERS)
    status = authority.status()
    context = _told(status) if status else {"status": None, "changes": _recorded(request)}
    return show(request, "times.html", "supervision", context)


@require_GET
def picture(request: HttpRequest) -> HttpResponse:
    """The picture of the last day, as an image of its own."""
    require_any(request, *_READERS)
    status = authority.status()
    if status is None:
        return HttpResponse(status=503)
    drawn = clock_picture.draw(status, narrow=request.GET.get("narrow") == "1")
    return HttpResponse(drawn, content_type="image/svg+xml; charset=utf-8")


@require_GET
def standing(request: HttpRequest) -> HttpResponse:
    """The fragment of supervision that asks authority and vault: apart from the page, which must not wait."""
    require_any(request, *_READERS)
    mirror = vault.mirror()
    context = {
        "standing": standing_of(authority.status()),
        "vault_answers": mirror is not None,
        "mirror": texts.MIRRORS.get(mirror or ""),
    }
    return render(request, "secretariat/_standing.html", context)


def standing_of(status: Status | None) -> Standing | None:
    """The state for a badge; None when the authority does not answer."""
    return Standing(*texts.state_of(status.state), texts.reason_of(status.reason)) if status else None


def _base(request: HttpRequest) -> Base:
    base: Base = request.base  # type: ignore[attr-defined]
    return base


def _told(status: Status) -> dict[str, Any]:
    return {
        "status": status,
        "standing": standing_of(status),
        "demo": status.policy == DEMO_POLICY,
        "bound": texts.width(status.bound) if status.bound is not None else "",
        "accuracy": texts.width(status.declared_accuracy),
        "refused": texts.refusals(dict(status.refused)),
        "sources": [_source(source) for source in status.sources],
        "excluded": texts.names_of(status.comparison.excluded) if status.comparison else "",
        "agreed": texts.interval(status.comparison.agreed_ms) if status.comparison else "",
        "columns": [texts.source_of(source.name) for source in status.sources],
        "hours": _hours(status),
        "changes": [_change(one, at=one.at) for one in reversed(status.changes[-MOST_CHANGES:])],
    }


def _source(source: SourceReport) -> SourceRow:
    look, state = texts.SOURCE_STATES.get(source.state, ("", source.state))
    offset = texts.milliseconds(sum(source.interval_ms) / 2) if source.interval_ms else "—"
    excluded = source.state == "excluded"
    interval = texts.interval(source.interval_ms)
    return SourceRow(texts.source_of(source.name), look, state, offset, interval, excluded, source.fault or "")


def _change(one: NumberedChange | ClockChange, *, at: datetime, changes: int = 1) -> ChangeRow:
    look, text = texts.state_of(one.state)
    was = texts.state_of(one.before)[1]
    return ChangeRow(at, was, look, text, texts.reason_of(one.reason), texts.names_of(one.excluded), changes)


def told_change(one: ClockChange) -> ChangeRow:
    """A change that a record tells."""
    return _change(one, at=one.changed_at, changes=one.changes)


def _recorded(request: HttpRequest) -> list[ChangeRow]:
    """What the records say of the last week: what is shown when the authority does not answer."""
    parameters = Parameters.objects.select_related("institution_code").filter(base=_base(request)).first()
    if parameters is None or parameters.institution_code is None:
        return []
    now = timezone.now()
    found = clock_changes(parameters.institution_code.log, now - _TOLD_WITHOUT, now)
    return [told_change(one) for one in reversed(found[-MOST_CHANGES:])]


def _hours(status: Status) -> list[HourRow]:
    """The last day hour by hour, the last one first: what the picture shows."""
    by_hour: dict[datetime, list[Round]] = {}
    for sample in status.samples:
        if sample.at > status.at - clock_picture.DAY:
            hour = localtime(sample.at).replace(minute=0, second=0, microsecond=0)
            by_hour.setdefault(hour, []).append(sample)
    names = [source.name for source in status.sources]
    return [_hour(hour, rounds, names) for hour, rounds in sorted(by_hour.items(), reverse=True)]


def _hour(begins: datetime, rounds: Sequence[Round], names: Sequence[str]) -> HourRow:
    states = dict.fromkeys(sample.state for sample in rounds if sample.state)
    return HourRow(
        begins=begins,
        states=[texts.state_of(state) for state in states],
        said=[(texts.source_of(name), texts.interval(_widest(rounds, name))) for name in names],
        excluded=texts.names_of(tuple(dict.fromkeys(name for sample in rounds for name in sample.excluded))),
    )


def _widest(rounds: Sequence[Round], name: str) -> tuple[float, float] | None:
    said = [sample.intervals_ms[name] for sample in rounds if name in sample.intervals_ms]
    return (min(pair[0] for pair in said), max(pair[1] for pair in said)) if said else None
