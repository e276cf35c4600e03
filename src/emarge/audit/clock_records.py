"""Writes each change of the authority's clock into every log, once (docs/formats/record.md, *Changes of the clock*)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from emarge.audit import authority, rules
from emarge.audit.actions import SYSTEM, record
from emarge.audit.locks import held
from emarge.audit.models import ClockCursor, OutboxEvent
from emarge.audit.queries import clock_of
from emarge.proof.evidence import records
from emarge.proof.evidence.events import CLOCK_CHANGED, instant
from emarge.proof.timestamping.comparison import ClockState
from emarge.proof.timestamping.report import NumberedChange, ReportClient


class ClockFollower:
    """Follows the authority's history. What was read is kept in memory; what was recorded is in the base.

    Any number of followers, killed anywhere, give each log each change once: the record and the cursor that
    says so are written in one transaction, after the cursor was read in it.
    """

    def __init__(self, connect: Callable[[], ReportClient] = authority.client) -> None:
        self._connect = connect
        self._client: ReportClient | None = None
        self._history, self._kept = "", list[NumberedChange]()
        self._logs: set[str] | None = None
        self._done: dict[str, int] = {}

    def meet(self, logs: Sequence[str]) -> None:
        """Hear of logs, some of which may have just begun."""
        if self._logs is not None:
            self._logs.update(logs)

    def follow(self) -> int:
        """Record what changed since the last time; answer how many records were written.

        Raises TimestampUnavailable when the authority cannot be asked now.
        """
        self._read()
        if self._logs is None:
            self._logs = set(OutboxEvent.objects.order_by().values_list("log", flat=True).distinct())
        last = self._kept[-1].number if self._kept else 0
        behind = [log for log in sorted(self._logs) if self._done.get(log, 0) < last]
        return sum(self._bring_up(log) for log in behind)

    def _read(self) -> None:
        """Read on from what is kept; a history of another name, or one that went back, is read from its start."""
        self._client = self._client or self._connect()
        last = self._kept[-1].number if self._kept else 0
        read = self._client.changes(last)
        if read.history != self._history or read.last < last:
            read = self._client.changes(0)
            self._history, self._kept = read.history, []
            self._done.clear()
        self._kept += read.changes

    def _bring_up(self, log: str) -> int:
        now = timezone.now()
        with held(f"clock {log}"), transaction.atomic():
            cursor = ClockCursor.objects.select_for_update().filter(log=log).first() or self._begin(log)
            position = cursor.number if cursor.history == self._history else 0
            pending = [one for one in self._kept if one.number > position]
            recent = rules.of_the_last_minute([datetime.fromisoformat(at) for at in cursor.recorded], now)
            groups = rules.told_together(pending, rules.PER_MINUTE - len(recent))
            for number, group in enumerate(groups):
                lost = group[0].number - position - 1 if number == 0 else 0
                self._record(log, group, lost, now)
            if groups:
                cursor.history, cursor.number = self._history, groups[-1][-1].number
                cursor.recorded = [at.isoformat() for at in [*recent, *([now] * len(groups))]]
                cursor.save()
        if not pending or groups:
            self._done[log] = self._kept[-1].number
        return len(groups)

    def _begin(self, log: str) -> ClockCursor:
        """The cursor of a log without one: before the change that made the state in which the log was begun."""
        begun = OutboxEvent.objects.filter(log=log).order_by("id").values_list("created_at", flat=True)[0]
        before = [one.number for one in self._kept if one.at <= begun]
        number = before[-1] if before else self._kept[0].number
        return ClockCursor(log=log, history=self._history, number=number - 1)

    def _record(self, log: str, group: Sequence[NumberedChange], lost: int, now: datetime) -> None:
        last = OutboxEvent.objects.filter(log=log).order_by("-id")[0]
        record(
            CLOCK_CHANGED,
            base=UUID(str(last.base)),
            log=log,
            code=records.parse(bytes(last.record)).code,
            at=now,
            actor=SYSTEM,
            details=_details(self._history, group, lost),
            subject=clock_of(log),
        )

    def close(self) -> None:
        """Leave the connection to the authority; ``follow`` makes another."""
        if self._client is not None:
            self._client.close()
            self._client = None


def _details(history: str, group: Sequence[NumberedChange], lost: int) -> dict[str, Any]:
    first, last = group[0], group[-1]
    details: dict[str, Any] = {
        "history": history,
        "first": first.number,
        "last": last.number,
        "changed_at": instant(last.at),
        "before": word(first.before),
        "state": word(last.state),
        "reason": last.reason,
        "excluded": list(last.excluded),
    }
    if len(group) > 1:
        details["merged"] = {
            "since": instant(first.at),
            "states": sorted({word(one.state) for one in group}),
            "excluded": sorted({name for one in group for name in one.excluded}),
        }
    return details | ({"lost": lost} if lost else {})


def word(state: ClockState) -> str:
    """A state as records write it."""
    return state.value.replace(" ", "_")
