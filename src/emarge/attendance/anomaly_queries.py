"""Anomalies as they are shown, with names, class meetings and who reviewed them: few queries for any number."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from emarge.attendance.anomalies import Act, Anomaly, Called, Kind, find
from emarge.attendance.models import ReviewedAnomaly, RollCall, RollCallLine, Scan, SignIn
from emarge.attendance.queries import day_begins
from emarge.hosting.models import Base

MAX_DAYS = 31
_ACT = ("line__uuid", "line__student__uuid", "line__roll_call__meeting__uuid", "device", "network", "session")


@dataclass(frozen=True)
class Named:
    """An anomaly with what a reader needs: names by line, roll calls by class meeting, and who reviewed it."""

    anomaly: Anomaly
    lines: dict[UUID, RollCallLine]
    roll_calls: dict[UUID, RollCall]
    reviewed: ReviewedAnomaly | None

    @property
    def line(self) -> RollCallLine:
        """The line that it is of."""
        return self.lines[self.anomaly.line]

    @property
    def roll_call(self) -> RollCall:
        """The roll call that it is of."""
        return self.roll_calls[self.anomaly.acts[0].meeting]


def anomalies_of_days(base: Base, first_on: date, last_on: date) -> list[Named]:
    """The anomalies of class meetings from one local day to another, both included; latest meeting first."""
    begins, ends = day_begins(base, first_on), day_begins(base, last_on + timedelta(days=1))
    return _named(base, Q(base=base, starts_at__gte=begins, starts_at__lt=ends))


def anomalies_of_meeting(roll_call: RollCall) -> list[Named]:
    """The anomalies of one class meeting: its day is looked at, since a device may be shared across meetings."""
    day = roll_call.starts_at.astimezone(roll_call.base.tz).date()
    return [each for each in anomalies_of_days(roll_call.base, day, day) if each.roll_call == roll_call]


def _named(base: Base, wanted: Q) -> list[Named]:
    wanted_calls = RollCall.objects.filter(wanted)
    calls = {call.meeting.uuid: call for call in wanted_calls.select_related("meeting", "base")}
    meetings = {uuid: _called(base, call) for uuid, call in calls.items()}
    found = find([*_scans(wanted_calls), *_signatures(wanted_calls)], meetings)
    names = {act.line for one in found for act in (*one.acts, *one.others)}
    lines = RollCallLine.objects.in_bulk(names, field_name="uuid")  # which a long list reads in parts
    reviewed = _reviewed(wanted_calls)
    named = [Named(one, lines, calls, reviewed.get((one.line, one.kind.value, one.evidence))) for one in found]
    return sorted(
        named, key=lambda each: (-each.roll_call.starts_at.timestamp(), each.roll_call.pk, str(each.line), each.line.pk)
    )


def _called(base: Base, call: RollCall) -> Called:
    return Called(
        call.meeting.uuid,
        call.starts_at.astimezone(base.tz).date(),
        call.starts_at,
        call.ends_at,
        call.sign_in_opened_at,
        timedelta(seconds=call.grace_seconds),
    )


def _scans(roll_calls: QuerySet[RollCall]) -> Iterable[Act]:
    rows = Scan.objects.filter(line__roll_call__in=roll_calls).values_list(*_ACT, "scanned_at", "step", "late_ms")
    for line, student, meeting, device, network, session, at, step, late in rows:
        lateness = timedelta(milliseconds=late)
        yield Act(line, student, meeting, at, device, network, session, is_scan=True, step=step, late=lateness)


def _signatures(roll_calls: QuerySet[RollCall]) -> Iterable[Act]:
    rows = SignIn.objects.filter(line__roll_call__in=roll_calls).values_list(*_ACT, "signed_at")
    for line, student, meeting, device, network, session, at in rows:
        yield Act(line, student, meeting, at, device, network, session)


def _reviewed(roll_calls: QuerySet[RollCall]) -> dict[tuple[UUID, str, str], ReviewedAnomaly]:
    rows = ReviewedAnomaly.objects.filter(line__roll_call__in=roll_calls).select_related("reviewed_by", "line")
    return {(row.line.uuid, row.kind, row.evidence): row for row in rows}


def anomaly_of(line: RollCallLine, kind: Kind) -> Anomaly | None:
    """The anomaly of a line of one kind as it stands now, if there is one."""
    return next(
        (
            each.anomaly
            for each in anomalies_of_meeting(line.roll_call)
            if (each.anomaly.line, each.anomaly.kind) == (line.uuid, kind)
        ),
        None,
    )
