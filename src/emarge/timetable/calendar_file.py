"""Reading an iCalendar file (RFC 5545) into events, each with the number of its first line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from django.utils.translation import gettext as _
from icalendar import Event, Timezone
from icalendar.cal.component import Component

from emarge.lib.import_report import Remarks
from emarge.lib.tables import UnreadableFileError, decode
from emarge.lib.words import tidy
from emarge.timetable.zones import Zones, instant

LONGEST = timedelta(hours=24)
_LINE_ENDS = re.compile(rb"\r\n|\n|\r")


class EventError(ValueError):
    """An event that cannot be a class meeting; the text says why."""


@dataclass(frozen=True)
class Block:
    """One component as it stands in the file. ``fault`` says why it is not even a component."""

    line: int
    name: str
    content: str
    fault: str = ""


@dataclass
class CalendarFile:
    blocks: list[Block]
    zones: dict[str, Timezone]
    cancels: bool
    """METHOD:CANCEL: every event of the file is cancelled."""


@dataclass(frozen=True)
class Moment:
    """A time on a wall clock, and the zone whose clock it is."""

    wall: datetime
    zone: tzinfo

    @property
    def at(self) -> datetime:
        return instant(self.wall, self.zone)


@dataclass
class CalendarEvent:
    """One VEVENT. ``replaces`` is the original start of the one occurrence that it stands for (RECURRENCE-ID)."""

    line: int
    uid: str
    sequence: int
    stamped_at: datetime
    starts: Moment | None
    length: timedelta | None
    replaces: datetime | None
    rule: dict[str, Any] | None
    extra: list[Moment]
    left_out: list[datetime]
    left_out_on: list[date]
    cancelled: bool
    summary: str
    description: str
    location: str
    categories: list[str]
    people: list[tuple[str, str]] = field(default_factory=list)
    """Name and e-mail of the organiser and the attendees."""
    remarks: Remarks = field(default_factory=Remarks)


def looks_like_a_calendar(data: bytes) -> bool:
    """Whether a file is a calendar, by its first words."""
    start = data[:400].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return start[:15].upper() == b"BEGIN:VCALENDAR"


def read_calendar(data: bytes) -> CalendarFile:
    """The components of a calendar file. Raises UnreadableFileError when it is cut short or holds none."""
    lines = _unfolded(data)
    _refuse_when_cut(lines)
    blocks = list(_blocks(lines))
    zones = {}
    for block in blocks:
        if block.name == "VTIMEZONE" and not block.fault:
            zone = _parse(Timezone, block)
            if zone is not None and "TZID" in zone:
                zones[str(zone["TZID"])] = zone
    found = [block for block in blocks if block.name not in {"VTIMEZONE", "VCALENDAR"}]
    if not found:
        raise UnreadableFileError("empty", _("the calendar holds no event"))
    return CalendarFile(found, zones, any(line.upper() == "METHOD:CANCEL" for _number, line in lines))


def _unfolded(data: bytes) -> list[tuple[int, str]]:
    """The content lines with their numbers. A long line may be folded inside a character: bytes are joined first."""
    if b"\x00" in data[:200]:
        data = decode(data, lambda _text: 1)[0].encode()
    numbers: list[int] = []
    joined: list[bytes] = []
    for number, line in enumerate(_LINE_ENDS.split(data), start=1):
        if line[:1] in {b" ", b"\t"} and joined:
            joined[-1] += line[1:]
        else:
            numbers.append(number)
            joined.append(line)
    text, _encoding = decode(b"\n".join(joined), lambda _text: 1)
    stripped = [line.strip() for line in text.split("\n")]
    return [(number, line) for number, line in zip(numbers, stripped, strict=True) if line]


def _refuse_when_cut(lines: list[tuple[int, str]]) -> None:
    words = [line.upper() for _number, line in lines]
    if words.count("BEGIN:VCALENDAR") != words.count("END:VCALENDAR") or words[-1] != "END:VCALENDAR":
        raise UnreadableFileError("truncated", _("the file is truncated: its end is missing"))


def _blocks(lines: list[tuple[int, str]]) -> Iterator[Block]:
    """The components directly under a calendar; one that is not closed before the next begins is at fault."""
    open_names: list[str] = []
    content: list[str] = []
    first = 0
    for number, line in lines:
        word, name = _boundary(line)
        # An event that is still open when the calendar ends, or when another begins, has lost its end.
        lost = open_names and ((word == "BEGIN" and name == open_names[0]) or name == "VCALENDAR")
        if lost:
            yield Block(first, open_names[0], "\r\n".join(content), _("the event has no end"))
            open_names.clear()
        if name == "VCALENDAR":
            continue
        if word == "BEGIN":
            if not open_names:
                first, content = number, []
            open_names.append(name)
        if open_names:
            content.append(line)
        if word == "END" and name in open_names:
            outermost = open_names[0]
            del open_names[open_names.index(name) :]
            if not open_names:
                yield Block(first, outermost, "\r\n".join(content) + "\r\n")


def _boundary(line: str) -> tuple[str, str]:
    """BEGIN or END and the name of a component; two empty words for any other line."""
    word, _colon, name = line.partition(":")
    word = word.upper()
    return (word, name.strip().upper()) if word in {"BEGIN", "END"} else ("", "")


def _parse(kind: type[Component], block: Block) -> Any:
    try:
        return kind.from_ical(block.content)
    # OSError: a zone's name is looked up as the name of a file.
    except (ValueError, KeyError, IndexError, TypeError, OSError):
        return None


def read_event(block: Block, zones: Zones, *, cancels: bool) -> CalendarEvent:
    """The event of a block. Raises EventError when it is none, or says a time that cannot be read."""
    if block.fault:
        raise EventError(block.fault)
    if block.name != "VEVENT":
        raise EventError(_("%(name)s is not an event") % {"name": block.name})
    component = _parse(Event, block)
    if component is None:
        raise EventError(_("the event is malformed"))
    left_out = _leave_out_broken(component)
    status = _text(component, "STATUS").upper()
    event = CalendarEvent(
        line=block.line,
        uid=_text(component, "UID"),
        sequence=_sequence(component),
        stamped_at=_stamp(component, zones),
        starts=None,
        length=None,
        replaces=_original_start(component, zones),
        rule=_rule(component),
        extra=[],
        left_out=[],
        left_out_on=[],
        cancelled=cancels or status in {"CANCELLED", "CANCELED"},
        summary=_text(component, "SUMMARY"),
        description=_long_text(component, "DESCRIPTION"),
        location=_text(component, "LOCATION"),
        categories=_categories(component),
        people=_people(component),
    )
    if left_out:
        event.remarks.correct(_("malformed, left out: %(names)s") % {"names": ", ".join(left_out)})
    if status == "TENTATIVE":
        event.remarks.append(_("the file says that it is tentative"))
    _read_times(component, event, zones)
    return event


_TIMES = {"DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID", "EXDATE", "RDATE"}


def _leave_out_broken(component: Event) -> list[str]:
    """Drop the properties that cannot be read and name them; EventError when they are about time."""
    broken = sorted({name.upper() if name else "?" for name, _fault in component.errors})
    if _TIMES.intersection(broken):
        names = ", ".join(name for name in broken if name in _TIMES)
        raise EventError(_("malformed: %(names)s") % {"names": names})
    for name in broken:
        component.pop(name, None)
    return broken


def _read_times(component: Event, event: CalendarEvent, zones: Zones) -> None:
    start = component.get("DTSTART")
    if start is None:
        if event.cancelled and event.replaces is not None:
            return
        raise EventError(_("there is no start"))
    if isinstance(start, list):
        raise EventError(_("there are two starts"))
    event.starts = _moment(start.dt, start.params, zones)
    event.length = _length(component, event, zones)
    for several in _as_list(component.get("EXDATE")):
        for value in several.dts:
            if isinstance(value.dt, datetime):
                event.left_out.append(_moment(value.dt, {**several.params, **value.params}, zones).at)
            else:
                event.left_out_on.append(value.dt)
    for several in _as_list(component.get("RDATE")):
        for value in several.dts:
            when = value.dt[0] if isinstance(value.dt, tuple) else value.dt
            event.extra.append(_moment(when, {**several.params, **value.params}, zones))


def _length(component: Event, event: CalendarEvent, zones: Zones) -> timedelta:
    end, duration = component.get("DTEND"), component.get("DURATION")
    if isinstance(end, list) or isinstance(duration, list):
        raise EventError(_("there are two ends"))
    if end is None and duration is None:
        raise EventError(_("there is no end"))
    assert event.starts is not None  # noqa: S101 - read just before
    length = duration.dt if end is None else _moment(end.dt, end.params, zones).at - event.starts.at
    if not isinstance(length, timedelta):
        raise EventError(_("malformed: %(names)s") % {"names": "DURATION"})
    if length <= timedelta():
        raise EventError(_("it does not end after it starts"))
    if length > LONGEST:
        raise EventError(_("it lasts longer than a day: not a class meeting"))
    return length


def _moment(value: date | datetime, params: Any, zones: Zones) -> Moment:
    if not isinstance(value, datetime):
        raise EventError(_("it is a whole day, without hours: not a class meeting"))
    name = params.get("TZID")
    if name is None and value.tzinfo is not None:
        return Moment(value.astimezone(UTC).replace(tzinfo=None), UTC)
    return Moment(value.replace(tzinfo=None), zones.find(str(name) if name is not None else None))


def _original_start(component: Event, zones: Zones) -> datetime | None:
    value = component.get("RECURRENCE-ID")
    if value is None or isinstance(value, list):
        return None
    if str(value.params.get("RANGE", "")).upper() == "THISANDFUTURE":
        raise EventError(_("a change of all the following occurrences is not understood: export them one by one"))
    if not isinstance(value.dt, datetime):
        raise EventError(_("malformed: %(names)s") % {"names": "RECURRENCE-ID"})
    return _moment(value.dt, value.params, zones).at


def _stamp(component: Event, zones: Zones) -> datetime:
    """When this version was written: only used to order two versions of one event."""
    for name in ("LAST-MODIFIED", "DTSTAMP"):
        value = component.get(name)
        when = getattr(value, "dt", None)
        if isinstance(when, datetime):
            return _moment(when, value.params, zones).at
    return datetime(1970, 1, 1, tzinfo=UTC)


def _sequence(component: Event) -> int:
    value = component.get("SEQUENCE", 0)
    return value if isinstance(value, int) and 0 <= value < 2**31 else 0


def _rule(component: Event) -> dict[str, Any] | None:
    value = component.get("RRULE")
    if isinstance(value, list) or "EXRULE" in component:
        raise EventError(_("this repetition is not understood"))
    return None if value is None else dict(value)


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _long_text(component: Event, name: str) -> str:
    return "\n".join(str(value) for value in _as_list(component.get(name)))


def _text(component: Event, name: str) -> str:
    return tidy(" ".join(str(value) for value in _as_list(component.get(name))))


def _categories(component: Event) -> list[str]:
    found = []
    for value in _as_list(component.get("CATEGORIES")):
        found += [tidy(str(category)) for category in getattr(value, "cats", [value])]
    return [category for category in found if category]


def _people(component: Event) -> list[tuple[str, str]]:
    found = []
    for name in ("ORGANIZER", "ATTENDEE"):
        for value in _as_list(component.get(name)):
            address = str(value).strip().lower().removeprefix("mailto:")
            params = getattr(value, "params", {})
            found.append((tidy(str(params.get("CN", ""))).strip('"'), address if "@" in address else ""))
    return found
