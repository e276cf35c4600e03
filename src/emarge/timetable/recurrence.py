"""The occurrences of a repeated event, on its own wall clock (RFC 5545, 3.8.5)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from dateutil.rrule import rrulestr  # type: ignore[import-untyped] # it has no stubs here
from django.utils.translation import gettext as _
from icalendar import vRecur

from emarge.timetable.calendar_file import CalendarEvent, EventError, Moment

MOST = 400
FARTHEST = timedelta(days=366)
_FREQUENCIES = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}


@dataclass(frozen=True)
class Occurrence:
    """One meeting of an event. ``original`` is the start that names it inside a repeated one, else None."""

    event: CalendarEvent
    original: datetime | None
    starts_at: datetime
    ends_at: datetime
    cancelled: bool


def occurrences(master: CalendarEvent, changes: list[CalendarEvent]) -> list[Occurrence]:
    """The meetings that an event and the changes of its single occurrences make. Raises EventError."""
    assert master.starts is not None  # noqa: S101 - an event without a start is only ever a change
    assert master.length is not None  # noqa: S101
    if master.rule is None and not master.extra and not changes:
        return [_occurrence(master, None, master.starts, master.cancelled)]
    by_original = {change.replaces: change for change in changes}
    made = []
    for moment in _moments(master):
        change = by_original.pop(moment.at, None)
        if change is not None:
            made.append(changed(change, master))
        elif not _left_out(master, moment):
            made.append(_occurrence(master, moment.at, moment, master.cancelled))
    # A change of an occurrence that the rule no longer makes is one more meeting.
    made += [changed(change, master) for change in by_original.values()]
    return sorted(made, key=lambda occurrence: occurrence.starts_at)


def changed(change: CalendarEvent, master: CalendarEvent | None) -> Occurrence:
    """The meeting that a change of one occurrence makes. Raises EventError when it has no time at all."""
    if change.starts is not None and change.length is not None:
        return _occurrence(change, change.replaces, change.starts, change.cancelled)
    if master is None or master.length is None or change.replaces is None:
        raise EventError(_("there is no start"))
    start = change.replaces
    return Occurrence(master, start, start, start + master.length, cancelled=True)


def _occurrence(event: CalendarEvent, original: datetime | None, moment: Moment, cancelled: bool) -> Occurrence:
    assert event.length is not None  # noqa: S101 - read with the start
    # From the wall clock, like the start: a meeting across the change of the clock lasts what its first does.
    return Occurrence(event, original, moment.at, moment.at + event.length, cancelled)


def _left_out(master: CalendarEvent, moment: Moment) -> bool:
    return moment.at in master.left_out or moment.wall.date() in master.left_out_on


def _moments(master: CalendarEvent) -> list[Moment]:
    start = master.starts
    assert start is not None  # noqa: S101
    walls = {start.wall}
    if master.rule is not None:
        walls.update(_walls(master.rule, start, master))
    moments = [Moment(wall, start.zone) for wall in sorted(walls)]
    return moments + [moment for moment in master.extra if moment.at not in {known.at for known in moments}]


def _walls(rule: dict[str, object], start: Moment, master: CalendarEvent) -> list[datetime]:
    """The starts that a rule makes, without zone, so that an hour stays the same hour across a change of the clock."""
    rule = {name.upper(): value for name, value in rule.items()}
    frequency = rule.get("FREQ")
    if not isinstance(frequency, list) or str(frequency[0]).upper() not in _FREQUENCIES:
        raise EventError(_("this repetition is not understood"))
    until = rule.get("UNTIL")
    if isinstance(until, list):
        rule["UNTIL"] = [_wall_until(until[0], start)]
    try:
        made = rrulestr(vRecur(rule).to_ical().decode(), dtstart=start.wall)
    except (ValueError, TypeError, KeyError):
        raise EventError(_("this repetition is not understood")) from None
    found: list[datetime] = []
    for wall in made:
        if len(found) >= MOST or wall - start.wall > FARTHEST:
            master.remarks.append(
                _("the repetition is long: taken for one year and %(most)d meetings at most") % {"most": MOST}
            )
            break
        found.append(wall)
    return found


def _wall_until(until: object, start: Moment) -> datetime:
    if isinstance(until, datetime):
        return until.replace(tzinfo=None) if until.tzinfo is None else _on_wall(until, start)
    assert isinstance(until, date)  # noqa: S101 - icalendar gives nothing else
    return datetime.combine(until, time.max.replace(microsecond=0))


def _on_wall(until: datetime, start: Moment) -> datetime:
    return until.astimezone(UTC).astimezone(start.zone).replace(tzinfo=None)
