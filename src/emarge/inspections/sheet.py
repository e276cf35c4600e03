"""The sheet of an audit trail: a PDF/A-3 for a reader, from the opened contents of the vault only.

It says what the bundle proves; it proves nothing by itself, and says so. Layout is in sheet.typ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from emarge.accounts.models import User
from emarge.attendance.drawing import DrawingRefusedError
from emarge.audit.trails import OpenedRecord
from emarge.inspections import sheet_texts as texts
from emarge.inspections.drawings import svg_of
from emarge.inspections.gathered import OPENINGS, SIGNATURES_OF_TEACHERS, Gathered, MeetingStory, gather, same_student
from emarge.inspections.models import AuditTrailRequest
from emarge.institutions.identifiers import masked
from emarge.lib.pdf import compile_pdf

TEMPLATE = Path(__file__).with_name("sheet.typ")


def draw(request: AuditTrailRequest, records: Sequence[OpenedRecord], *, by: User, at: datetime) -> bytes:
    """The sheet of a request, in the request's language and the base's time zone. Raises PdfError."""
    with translation.override(request.language), timezone.override(request.base.tz):
        data = _Sheet(request, gather(records), records, by, at).data()
    return compile_pdf(TEMPLATE, data, at=at)


@dataclass(frozen=True)
class _Sheet:
    request: AuditTrailRequest
    found: Gathered
    records: Sequence[OpenedRecord]
    by: User
    at: datetime

    def data(self) -> dict[str, Any]:
        """Everything that the template sets, as texts."""
        day = timezone.localtime(self.at)
        request = self.request
        demo = any(one.demo for one in self.records)
        first, last = _day(request.period_from), _day(request.period_to)
        period = first if first == last else _("From %(first)s to %(last)s") % {"first": first, "last": last}
        return {
            "lang": request.language,
            "title": _("Audit trail of digital sign-in"),
            "kicker": "ÉMARGE",
            "subtitle": f"{request.institution_code.code} · {period}",
            "author": "Émarge",
            "date": [day.year, day.month, day.day],
            "header": request.institution_code.code,
            "reference": request.reference,
            "footer": _("Produced on %(day)s by %(person)s") % {"day": _time(self.at), "person": self.by},
            "sections": self._sections(period),
            "result": {"heading": _("Result of the check"), "paragraphs": texts.result(len(self.records), demo=demo)},
            "meetings_heading": _("Class meetings"),
            "meetings": [self._meeting(story) for story in self.found.meetings],
            "teachers_heading": _("Teachers' signatures"),
            "teachers_columns": [_("Teacher"), _("Signed at"), _("How"), _("Signature")],
            "roster_heading": _("Students: presence and sign-in"),
            "roster_columns": [_("Student"), _("Presence"), _("Sign-in"), _("Signed at"), _("Signature")],
            "events_heading": _("Events, in the order of the vault"),
            "events_columns": [
                _("No."),
                _("Event"),
                _("Author"),
                _("Time on the server, then certified"),
                _("SHA-256 of the record"),
            ],
            "other_heading": _("Other records"),
            "other_events": [self._event(one) for one in self.found.others],
            "check": texts.check(),
        }

    def _sections(self, period: str) -> list[dict[str, Any]]:
        request = self.request
        asked = [
            [_("Institution code"), request.institution_code.code],
            [_("Period"), period],
            [_("Times are those of"), self.request.base.time_zone],
            [_("Requested by"), request.inspector],
            [_("Reference"), request.reference],
            [_("Reason"), request.reason],
            *self._step("audit_trail.requested", _("Entered by")),
            *self._step("audit_trail.approved", _("Approved by")),
        ]
        sections = [{"heading": _("Request"), "rows": asked}]
        return [*sections, {"heading": _("Student"), "rows": self._student()}] if request.student else sections

    def _step(self, event: str, label: str) -> list[list[str]]:
        """Who took a step of the request, and when, as the vault tells."""
        steps = [one for one in self.found.others if one.record.event == event]
        return [
            [label, f"{self.found.name_of(one.record.actor.person)}, {_time(one.record.at)} ({_number(one)})"]
            for one in steps
        ]

    def _student(self) -> list[list[str]]:
        pseudonyms = [one.record.student for one in self.found.others if one.record.event == "audit_trail.requested"]
        person = self.found.people.get(pseudonyms[-1] or "", {}) if pseudonyms else {}
        birth_on = person.get("birth_on")
        return [
            [_("Name"), str(person.get("name", _("unknown")))],
            [_("Identifier"), masked(str(person.get("identifier", ""))) or _("unknown")],
            [_("Date of birth"), _day(datetime.fromisoformat(birth_on)) if birth_on else _("unknown")],
        ]

    def _meeting(self, story: MeetingStory) -> dict[str, Any]:
        described = story.description
        zone = _zone(described.get("time_zone"))
        starts, ends = _instant(described.get("starts_at")), _instant(described.get("ends_at"))
        planned = f"{_time(starts, zone)} – {_clock(ends, zone)}" if starts and ends else _("not told")
        heading = str(described.get("title") or _("Class meeting %(uuid)s") % {"uuid": story.uuid})
        rows = [
            [_("Planned"), planned],
            *self._actual(story),
            [_("Place"), str(described.get("room") or "—")],
            [_("Public"), " · ".join(str(described[name]) for name in ("type", "public") if described.get(name))],
            [_("Teachers"), ", ".join(self._teachers(story)) or "—"],
            [_("Roll call"), self._mode(story)],
        ]
        return {
            "heading": f"{heading}, {_day(timezone.localtime(starts, zone))}" if starts else heading,
            "rows": rows,
            "teachers": [self._teacher(one) for one in story.all(*SIGNATURES_OF_TEACHERS)],
            "roster": self._roster(story),
            "others": self._untold(story),
            "events": [self._event(one) for one in story.records],
        }

    def _actual(self, story: MeetingStory) -> list[list[str]]:
        steps = [
            ("roll_call.opened", _("Roll call opened")),
            ("roll_call.started", _("Roll call by QR code started")),
            ("roll_call.ended", _("Roll call ended")),
            ("sign_in.opened", _("Sign-in opened")),
        ]
        rows = [(label, story.last(event)) for event, label in steps]
        told = [[label, _time(one.record.at)] for label, one in rows if one is not None]
        opened, validated = story.last(*OPENINGS), story.last("meeting.validated")
        if opened is not None:
            told.append([_("Sign-in open until"), _time(_instant(opened.record.details["closes_at"]))])
        return [*told, [_("Validated"), _time(validated.record.at)]] if validated else told

    def _teachers(self, story: MeetingStory) -> list[str]:
        last = story.last("roll_call.ended", "roll_call.opened")
        return [self.found.name_of(each) for each in last.record.teachers] if last else []

    def _mode(self, story: MeetingStory) -> str:
        opened = story.last("roll_call.opened")
        mode = str(opened.record.details.get("mode", "")) if opened else ""
        return str(texts.MODES.get(mode, mode or "—"))

    def _teacher(self, one: OpenedRecord) -> dict[str, Any]:
        name = self.found.name_of(one.record.actor.person)
        return {
            "who": name,
            "when": _time(one.record.at),
            "how": _method(one),
            "signature": _signature(one, name),
        }

    def _wanted(self, story: MeetingStory) -> list[dict[str, Any]]:
        """The lines of the roster that the request asks for: everybody, or the one student."""
        if self.request.student is None:
            return [line for line in story.roster if line["expected"]]
        return [line for line in story.roster if line["student"] in self._asked_for]

    @property
    def _asked_for(self) -> set[str | None]:
        """The one student: as the request named them, and as the bases of other years did."""
        asked = [one.record.student for one in self.found.others if one.record.event == "audit_trail.requested"]
        return same_student(self.records, asked[-1]) if asked else set()

    def _untold(self, story: MeetingStory) -> str:
        """How many students of the roster have no line here, and why."""
        count = len(story.roster) - len(self._wanted(story))
        if not count:
            return ""
        if self.request.student is not None:
            text = ngettext(
                "%(count)d other student of the roster is not concerned by this request.",
                "%(count)d other students of the roster are not concerned by this request.",
                count,
            )
        else:
            text = ngettext(
                "%(count)d student of the roster was not subject to sign-in.",
                "%(count)d students of the roster were not subject to sign-in.",
                count,
            )
        return text % {"count": count}

    def _roster(self, story: MeetingStory) -> list[dict[str, Any]]:
        rows = [self._line(story, line) for line in self._wanted(story)]
        return sorted(rows, key=lambda row: row["who"])

    def _line(self, story: MeetingStory, line: dict[str, Any]) -> dict[str, Any]:
        student = line["student"]
        name = self.found.name_of(student)
        signed = story.of_student(student, "sign_in.signed")
        settled = story.of_student(student, "sign_in.regularised")
        presence = str(texts.PRESENCES[line["presence"]])
        if line["minutes_late"]:
            presence += " (%s)" % (_("%(count)d min") % {"count": line["minutes_late"]})
        return {
            "who": name,
            "presence": presence,
            "sign_in": self._sign_in(story, line, signed, settled),
            "when": _time(signed.record.at) if signed else "—",
            "signature": _signature(signed, name),
        }

    def _sign_in(
        self, story: MeetingStory, line: dict[str, Any], signed: OpenedRecord | None, settled: OpenedRecord | None
    ) -> str:
        """Where the sign-in of a line stood when the bundle was produced."""
        if signed is not None:
            return _("Signed, %(method)s") % {"method": _method(signed)}
        if settled is not None:
            reason = (settled.content or {}).get("reason", "")
            return _("Regularised: %(reason)s") % {"reason": reason} if reason else _("Regularised")
        if line["presence"] == "absent" or not line["expected"]:
            return _("Not expected")
        opened = story.last(*OPENINGS)
        if opened is None:
            return _("Sign-in not opened")
        closes_at = _instant(opened.record.details["closes_at"])
        if closes_at is not None and self.at <= closes_at:
            return _("Not signed yet (open until %(time)s)") % {"time": _time(closes_at)}
        return _("Not signed in time")

    def _event(self, one: OpenedRecord) -> dict[str, Any]:
        record = one.record
        stamp = one.timestamp
        certified = _("certified %(time)s ± %(accuracy)s s") % {
            "time": _clock(stamp.gen_time, milliseconds=True)
            if timezone.localdate(stamp.gen_time) == timezone.localdate(record.at)
            else _time(stamp.gen_time, milliseconds=True),
            "accuracy": formats.number_format(stamp.accuracy.total_seconds(), 3),
        }
        return {
            "index": one.index,
            "event": str(texts.EVENTS.get(record.event, record.event)),
            "detail": self._detail(one),
            "actor": self.found.name_of(record.actor.person) or _("system"),
            "role": str(texts.ROLES.get(record.actor.role, record.actor.role)),
            "at": _time(record.at, milliseconds=True),
            "token": certified,
            "clock": str(texts.CLOCKS[record.clock.state]),
            "digest": one.digest,
        }

    def _detail(self, one: OpenedRecord) -> str:
        """The one fact of an event that a reader looks for."""
        record = one.record
        parts = []
        if record.student and record.student != record.actor.person:
            parts.append(self.found.name_of(record.student))
        presence = record.details.get("presence")
        if presence in texts.PRESENCES:
            parts.append(str(texts.PRESENCES[presence]))
        if record.method:
            parts.append(_method(one))
        if "flagged" in record.details:
            parts.append(_("Yes") if record.details["flagged"] else _("No"))
        if record.details.get("parts", 1) > 1:
            parts.append(_("part %(part)d of %(parts)d") % {name: record.details[name] for name in ("part", "parts")})
        reason = (one.content or {}).get("reason")
        if reason and record.meeting:
            parts.append(str(reason))
        return ", ".join(parts)


def _number(one: OpenedRecord) -> str:
    return _("record no. %(index)d") % {"index": one.index}


def _method(one: OpenedRecord) -> str:
    method = one.record.method or ""
    return str(texts.METHODS.get(method, method))


def _signature(one: OpenedRecord | None, name: str) -> dict[str, str]:
    """The drawn signature, or words when there is none to see."""
    if one is None:
        return {"svg": "", "alt": "—"}
    content = one.content
    if content is None:
        return {"svg": "", "alt": _("not opened")}
    if not content.get("drawing"):
        return {"svg": "", "alt": str(content.get("typed_name") or "—")}
    try:
        svg = svg_of(str(content["drawing"]))
    except DrawingRefusedError:
        return {"svg": "", "alt": _("unreadable")}
    return {"svg": svg, "alt": _("Signature of %(name)s") % {"name": name}}


def _zone(name: Any) -> tzinfo:
    """The time zone that a meeting was planned in; the base's when it is not told or not known."""
    try:
        return ZoneInfo(str(name))
    except (KeyError, ValueError, OSError):
        return timezone.get_current_timezone()


def _instant(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None


def _day(value: date) -> str:
    return formats.date_format(value, "j F Y")


def _clock(value: datetime | None, zone: tzinfo | None = None, *, milliseconds: bool = False) -> str:
    if value is None:
        return "—"
    local = timezone.localtime(value, zone)
    return f"{local:%H:%M:%S}.{local.microsecond // 1000:03}" if milliseconds else f"{local:%H:%M}"


def _time(value: datetime | None, zone: tzinfo | None = None, *, milliseconds: bool = False) -> str:
    """A local date and time: to the second for an act, to the minute for what was planned in a ``zone``."""
    if value is None:
        return "—"
    local = timezone.localtime(value, zone)
    seconds = f":{local:%S}" if zone is None and not milliseconds else ""
    # The month in letters: no reader may wonder which number is the day.
    return f"{formats.date_format(local, 'j N Y')} {_clock(value, zone, milliseconds=milliseconds)}{seconds}"
